package histories

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
	"pgregory.net/rapid"
)

// Sequences runs random operations one after the other on a store and on the reference store, and compares each answer. rapid
// shrinks what fails, and prints the flag that repeats it. Where the engine's clock can be moved, time is part of it.
func Sequences(t testing.TB, newStore func(tb testing.TB) sojourn.Store, opts Options) {
	t.Helper()
	handles := nodes(t, newStore)
	rapid.Check(t, func(rt *rapid.T) {
		s := newSequence(t, rt, handles, opts)
		rt.Repeat(s.actions())
	})
}

// sequence is one run: a store and a model of it, with the same sessions under different keys.
type sequence struct {
	*rapid.T
	t       testing.TB
	handles [2]sojourn.Store
	opts    Options
	realm   string
	start   time.Time // the time of both when it began
	clock   storetest.Clock
	model   *reference.Store
	keys    []pair
	seen    []state // by session, what the last Load showed, for Updates with old versions
}

// pair is one session's keys.
type pair struct{ real, model sojourn.Key }

// state is one session's states at one moment.
type state struct{ real, model sojourn.State }

func newSequence(t testing.TB, rt *rapid.T, handles [2]sojourn.Store, opts Options) *sequence {
	s := &sequence{T: rt, t: t, handles: handles, opts: opts, realm: sojourn.NewID().String()}
	now := time.Now()
	if opts.Clock != nil {
		now = opts.Clock.Now()
	}
	s.start = now.UTC().Truncate(time.Millisecond)
	s.clock.Advance(s.start.Sub(s.clock.Now()))
	s.model = reference.New(s.clock.Now)
	if opts.Clock == nil { // the engine's clock goes on meanwhile
		s.model.Now = func() time.Time { return s.clock.Now().Add(time.Since(now)) }
	}
	return s
}

func (s *sequence) actions() map[string]func(*rapid.T) {
	actions := map[string]func(*rapid.T){
		"save": s.save, "load": s.load, "update": s.update, "touch": s.touch, "delete": s.delete, "": s.check,
	}
	if opts := s.opts; opts.Clock != nil || opts.Advance != nil {
		actions["advance"] = s.advance
	}
	if p, ok := sojourn.As[sojourn.Patcher](s.handles[0]); ok {
		actions["patch"] = func(rt *rapid.T) { s.patch(rt, p) }
	}
	if x, ok := sojourn.As[sojourn.SubjectIndex](s.handles[0]); ok {
		actions["revoke"] = func(rt *rapid.T) { s.revoke(rt, x) }
		actions["trim"] = func(rt *rapid.T) { s.trim(rt, x) }
		actions["list"] = func(rt *rapid.T) { s.list(rt, x) }
	}
	if w, ok := sojourn.As[sojourn.Sweeper](s.handles[0]); ok {
		actions["sweep"] = func(rt *rapid.T) {
			if _, err := w.Sweep(s.t.Context(), rapid.IntRange(1, 5).Draw(rt, "limit")); err != nil {
				rt.Fatalf("Sweep: %v", err)
			}
		}
	}
	return actions
}

// Draws. TTLs and steps of the clock are whole minutes and logins lie half a minute beside them, so that neither the time
// that a sequence takes nor the engine's resolution decides anything.

func (s *sequence) ttl(rt *rapid.T) time.Duration {
	return time.Duration(rapid.IntRange(-1, 12).Draw(rt, "TTL")) * time.Minute
}

func (s *sequence) node(rt *rapid.T) sojourn.Store {
	return s.handles[rapid.IntRange(0, 1).Draw(rt, "node")]
}

// session draws one of the sessions, dead ones included.
func (s *sequence) session(rt *rapid.T) int {
	if len(s.keys) == 0 {
		rt.Skip("no session yet")
	}
	return rapid.IntRange(0, len(s.keys)-1).Draw(rt, "session")
}

func subjects(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"bob", "Bob", "bob "}).Draw(rt, "subject")
}

func (s *sequence) values(rt *rapid.T) sojourn.Values {
	var pairs []string
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names()), 0, 3, rapid.ID).Draw(rt, "names") {
		pairs = append(pairs, name, strconv.Itoa(rapid.IntRange(0, 3).Draw(rt, "text")))
	}
	return pack(pairs...)
}

func names() []string { return []string{"a", "A", "b", "b.c", "subject", "é"} }

func (s *sequence) authenticated(rt *rapid.T) time.Time {
	minutes := rapid.IntRange(-10, 60).Draw(rt, "authenticated")
	// Each login has a time of its own: of equal ones the order is not said.
	return s.start.Add(time.Duration(minutes)*time.Minute + 30*time.Second + time.Duration(len(s.keys)%1000)*time.Millisecond)
}

// Actions.

func (s *sequence) save(rt *rapid.T) {
	st := sojourn.State{Facts: sojourn.Facts{
		Realm: s.realm, Generation: uint32(rapid.IntRange(0, 2).Draw(rt, "generation")), Created: s.start,
	}, Values: s.values(rt)}
	if rapid.Bool().Draw(rt, "login") {
		st.Facts.Subject, st.Facts.Authenticated = subjects(rt), s.authenticated(rt)
	}
	ttl := s.ttl(rt)
	real, err1 := s.node(rt).Save(s.t.Context(), st, ttl)
	model, err2 := s.model.Save(s.t.Context(), st, ttl)
	s.sameWith(rt, "Save", ttl, err1, err2)
	if err2 == nil {
		s.keys, s.seen = append(s.keys, pair{real, model}), append(s.seen, state{})
	}
}

func (s *sequence) load(rt *rapid.T) {
	i := s.session(rt)
	s.compare(rt, i, s.node(rt))
}

// compare loads a session on both sides.
func (s *sequence) compare(rt *rapid.T, i int, st sojourn.Store) {
	real, err1 := st.Load(s.t.Context(), s.keys[i].real)
	model, err2 := s.model.Load(s.t.Context(), s.keys[i].model)
	s.same(rt, "Load", err1, err2)
	if err2 != nil {
		return
	}
	a, _ := real.Facts.AppendBinary(nil)
	b, _ := model.Facts.AppendBinary(nil)
	if string(a) != string(b) || real.Values != model.Values {
		rt.Fatalf("Load of session %d: got %+v %s, want %+v %s", i, real.Facts, texts(real.Values), model.Facts, texts(model.Values))
	}
	if off := real.TTL - model.TTL; off < -30*time.Second || off > 30*time.Second {
		rt.Fatalf("Load of session %d: got TTL %v, want %v", i, real.TTL, model.TTL)
	}
	s.seen[i] = state{real, model}
}

func (s *sequence) update(rt *rapid.T) {
	i := s.session(rt)
	if !rapid.Bool().Draw(rt, "stale") {
		s.compare(rt, i, s.handles[0])
	}
	seen := s.seen[i]
	next := seen.model
	next.Values = s.values(rt)
	switch rapid.IntRange(0, 3).Draw(rt, "kind") {
	case 0:
		next.Facts.Generation++
	case 1:
		if next.Facts.Subject == "" {
			next.Facts.Subject = subjects(rt)
		}
		next.Facts.Realm = s.realm
		next.Facts.Authenticated = s.authenticated(rt).Add(time.Duration(i) * time.Microsecond)
		next.Facts.Generation++
	}
	real := next
	real.Version = seen.real.Version
	ttl := s.ttl(rt)
	_, err1 := s.node(rt).Update(s.t.Context(), s.keys[i].real, real, ttl)
	_, err2 := s.model.Update(s.t.Context(), s.keys[i].model, next, ttl)
	s.sameWith(rt, "Update", ttl, err1, err2)
}

func (s *sequence) patch(rt *rapid.T, patcher sojourn.Patcher) {
	i := s.session(rt)
	p := sojourn.Patch{
		Generation: s.seen[i].model.Facts.Generation,
		Clear:      rapid.IntRange(0, 4).Draw(rt, "clear") == 0,
		Keep:       rapid.SliceOfN(rapid.SampledFrom(names()), 0, 2).Draw(rt, "keep"),
		Remove:     rapid.SliceOfN(rapid.SampledFrom(names()), 0, 2).Draw(rt, "remove"),
		Set:        s.values(rt),
		MaxSize:    rapid.SampledFrom([]int{0, 0, 0, 5}).Draw(rt, "MaxSize"),
		MaxNames:   rapid.SampledFrom([]int{0, 0, 0, 2}).Draw(rt, "MaxNames"),
	}
	if rapid.IntRange(0, 2).Draw(rt, "expect") == 0 {
		name := rapid.SampledFrom(names()).Draw(rt, "expected name")
		p.Expect = pack(name, s.seen[i].model.Values.Get(name))
	}
	ttl := s.ttl(rt)
	err1 := patcher.Patch(s.t.Context(), s.keys[i].real, p, ttl)
	err2 := s.model.Patch(s.t.Context(), s.keys[i].model, p, ttl)
	s.sameWith(rt, "Patch", ttl, err1, err2)
}

func (s *sequence) touch(rt *rapid.T) {
	i, ttl := s.session(rt), s.ttl(rt)
	err1 := s.node(rt).UpdateTTL(s.t.Context(), s.keys[i].real, ttl)
	err2 := s.model.UpdateTTL(s.t.Context(), s.keys[i].model, ttl)
	s.sameWith(rt, "UpdateTTL", ttl, err1, err2)
}

func (s *sequence) delete(rt *rapid.T) {
	i := s.session(rt)
	err1 := s.node(rt).Delete(s.t.Context(), s.keys[i].real)
	err2 := s.model.Delete(s.t.Context(), s.keys[i].model)
	s.same(rt, "Delete", err1, err2)
}

func (s *sequence) advance(rt *rapid.T) {
	d := time.Duration(rapid.IntRange(1, 8).Draw(rt, "minutes")) * time.Minute
	s.clock.Advance(d)
	if s.opts.Clock != nil {
		s.opts.Clock.Advance(d)
		return
	}
	s.opts.Advance(s.t, d)
}

func (s *sequence) revoke(rt *rapid.T, index sojourn.SubjectIndex) {
	subject, keep := subjects(rt), pair{}
	if len(s.keys) > 0 && rapid.Bool().Draw(rt, "keep one") {
		keep = s.keys[s.session(rt)]
	}
	n1, err1 := index.DeleteSubject(s.t.Context(), s.realm, subject, keep.real.ID())
	n2, err2 := s.model.DeleteSubject(s.t.Context(), s.realm, subject, keep.model.ID())
	s.same(rt, "DeleteSubject", err1, err2)
	if n1 != n2 {
		rt.Fatalf("DeleteSubject: got %d, want %d", n1, n2)
	}
}

func (s *sequence) trim(rt *rapid.T, index sojourn.SubjectIndex) {
	subject, n, spare := subjects(rt), rapid.IntRange(0, 3).Draw(rt, "n"), pair{}
	if len(s.keys) > 0 && rapid.Bool().Draw(rt, "spare one") {
		spare = s.keys[s.session(rt)]
	}
	gone1, err1 := index.TrimSubject(s.t.Context(), s.realm, subject, n, spare.real.ID())
	gone2, err2 := s.model.TrimSubject(s.t.Context(), s.realm, subject, n, spare.model.ID())
	s.same(rt, "TrimSubject", err1, err2)
	s.sameIDs(rt, "TrimSubject", gone1, gone2, true)
}

func (s *sequence) list(rt *rapid.T, index sojourn.SubjectIndex) {
	subject := subjects(rt)
	entries1, err1 := index.ListSubject(s.t.Context(), s.realm, subject)
	entries2, err2 := s.model.ListSubject(s.t.Context(), s.realm, subject)
	s.same(rt, "ListSubject", err1, err2)
	s.sameIDs(rt, "ListSubject", ids(entries1), ids(entries2), false)
}

// check runs after each action: no session is alive on one side only.
func (s *sequence) check(rt *rapid.T) {
	errs := make([]error, len(s.keys))
	var loads sync.WaitGroup
	for i, keys := range s.keys {
		loads.Go(func() { _, errs[i] = s.handles[1].Load(s.t.Context(), keys.real) })
	}
	loads.Wait()
	for i, keys := range s.keys {
		_, err := s.model.Load(s.t.Context(), keys.model)
		s.same(rt, fmt.Sprintf("Load of session %d", i), errs[i], err)
	}
}

// sameWith is same for a call with a TTL. Where that is wrong, any error will do.
func (s *sequence) sameWith(rt *rapid.T, call string, ttl time.Duration, real, model error) {
	if ttl > 0 {
		s.same(rt, call, real, model)
	} else if real == nil {
		rt.Fatalf("%s with a TTL of %v: got no error", call, ttl)
	}
}

// same compares two errors by what the contract tells apart.
func (s *sequence) same(rt *rapid.T, call string, real, model error) {
	for _, known := range []error{
		sojourn.ErrNotFound, sojourn.ErrConflict, sojourn.ErrTooLarge, sojourn.ErrEnded, nil,
	} {
		if errors.Is(model, known) || known == nil {
			if !errors.Is(real, known) && (known != nil || (real == nil) != (model == nil)) {
				rt.Fatalf("%s: got error %v, want %v", call, real, model)
			}
			return
		}
	}
}

// sameIDs compares IDs by the session that they stand for.
func (s *sequence) sameIDs(rt *rapid.T, call string, real, model []sojourn.ID, sorted bool) {
	numbers := func(list []sojourn.ID, key func(p pair) sojourn.Key) []int {
		out := make([]int, 0, len(list))
		for _, id := range list {
			out = append(out, slices.IndexFunc(s.keys, func(p pair) bool { return key(p).ID() == id }))
		}
		if sorted {
			slices.Sort(out)
		}
		return out
	}
	got := numbers(real, func(p pair) sojourn.Key { return p.real })
	want := numbers(model, func(p pair) sojourn.Key { return p.model })
	if !slices.Equal(got, want) {
		rt.Fatalf("%s: got sessions %v, want %v", call, got, want)
	}
}

func ids(entries []sojourn.Entry) []sojourn.ID {
	var out []sojourn.ID
	for _, entry := range entries {
		out = append(out, entry.ID)
	}
	return out
}
