package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
)

// raceCases has one case for each pair of operations, in both orders and at once. What the outcomes may be is not written
// down: the reference store is asked for both orders.
func raceCases() []Case {
	var cases []Case
	ops := operations()
	for i, a := range ops {
		for _, b := range ops[i:] {
			if a.name == b.name && a.name == "expire" {
				continue
			}
			var needs []string
			for _, need := range []string{a.need, b.need} {
				if need != "" && !slices.Contains(needs, need) {
					needs = append(needs, need)
				}
			}
			cases = append(cases, Case{
				Name: a.name + "_and_" + b.name, Needs: needs, waits: a.name == "expire" || b.name == "expire",
				Rule: "Two operations at once have the answers and the effect of one of their two orders.",
				Why:  "What neither order allows is a lost change, a revived session, or an answer that is not true.",
				run:  func(e *env) { checkPair(e, a, b) },
			})
		}
	}
	return cases
}

// raceTally counts what raceCases have seen.
type raceTally struct {
	pairs, met atomic.Int64 // interleavings
	held       atomic.Int64 // of them with one operation held up at a chosen point
	whole      atomic.Int64 // of those, the other one ran whole meanwhile; else it waited for the one
}

func (y *raceTally) String() string {
	text := fmt.Sprintf("%d pairs of operations in %d interleavings", y.pairs.Load(), y.met.Load())
	held, whole := y.held.Load(), y.whole.Load()
	switch {
	case held == 0:
		return text + "; none could be held up in the middle, for the store asks neither its context nor a storetest.Clock there"
	case whole == 0:
		return text + fmt.Sprintf("; %d times one was held up in the middle, and each time the other one waited for it, as at a lock", held)
	}
	return text + fmt.Sprintf("; %d times one was held up in the middle, and the other one ran meanwhile (%d) or waited for it, as at a lock (%d)",
		held, whole, held-whole)
}

// pairCheck is one case of raceCases at work.
type pairCheck struct {
	*env
	ops      [2]operation
	allowed  [2]string     // the outcomes of the two orders
	ttl      time.Duration // of x
	timed    bool          // one of the operations is expire
	patience time.Duration // how long the one may take while the other is held up: then it waits for the other
}

func checkPair(e *env, a, b operation) {
	p := &pairCheck{env: e, ops: [2]operation{a, b}, ttl: longer / 2, timed: a.name == "expire" || b.name == "expire"}
	p.allowed = [2]string{expected(e, p.ops, 0), expected(e, p.ops, 1)}
	e.node(1)
	e.opts.tally.pairs.Add(1)
	if p.timed {
		p.ttl = e.short()
		if e.opts.Advance == nil {
			p.inRealTime()
			return
		}
	}
	for first := range p.ops {
		if s := p.scene(); s != nil {
			p.isOneOf("in turn, "+p.ops[first].name+" first", s.inOrder(e.ctx, p.ops, first), p.allowed[first:first+1])
			p.patience = max(p.patience, 4*s.took)
		}
	}
	p.patience = min(max(p.patience, time.Millisecond), 100*time.Millisecond)
	p.atOnce()
	for first := range p.ops {
		p.heldUpAtEach(first)
	}
}

// A slow store is raced less by default: no longer than patientFor, but fewest times.
const (
	patientFor = 100 * time.Millisecond
	fewest     = 4
)

// atOnce releases the two at the same instant, again and again.
func (p *pairCheck) atOnce() {
	began := time.Now()
	for i := range p.opts.Rounds {
		if p.opts.slowLess && i >= fewest && time.Since(began) > patientFor {
			return
		}
		if s := p.scene(); s != nil {
			lead := [2]int{}
			lead[i%2] = (i / 2) * (i / 2) * 100
			p.isOneOf("at once", s.atOnce(p.ctx, p.ops, lead), p.allowed[:])
		}
	}
}

// heldUpAtEach holds operation first up at each of its questions, or at some of them if they are many.
func (p *pairCheck) heldUpAtEach(first int) {
	most := max(8, p.opts.Rounds/2)
	s := p.scene()
	if s == nil {
		return
	}
	h := s.heldUp(p.ctx, p.opts.Clock, p.ops, first, 0, p.patience)
	for i := range min(h.questions, most) {
		at := 1 + i
		if h.questions > most {
			at = 1 + i*(h.questions-1)/(most-1)
		}
		if s = p.scene(); s == nil {
			return
		}
		h := s.heldUp(p.ctx, p.opts.Clock, p.ops, first, at, p.patience)
		if h.held {
			p.opts.tally.held.Add(1)
		}
		if h.whole {
			p.opts.tally.whole.Add(1)
		}
		p.isOneOf(fmt.Sprintf("with %s held up at its question %d of %d", p.ops[first].name, at, h.questions), h.outcome, p.allowed[:])
	}
}

// inRealTime lets x expire by itself, and again with a longer TTL if the machine was too slow to be there before that.
func (p *pairCheck) inRealTime() {
	for try := 1; ; try++ {
		late := p.roundsInRealTime()
		if late <= p.opts.Rounds/2 || p.Failed() {
			return
		}
		if try == attempts {
			p.Skip("the machine is too slow for this case: sessions ran out before their time, which was ", p.ttl)
		}
		p.ttl *= 4
	}
}

// roundsInRealTime returns how many rounds came too late. All wait for the same moment; the operation comes anywhere in the
// span in which the session may expire, the observer after it.
func (p *pairCheck) roundsInRealTime() (late int) {
	var missed atomic.Int64
	p.together(p.opts.Rounds+2, func(i int) error {
		s := p.scene()
		if s == nil {
			missed.Add(1)
			return nil
		}
		if first := i - p.opts.Rounds; first >= 0 {
			late, expire := false, s.expire
			s.expire = func() {
				late = time.Since(s.began) >= p.ttl
				expire()
			}
			got := s.inOrder(p.ctx, p.ops, first)
			// The expiry that comes first may come late without harm; the operation may not.
			if p.ops[first].name == "expire" || !late {
				p.isOneOf("in turn, "+p.ops[first].name+" first", got, p.allowed[first:first+1])
			}
			return nil
		}
		ops := p.ops
		for slot, op := range p.ops {
			if op.name == "expire" {
				continue
			}
			span := p.lifetime(p.ttl) - p.ttl + 2*time.Millisecond
			at := p.ttl - time.Millisecond + span*time.Duration(i)/time.Duration(p.opts.Rounds)
			ops[slot].do = func(ctx context.Context, s *scene, slot int) func() string {
				time.Sleep(time.Until(s.began.Add(at)))
				return op.do(ctx, s, slot)
			}
		}
		p.isOneOf("at once", s.atOnce(p.ctx, ops, [2]int{}), p.allowed[:])
		return nil
	})
	return int(missed.Load())
}

// scene sets a new one, or returns nil once the case has failed, for one failure explains the case, and where x has run out
// by itself before all was ready.
func (p *pairCheck) scene() *scene {
	if p.Failed() {
		return nil
	}
	s, err := newScene(p.ctx, p.st, p.node(1), p.now(), p.ttl)
	if err != nil {
		if !p.timed || p.opts.Advance != nil || time.Since(s.began) < p.ttl {
			p.Errorf("setting the scene: %v", err)
		}
		return nil
	}
	p.opts.tally.met.Add(1)
	s.expire = func() { p.advance(p.lifetime(p.ttl)) }
	if p.opts.Advance == nil {
		s.expire = func() { time.Sleep(time.Until(s.saved.Add(p.lifetime(p.ttl)))) }
	}
	s.snapshots = p.opts.Snapshots
	return s
}

func (p *pairCheck) isOneOf(how, got string, allowed []string) {
	if slices.Contains(allowed, got) {
		return
	}
	var b strings.Builder
	for first, outcome := range p.allowed {
		if slices.Contains(allowed, outcome) {
			fmt.Fprintf(&b, "\n%s before %s gives:%s", p.ops[first].name, p.ops[1-first].name, outcome)
		}
	}
	p.Errorf("%s and %s %s gave what no order of the two gives:%s%s", p.ops[0].name, p.ops[1].name, how, got, b.String())
}

// expected is the outcome of one order on the reference store.
func expected(e *env, ops [2]operation, first int) string {
	e.Helper()
	var clock Clock
	var st sojourn.Store = reference.New(clock.Now)
	if !e.has(needSubjectIndex) {
		st = plain{st, capability[sojourn.Patcher](st), capability[sojourn.Sweeper](st)}
	}
	s, err := newScene(e.ctx, st, st, clock.Now().Truncate(time.Millisecond), longer/2)
	if err != nil {
		e.Fatalf("the reference store: %v", err)
	}
	s.expire = func() { clock.Advance(longer / 2) }
	s.snapshots = e.opts.Snapshots
	return s.inOrder(e.ctx, ops, first)
}

// plain hides the index of the reference store.
type plain struct {
	sojourn.Store
	sojourn.Patcher
	sojourn.Sweeper
}
