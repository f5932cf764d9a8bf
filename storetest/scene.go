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
)

// A scene is what two operations meet on: sessions x (the newer) and y of one subject, and the state of x as both have
// loaded it.
type scene struct {
	nodes     [2]sojourn.Store
	realm     string
	subject   string
	x, y      sojourn.Key
	loaded    sojourn.State
	began     time.Time      // by the clock of this machine: x was not saved yet
	saved     time.Time      // x was saved
	took      time.Duration  // the slower operation, in turn
	expire    func()         // returns when x has expired
	snapshots bool           // Options.Snapshots
	added     [2]sojourn.Key // by a login, by slot
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
		Values: sceneValues(),
	}
	older := state
	older.Facts.Label, older.Facts.Authenticated = "y", now.Add(-20*time.Minute)
	var err error
	s.began = time.Now()
	if s.y, err = first.Save(ctx, older, longer); err != nil {
		return s, err
	}
	s.began = time.Now()
	if s.x, err = first.Save(ctx, state, ttl); err != nil {
		return s, err
	}
	s.saved = time.Now()
	s.loaded, err = first.Load(ctx, s.x)
	return s, err
}

func sceneValues() sojourn.Values { return values("n", `1`, "kept", `true`) }

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

// describe tells what has become of a session that was saved as newScene saves them, under this label.
func (s *scene) describe(label string, state sojourn.State, err error) string {
	if err != nil {
		return outcome(err)
	}
	var parts []string
	f := state.Facts
	if f.Label != label {
		parts = append(parts, fmt.Sprintf("%q", f.Label))
	}
	if f.Generation != 1 {
		parts = append(parts, fmt.Sprint("generation ", f.Generation))
	}
	if f.Digest != digest("x") {
		parts = append(parts, "with a new secret")
	}
	if f.Realm != s.realm || f.Subject != s.subject {
		parts = append(parts, "somebody else's")
	}
	if state.Values != sceneValues() {
		var values []string
		for name, text := range state.Values.All() {
			values = append(values, fmt.Sprintf("%s = %s", name, text))
		}
		parts = append(parts, "values ["+strings.Join(values, ", ")+"]")
	}
	if parts == nil {
		return "as it was saved"
	}
	return strings.Join(parts, ", ")
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
	b.WriteString("\n\tafterwards")
	for _, session := range []struct {
		name, label string
		key         sojourn.Key
	}{{"x", "x", s.x}, {"y", "y", s.y}, {"login 0", "saved by 0", s.added[0]}, {"login 1", "saved by 1", s.added[1]}} {
		if !session.key.IsZero() {
			state, err := s.nodes[0].Load(ctx, session.key)
			fmt.Fprintf(&b, "\n\t\t%s: %s", session.name, s.describe(session.label, state, err))
		}
	}
	if index := capability[sojourn.SubjectIndex](s.nodes[1]); index != nil {
		entries, err := index.ListSubject(ctx, s.realm, s.subject)
		if !errors.Is(err, errors.ErrUnsupported) {
			fmt.Fprintf(&b, "\n\t\tlist of %s: %s", s.names(ids(entries)), outcome(err))
		}
	}
	return b.String()
}

// inOrder runs first, then second. Either keeps its slot, so that the answers compare with those of a race.
func (s *scene) inOrder(ctx context.Context, ops [2]operation, first int) string {
	var answers [2]func() string
	for _, slot := range [2]int{first, 1 - first} {
		began := time.Now()
		answers[slot] = ops[slot].do(ctx, s, slot)
		s.took = max(s.took, time.Since(began))
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

// holdUp is what came of holding an operation up.
type holdUp struct {
	outcome   string
	questions int  // that it has asked
	held      bool // it came to the question where it was to be held up
	whole     bool // the other one ran from its beginning to its end meanwhile
}

// heldUp stops operation first at its question number at, runs the other one as far as it comes within patience, and lets
// the first go on.
func (s *scene) heldUp(ctx context.Context, clock *Clock, ops [2]operation, first, at int, patience time.Duration) (h holdUp) {
	var answers [2]func() string
	g := newGate(at)
	if clock != nil {
		clock.hold(g)
	}
	run := func(ctx context.Context, slot int) chan struct{} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			answers[slot] = ops[slot].do(ctx, s, slot)
		}()
		return done
	}
	one := run(gated{ctx, g}, first)
	select {
	case <-g.waiting:
		h.held = true
	case <-one:
	}
	if clock != nil {
		clock.hold(nil) // the other one asks for the time too
	}
	other := run(ctx, 1-first)
	select {
	case <-other:
		h.whole = h.held
	case <-time.After(patience):
	}
	close(g.open)
	<-one
	<-other
	h.outcome, h.questions = "\n\t"+answers[0]()+"\n\t"+answers[1]()+s.ending(ctx), int(g.asked.Load())
	return h
}
