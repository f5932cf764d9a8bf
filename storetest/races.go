package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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
				Name: a.name + "_and_" + b.name, Needs: needs, serverSide: true,
				sleeps: a.name == "expire" || b.name == "expire",
				Rule:   "Two operations at once have the answers and the effect of one of their two orders.",
				Why:    "What neither order allows is a lost change, a revived session, or an answer that is not true.",
				run:    func(e *env) { checkPair(e, a, b) },
			})
		}
	}
	return cases
}

// A scene is what two operations meet on: sessions x (the newer) and y of one subject, and the state of x as both have
// loaded it.
type scene struct {
	nodes    [2]sojourn.Store
	realm    string
	subject  string
	x, y     sojourn.Key
	loaded   sojourn.State
	began    time.Time // x was saved, by the clock of this machine
	deadline time.Time // x has expired for sure
	expire   func()    // returns when x has expired
	added    [2]sojourn.Key
}

// operation is one side of a race. do runs it as number slot (0 or 1) and returns what to print of its answer once both
// sides have ended.
type operation struct {
	name string
	need string
	do   func(ctx context.Context, s *scene, slot int) func() string
}

func operations() []operation {
	answer := func(name string, err error) func() string {
		return func() string { return name + ": " + outcome(err) }
	}
	patch := func(ctx context.Context, s *scene, slot int, p sojourn.Patch) error {
		return capability[sojourn.Patcher](s.nodes[slot]).Patch(ctx, s.x, p, longer)
	}
	index := func(s *scene, slot int) sojourn.SubjectIndex { return capability[sojourn.SubjectIndex](s.nodes[slot]) }
	return []operation{
		{"load", "", func(ctx context.Context, s *scene, slot int) func() string {
			state, err := s.nodes[slot].Load(ctx, s.x)
			return func() string { return "load: " + describe(state, err) }
		}},
		{"update", "", func(ctx context.Context, s *scene, slot int) func() string {
			next := s.loaded
			next.Values = values(fmt.Sprint("updated by ", slot), `true`)
			_, err := s.nodes[slot].Update(ctx, s.x, next, longer)
			return answer("update", err)
		}},
		{"patch", needPatcher, func(ctx context.Context, s *scene, slot int) func() string {
			return answer("patch", patch(ctx, s, slot, sojourn.Patch{
				Generation: 1, Set: values(fmt.Sprint("patched by ", slot), `true`),
			}))
		}},
		{"count", needPatcher, func(ctx context.Context, s *scene, slot int) func() string {
			return answer("count", patch(ctx, s, slot, sojourn.Patch{
				Generation: 1, Expect: values("n", `1`), Set: values("n", fmt.Sprint(slot+2)),
			}))
		}},
		{"clear", needPatcher, func(ctx context.Context, s *scene, slot int) func() string {
			return answer("clear", patch(ctx, s, slot, sojourn.Patch{Generation: 1, Clear: true, Keep: []string{"kept"}}))
		}},
		{"touch", "", func(ctx context.Context, s *scene, slot int) func() string {
			return answer("touch", s.nodes[slot].UpdateTTL(ctx, s.x, longer))
		}},
		{"renew", "", func(ctx context.Context, s *scene, slot int) func() string {
			next := renewed(s.loaded)
			next.Facts.Label = fmt.Sprint("renewed by ", slot)
			_, err := s.nodes[slot].Update(ctx, s.x, next, longer)
			return answer("renew", err)
		}},
		{"relogin", "", func(ctx context.Context, s *scene, slot int) func() string {
			next := renewed(s.loaded)
			next.Facts.Label = fmt.Sprint("authenticated by ", slot)
			next.Facts.Authenticated = next.Facts.Authenticated.Add(time.Minute)
			_, err := s.nodes[slot].Update(ctx, s.x, next, longer)
			if errors.Is(err, sojourn.ErrNotFound) {
				err = sojourn.ErrEnded // where the record is gone and the mark is set, either is true
			}
			return answer("relogin", err)
		}},
		{"login", "", func(ctx context.Context, s *scene, slot int) func() string {
			next := s.loaded
			next.Facts.Label = fmt.Sprint("saved by ", slot)
			next.Facts.Authenticated = next.Facts.Authenticated.Add(2 * time.Minute)
			key, err := s.nodes[slot].Save(ctx, next, longer)
			s.added[slot] = key
			return answer("login", err)
		}},
		{"delete", "", func(ctx context.Context, s *scene, slot int) func() string {
			err := s.nodes[slot].Delete(ctx, s.x)
			_, after := s.nodes[slot].Load(ctx, s.x)
			return func() string { return "delete: " + outcome(err) + ", then " + outcome(after) }
		}},
		{"revoke", needSubjectIndex, func(ctx context.Context, s *scene, slot int) func() string {
			n, err := index(s, slot).DeleteSubject(ctx, s.realm, s.subject, sojourn.ID{})
			return answer(fmt.Sprintf("revoke of %d", n), err)
		}},
		{"revoke_others", needSubjectIndex, func(ctx context.Context, s *scene, slot int) func() string {
			n, err := index(s, slot).DeleteSubject(ctx, s.realm, s.subject, s.x.ID())
			return answer(fmt.Sprintf("revoke of %d others", n), err)
		}},
		{"trim", needSubjectIndex, func(ctx context.Context, s *scene, slot int) func() string {
			gone, err := index(s, slot).TrimSubject(ctx, s.realm, s.subject, 1, s.y.ID())
			return func() string { return "trim of " + s.names(gone) + ": " + outcome(err) }
		}},
		{"list", needSubjectIndex, func(ctx context.Context, s *scene, slot int) func() string {
			entries, err := index(s, slot).ListSubject(ctx, s.realm, s.subject)
			return func() string { return "list of " + s.names(ids(entries)) + ": " + outcome(err) }
		}},
		{"sweep", needSweeper, func(ctx context.Context, s *scene, slot int) func() string {
			_, err := capability[sojourn.Sweeper](s.nodes[slot]).Sweep(ctx, 100)
			return answer("sweep", err)
		}},
		{"expire", "", func(ctx context.Context, s *scene, slot int) func() string {
			s.expire()
			state, err := s.nodes[slot].Load(ctx, s.x)
			return func() string { return "expire, then " + describe(state, err) }
		}},
	}
}

// newScene saves x with the TTL ttl.
func newScene(ctx context.Context, first, second sojourn.Store, now time.Time, ttl time.Duration) (*scene, error) {
	unique := sojourn.NewID().String()
	s := &scene{nodes: [2]sojourn.Store{first, second}, realm: "realm-" + unique[:8], subject: "subject-" + unique[8:16]}
	state := sojourn.State{
		Facts: sojourn.Facts{
			Realm: s.realm, Subject: s.subject, Label: "x", Created: now, Authenticated: now.Add(-10 * time.Minute),
			Renewed: now, Deadline: now.Add(7 * 24 * time.Hour), Generation: 1, Digest: digest("x"),
		},
		Values: values("n", `1`, "kept", `true`),
	}
	older := state
	older.Facts.Label, older.Facts.Authenticated = "y", now.Add(-20*time.Minute)
	var err error
	if s.y, err = first.Save(ctx, older, longer); err != nil {
		return nil, err
	}
	s.began = time.Now()
	if s.x, err = first.Save(ctx, state, ttl); err != nil {
		return nil, err
	}
	s.loaded, err = first.Load(ctx, s.x)
	return s, err
}

// outcome names an answer.
func outcome(err error) string {
	for name, known := range map[string]error{
		"gone": sojourn.ErrNotFound, "conflict": sojourn.ErrConflict, "ended": sojourn.ErrEnded,
	} {
		if errors.Is(err, known) {
			return name
		}
	}
	if err != nil {
		return err.Error()
	}
	return "ok"
}

func describe(state sojourn.State, err error) string {
	if err != nil {
		return outcome(err)
	}
	f := state.Facts
	return fmt.Sprintf("%q, generation %d, digest %x, of a subject: %t, values %v, n = %s",
		f.Label, f.Generation, f.Digest[:2], f.Subject != "", state.Values, state.Values.Get("n"))
}

// names replaces IDs by what they are in the scene, in alphabetical order.
func (s *scene) names(gone []sojourn.ID) string {
	var out []string
	for _, id := range gone {
		switch id {
		case s.x.ID():
			out = append(out, "x")
		case s.y.ID():
			out = append(out, "y")
		case s.added[0].ID(), s.added[1].ID():
			out = append(out, "a login")
		default:
			out = append(out, "a session that was never saved")
		}
	}
	slices.Sort(out)
	return "[" + strings.Join(out, " ") + "]"
}

// ending is what is stored afterwards.
func (s *scene) ending(ctx context.Context) string {
	var b strings.Builder
	for _, session := range []struct {
		name string
		key  sojourn.Key
	}{{"x", s.x}, {"y", s.y}, {"login 0", s.added[0]}, {"login 1", s.added[1]}} {
		if !session.key.IsZero() {
			state, err := s.nodes[0].Load(ctx, session.key)
			fmt.Fprintf(&b, "\n\t%s: %s", session.name, describe(state, err))
		}
	}
	if index := capability[sojourn.SubjectIndex](s.nodes[1]); index != nil {
		entries, err := index.ListSubject(ctx, s.realm, s.subject)
		if !errors.Is(err, errors.ErrUnsupported) {
			fmt.Fprintf(&b, "\n\tlist of %s: %s", s.names(ids(entries)), outcome(err))
		}
	}
	return b.String()
}

// inOrder runs first, then second. Either keeps its slot, so that the answers compare with those of a race.
func (s *scene) inOrder(ctx context.Context, ops [2]operation, first int) string {
	var answers [2]func() string
	for _, slot := range [2]int{first, 1 - first} {
		answers[slot] = ops[slot].do(ctx, s, slot)
	}
	return "\n\t" + answers[0]() + "\n\t" + answers[1]() + s.ending(ctx)
}

// atOnce releases both at the same instant but for a lead of some turns of an empty loop, so that repetitions do not all
// interleave alike.
func (s *scene) atOnce(ctx context.Context, ops [2]operation, lead [2]int) string {
	var answers [2]func() string
	var ready atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for slot, op := range ops {
		wg.Go(func() {
			if ready.Add(1) == int64(len(ops)) {
				close(start)
			}
			<-start
			for range lead[slot] {
				ready.Load()
			}
			answers[slot] = op.do(ctx, s, slot)
		})
	}
	wg.Wait()
	return "\n\t" + answers[0]() + "\n\t" + answers[1]() + s.ending(ctx)
}

func checkPair(e *env, a, b operation) {
	ops := [2]operation{a, b}
	allowed := [2]string{expected(e, ops, 0), expected(e, ops, 1)}
	timed := a.name == "expire" || b.name == "expire"
	ttl := longer / 2
	if timed {
		ttl = e.short()
	}
	e.node(1)

	// Round -2 and -1 are the two orders, the others are races.
	round := func(i int) {
		s, err := newScene(e.ctx, e.st, e.node(1), e.now(), ttl)
		if err != nil {
			e.Errorf("setting the scene: %v", err)
			return
		}
		s.expire = func() { e.advance(e.lifetime(ttl)) }
		if timed && e.opts.Advance == nil {
			s.expire = func() { time.Sleep(time.Until(s.began.Add(e.lifetime(ttl)))) }
		}
		if i < 0 {
			got := s.inOrder(e.ctx, ops, i+2)
			late := timed && e.opts.Advance == nil && time.Since(s.began) > e.lifetime(ttl)+e.short()/2
			if got != allowed[i+2] && !late {
				e.Errorf("%s, then %s: got%s\nwant%s", ops[i+2].name, ops[1-(i+2)].name, got, allowed[i+2])
			}
			return
		}
		lead := [2]int{}
		lead[i%2] = (i / 2) * (i / 2) * 100
		if timed && e.opts.Advance == nil {
			// The operation comes anywhere in the span in which the session may expire, the observer after it.
			other := ops
			for slot := range other {
				if do := ops[slot].do; ops[slot].name != "expire" {
					span := e.lifetime(ttl) - ttl + 2*time.Millisecond
					at := ttl - time.Millisecond + span*time.Duration(i)/time.Duration(e.opts.Rounds)
					other[slot].do = func(ctx context.Context, s *scene, slot int) func() string {
						time.Sleep(time.Until(s.began.Add(at)))
						return do(ctx, s, slot)
					}
				}
			}
			if got := s.atOnce(e.ctx, other, [2]int{}); !slices.Contains(allowed[:], got) {
				e.Errorf("%s and %s at once: got%s\nwant%s\nor%s", a.name, b.name, got, allowed[0], allowed[1])
			}
			return
		}
		if got := s.atOnce(e.ctx, ops, lead); !slices.Contains(allowed[:], got) {
			e.Errorf("%s and %s at once: got%s\nwant%s\nor%s", a.name, b.name, got, allowed[0], allowed[1])
		}
	}

	if timed && e.opts.Advance == nil {
		// They all wait for the same clock.
		e.together(e.opts.Rounds+2, func(i int) error {
			round(i - 2)
			return nil
		})
		return
	}
	for i := range e.opts.Rounds + 2 {
		if round(i - 2); e.Failed() {
			return
		}
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
	s.expire = func() { clock.Advance(e.TB, longer/2) }
	return s.inOrder(e.ctx, ops, first)
}

// plain hides the index of the reference store.
type plain struct {
	sojourn.Store
	sojourn.Patcher
	sojourn.Sweeper
}
