package histories

import (
	"errors"
	"math"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/sojourn-go/sojourn"
)

// errLost is the answer of a call that was lost, or whose acknowledgement was.
var errLost = errors.New("histories: connection lost")

// noOrder introduces an explanation.
const noOrder = "no order of these calls is one that the contract allows:"

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

// known counts the calls and leaves out those without an answer that would not change anything either: they say nothing,
// and could stand anywhere.
func (r *recording) known(idle func(input any) bool) (calls []porcupine.Operation, totals Totals) {
	totals = Totals{Histories: 1, Calls: len(r.calls)}
	for _, op := range r.calls {
		if op.Output == (unknown{}) {
			totals.Unknown++
			if idle(op.Input) {
				continue
			}
		}
		calls = append(calls, op)
	}
	return calls, totals
}

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
