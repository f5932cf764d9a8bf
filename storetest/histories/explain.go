package histories

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// explain tells of a history that has no order no more than it takes to see that: the shortest beginning, from the latest
// moment at which nothing was under way, without the looks that it does not need.
func explain(model porcupine.Model, history []porcupine.Operation) string {
	calls := beginning(model, history)
	slices.SortStableFunc(calls, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	starts := []start{{state: model.Init(), calls: calls}}
	for i := len(calls) - 1; i > 0; i-- {
		if later := startsAt(model, calls, i); later != nil && illegal(model, later) {
			starts = later
			break
		}
	}
	shown := withoutLooks(model, starts[0])

	var b strings.Builder
	fmt.Fprintf(&b, "\n\tbefore: %s", model.DescribeState(shown.state))
	for _, op := range shown.calls {
		end := "..."
		if op.Return != math.MaxInt64 {
			end = fmt.Sprint(time.Duration(op.Return))
		}
		fmt.Fprintf(&b, "\n\tclient %d, %v to %s: %s",
			op.ClientId, time.Duration(op.Call), end, model.DescribeOperation(op.Input, op.Output))
	}
	if n := len(starts) - 1; n > 0 {
		fmt.Fprintf(&b, "\n\tand likewise from %d other states that calls without an answer may have left", n)
	}
	return b.String()
}

// start is a state from which calls have no order.
type start struct {
	state any
	calls []porcupine.Operation
}

// illegal reports whether there is no order from any of the starts.
func illegal(model porcupine.Model, starts []start) bool {
	for _, s := range starts {
		from := model
		from.Init = func() any { return s.state }
		if porcupine.CheckOperationsTimeout(from, s.calls, checkLimit) != porcupine.Illegal {
			return false
		}
	}
	return len(starts) > 0
}

// beginning returns the calls until the first answer that makes the history illegal. What had no answer by then may take
// effect at any time.
func beginning(model porcupine.Model, history []porcupine.Operation) []porcupine.Operation {
	returns := make([]int64, 0, len(history))
	for _, op := range history {
		returns = append(returns, op.Return)
	}
	slices.Sort(returns)
	for _, end := range returns {
		var calls []porcupine.Operation
		for _, op := range history {
			if op.Call > end {
				continue
			}
			if op.Return > end {
				op.Output, op.Return = unknown{}, math.MaxInt64
			}
			calls = append(calls, op)
		}
		if porcupine.CheckOperationsTimeout(model, calls, checkLimit) == porcupine.Illegal {
			return calls
		}
	}
	return history
}

// most bounds what explain does for a better explanation.
const most = 10_000

// startsAt returns the states that there can be when call i begins, each with the calls that are left, or nil if a call with
// an answer was under way then, or there are too many.
func startsAt(model porcupine.Model, calls []porcupine.Operation, i int) []start {
	for _, op := range calls[:i] {
		if op.Return != math.MaxInt64 && op.Return > calls[i].Call {
			return nil
		}
	}
	type node struct {
		state any
		made  string // for each of calls[:i], whether it has taken effect
	}
	seen := make(map[node]bool)
	var starts []start
	var visit func(n node) bool
	visit = func(n node) bool {
		if seen[n] {
			return true
		}
		if seen[n] = true; len(seen) > most {
			return false
		}
		left := make([]porcupine.Operation, 0, len(calls))
		first := int64(math.MaxInt64) // the first answer to a call that has not taken effect yet
		for j, op := range calls[:i] {
			if n.made[j] == '.' {
				left = append(left, op)
				first = min(first, op.Return)
			}
		}
		if first == math.MaxInt64 {
			starts = append(starts, start{n.state, append(left, calls[i:]...)})
		}
		for j, op := range calls[:i] {
			if n.made[j] != '.' || op.Call > first {
				continue
			}
			if ok, next := model.Step(n.state, op.Input, op.Output); ok && !visit(node{next, n.made[:j] + "x" + n.made[j+1:]}) {
				return false
			}
		}
		return true
	}
	if !visit(node{model.Init(), strings.Repeat(".", i)}) {
		return nil
	}
	return starts
}

// withoutLooks leaves out what the explanation does not need. What changes something stays: without it the rest would be
// another story. So does what has no answer: it may explain what others saw, and a reader must see that it does not.
func withoutLooks(model porcupine.Model, s start) start {
	for i := len(s.calls) - 1; i >= 0; i-- {
		shorter := start{s.state, slices.Delete(slices.Clone(s.calls), i, i+1)}
		if changesNothing(s.calls[i]) && illegal(model, []start{shorter}) {
			s = shorter
		}
	}
	return s
}

// changesNothing reports whether a call is a look, or was refused, or found nothing to do.
func changesNothing(op porcupine.Operation) bool {
	switch out := op.Output.(type) {
	case sessionOutput:
		in := op.Input.(sessionInput)
		return out.answer != done || in.op == opLoad || in.op == opTouch
	case subjectOutput:
		in := op.Input.(subjectInput)
		return out.answer != done || in.op == opList || in.op == opTrim && out.ranks == ""
	}
	return false
}
