package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
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
				Name: a.name + "_and_" + b.name, Needs: needs,
				sleeps: a.name == "expire" || b.name == "expire",
				Rule:   "Two operations at once have the answers and the effect of one of their two orders.",
				Why:    "What neither order allows is a lost change, a revived session, or an answer that is not true.",
				run:    func(e *env) { checkPair(e, a, b) },
			})
		}
	}
	return cases
}

// pairCheck is one case of raceCases at work.
type pairCheck struct {
	*env
	ops     [2]operation
	allowed [2]string     // the outcomes of the two orders
	ttl     time.Duration // of x
	timed   bool          // one of the operations is expire
}

func checkPair(e *env, a, b operation) {
	p := &pairCheck{env: e, ops: [2]operation{a, b}, ttl: longer / 2, timed: a.name == "expire" || b.name == "expire"}
	p.allowed = [2]string{expected(e, p.ops, 0), expected(e, p.ops, 1)}
	e.node(1)
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
		}
	}
	for i := range e.opts.Rounds {
		if s := p.scene(); s != nil {
			lead := [2]int{}
			lead[i%2] = (i / 2) * (i / 2) * 100
			p.isOneOf("at once", s.atOnce(e.ctx, p.ops, lead), p.allowed[:])
		}
	}
	for first := range p.ops {
		p.heldUpAtEach(first)
	}
}

// heldUpAtEach holds operation first up at each of its questions, or at some of them if they are many.
func (p *pairCheck) heldUpAtEach(first int) {
	const most = 8
	s := p.scene()
	if s == nil {
		return
	}
	_, questions := s.heldUp(p.ctx, p.opts.Clock, p.ops, first, 0)
	for i := range min(questions, most) {
		at := 1 + i
		if questions > most {
			at = 1 + i*(questions-1)/(most-1)
		}
		if s = p.scene(); s == nil {
			return
		}
		got, _ := s.heldUp(p.ctx, p.opts.Clock, p.ops, first, at)
		p.isOneOf(fmt.Sprintf("with %s held up at its question %d of %d", p.ops[first].name, at, questions), got, p.allowed[:])
	}
}

// inRealTime lets x expire by itself. All rounds wait for the same moment; the operation comes anywhere in the span in which
// the session may expire, the observer after it.
func (p *pairCheck) inRealTime() {
	p.together(p.opts.Rounds+2, func(i int) error {
		s := p.scene()
		if s == nil {
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
}

// scene sets a new one, or returns nil once the case has failed: one failure explains the case.
func (p *pairCheck) scene() *scene {
	if p.Failed() {
		return nil
	}
	s, err := newScene(p.ctx, p.st, p.node(1), p.now(), p.ttl)
	if err != nil {
		p.Errorf("setting the scene: %v", err)
		return nil
	}
	s.expire = func() { p.advance(p.lifetime(p.ttl)) }
	if p.opts.Advance == nil {
		s.expire = func() { time.Sleep(time.Until(s.saved.Add(p.lifetime(p.ttl)))) }
	}
	s.snapshots = p.opts.Snapshots
	return s
}

func (p *pairCheck) isOneOf(how, got string, allowed []string) {
	if !slices.Contains(allowed, got) {
		p.Errorf("%s and %s %s: got%s\nwant%s", p.ops[0].name, p.ops[1].name, how, got, strings.Join(allowed, "\nor"))
	}
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
