package histories

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/sojourn-go/sojourn"
)

// errLost is the answer of a call that was lost, or whose acknowledgement was.
var errLost = errors.New("histories: connection lost")

// checkLimit is how long porcupine may look at one history.
const checkLimit = 20 * time.Second

// recording collects the calls of several clients.
type recording struct {
	began time.Time
	mu    sync.Mutex
	calls []porcupine.Operation
}

// call records what do answers. An answer that says nothing of what happened leaves the call open for ever: it may still
// take effect.
func (r *recording) call(client int, input any, do func() (output any, err error)) error {
	op := porcupine.Operation{ClientId: client, Input: input, Call: int64(time.Since(r.began))}
	output, err := do()
	op.Output, op.Return = output, int64(time.Since(r.began))
	if errors.Is(err, errLost) {
		op.Output, op.Return = unknown{}, math.MaxInt64
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, op)
	return err
}

// unknown is the output of a call without an answer.
type unknown struct{}

// answer is how a call ended, as far as the contract tells ends apart.
type answer string

const (
	done     answer = "ok"
	gone     answer = "gone"
	conflict answer = "conflict"
	ended    answer = "ended"
)

// outcome turns an error into an answer.
func outcome(err error) answer {
	switch {
	case err == nil:
		return done
	case errors.Is(err, sojourn.ErrNotFound):
		return gone
	case errors.Is(err, sojourn.ErrConflict):
		return conflict
	case errors.Is(err, sojourn.ErrEnded):
		return ended
	}
	return answer("error: " + err.Error())
}

// explain returns the shortest beginning of a history that has no order, without the calls that it does not need.
func explain(model porcupine.Model, history []porcupine.Operation) string {
	legal := func(h []porcupine.Operation) bool {
		return porcupine.CheckOperationsTimeout(model, h, checkLimit) != porcupine.Illegal
	}
	returns := make([]int64, 0, len(history))
	for _, op := range history {
		returns = append(returns, op.Return)
	}
	slices.Sort(returns)
	shortest := history
	for _, end := range returns {
		// What had not returned by then may take effect at any time.
		var beginning []porcupine.Operation
		for _, op := range history {
			if op.Call > end {
				continue
			}
			if op.Return > end {
				op.Output, op.Return = unknown{}, math.MaxInt64
			}
			beginning = append(beginning, op)
		}
		if !legal(beginning) {
			shortest = beginning
			break
		}
	}
	for i := len(shortest) - 1; i >= 0; i-- {
		without := slices.Delete(slices.Clone(shortest), i, i+1)
		// What changes something stays: without it the rest would be another story.
		if changesNothing(shortest[i]) && !legal(without) {
			shortest = without
		}
	}
	slices.SortFunc(shortest, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var b strings.Builder
	for _, op := range shortest {
		end := "..."
		if op.Return != math.MaxInt64 {
			end = fmt.Sprint(time.Duration(op.Return))
		}
		fmt.Fprintf(&b, "\n\tclient %d, %v to %s: %s", op.ClientId, time.Duration(op.Call), end, model.DescribeOperation(op.Input, op.Output))
	}
	return b.String()
}

// changesNothing reports whether a call is a look, or was refused, or nobody knows.
func changesNothing(op porcupine.Operation) bool {
	switch out := op.Output.(type) {
	case unknown:
		return true
	case sessionOutput:
		return out.answer != done || op.Input.(sessionInput).op == opLoad
	case subjectOutput:
		return out.answer != done || op.Input.(subjectInput).op == opList
	}
	return false
}
