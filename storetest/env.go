package storetest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// The TTLs of sessions that do not expire while a case looks at them. The longest stays below the 30 days above which
// some engines read a TTL as a date.
const (
	long   = time.Hour
	longer = 48 * time.Hour
)

// callLimit bounds a case whose store hangs.
const callLimit = 2 * time.Minute

// A case that waits for the engine's clock gives sessions a TTL of shortest or more. Where the machine is too slow to come to
// them in time it tries again, attempts times in all, with longer ones.
const (
	shortest = 200 * time.Millisecond
	attempts = 4
)

// env is what a case works with: a store, a realm and a subject of its own, and a clock.
type env struct {
	testing.TB
	st      sojourn.Store
	opts    Options
	realm   string
	subject string

	newStore func(tb testing.TB) sojourn.Store
	ctx      context.Context // of this one case
	advanced time.Duration   // how far Options.Advance has moved the clock
	second   sojourn.Store   // found by node, nil before
	apart    bool            // second is another handle than st
	canDo    map[string]bool // answers of has
	brief    time.Duration   // the TTL short, where one waits for it
	hurry    time.Time       // a session saved since then must live yet; zero if none must
}

func newEnv(tb testing.TB, newStore func(tb testing.TB) sojourn.Store, opts Options) *env {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), callLimit)
	tb.Cleanup(cancel)
	opts = opts.withDefaults(tb)
	e := &env{
		TB: tb, st: newStore(tb), opts: opts,
		newStore: newStore, ctx: ctx, canDo: make(map[string]bool), brief: max(shortest, 2*opts.Resolution),
	}
	e.moveIn()
	return e
}

// moveIn chooses a realm and a subject that nobody else has.
func (e *env) moveIn() {
	unique := sojourn.NewID().String()[:12]
	e.realm, e.subject = "realm-"+unique, "subject-"+unique
}

// Context hides the one of testing.TB, which has no limit.
func (e *env) Context() context.Context { return e.ctx }

// node returns a handle to the case's engine: for 0 the first, for any other number a second one if the engine can have
// two, else the first again.
func (e *env) node(i int) sojourn.Store {
	e.Helper()
	if i == 0 {
		return e.st
	}
	if e.second == nil {
		e.second = e.st
		other := e.newStore(e.TB)
		key := e.save(e.state(), long)
		if _, err := other.Load(e.ctx, key); err == nil {
			e.second, e.apart = other, true
		}
	}
	return e.second
}

// Capabilities.

func (e *env) patcher() sojourn.Patcher       { return capability[sojourn.Patcher](e.st) }
func (e *env) subjects() sojourn.SubjectIndex { return capability[sojourn.SubjectIndex](e.st) }
func (e *env) lister() sojourn.Lister         { return capability[sojourn.Lister](e.st) }
func (e *env) sweeper() sojourn.Sweeper       { return capability[sojourn.Sweeper](e.st) }
func (e *env) watcher() sojourn.Watcher       { return capability[sojourn.Watcher](e.st) }

func capability[T any](st sojourn.Store) T {
	found, _ := sojourn.As[T](st)
	return found
}

// has reports whether the store has a capability that does not answer errors.ErrUnsupported to a harmless call. It asks
// once.
func (e *env) has(need string) bool {
	can, asked := e.canDo[need]
	if !asked {
		can = e.asks(need)
		e.canDo[need] = can
	}
	return can
}

func (e *env) asks(need string) bool {
	var err error
	switch need {
	case needPatcher:
		if e.patcher() == nil {
			return false
		}
		err = e.patcher().Patch(e.ctx, sojourn.NewID().Key(), sojourn.Patch{}, long)
	case needSubjectIndex:
		if e.subjects() == nil {
			return false
		}
		_, err = e.subjects().ListSubject(e.ctx, e.realm, e.subject)
	case needLister:
		if e.lister() == nil {
			return false
		}
		_, _, err = e.lister().List(e.ctx, "", 1)
	case needSweeper:
		if e.sweeper() == nil {
			return false
		}
		_, err = e.sweeper().Sweep(e.ctx, 1)
	case needWatcher:
		if e.watcher() == nil {
			return false
		}
		if e.opts.findings.mute.Load() {
			return true // it was waited for, and did not say no
		}
		ctx, cancel := context.WithTimeout(e.ctx, e.opts.Notice)
		err = e.watcher().Watch(ctx, func(sojourn.ID) { cancel() })
		cancel()
	}
	return !errors.Is(err, errors.ErrUnsupported)
}

// Time.

// short is a TTL that a case can wait for.
func (e *env) short() time.Duration {
	if e.opts.Advance != nil {
		return max(time.Minute, 4*e.opts.Resolution)
	}
	return e.brief
}

// saveShort saves a session with the TTL short, which must live until the case advances the clock.
func (e *env) saveShort(state sojourn.State) sojourn.Key {
	e.Helper()
	if e.hurry.IsZero() {
		e.hurry = time.Now()
	}
	return e.save(state, e.short())
}

// tooSlow is what ends an attempt at a case.
type tooSlow struct{}

// inTime makes an attempt at the case, and reports whether it was fast enough.
func (e *env) inTime(run func(e *env)) (ok bool) {
	e.moveIn()
	defer func() {
		if e.hurry = (time.Time{}); !ok {
			if v := recover(); v != nil {
				if _, slow := v.(tooSlow); !slow {
					panic(v)
				}
			}
		}
	}()
	run(e)
	return true
}

// excuse ends the attempt if a session that must live yet may have run out by itself.
func (e *env) excuse() {
	if e.opts.Advance == nil && !e.hurry.IsZero() && time.Since(e.hurry) >= e.short() {
		panic(tooSlow{})
	}
}

// Errorf is that of testing.TB but for what a slow machine is to blame for.
func (e *env) Errorf(format string, args ...any) {
	e.Helper()
	e.excuse()
	e.TB.Errorf(format, args...)
}

// Fatalf is that of testing.TB but for what a slow machine is to blame for.
func (e *env) Fatalf(format string, args ...any) {
	e.Helper()
	e.excuse()
	e.TB.Fatalf(format, args...)
}

// advance lets d pass on the engine's clock. What was in a hurry is over.
func (e *env) advance(d time.Duration) {
	e.hurry = time.Time{}
	if e.opts.Advance == nil {
		time.Sleep(d)
		return
	}
	e.advanced += d
	e.opts.Advance(e.TB, d)
}

// expire lets a TTL pass, exactly if the clock can be moved.
func (e *env) expire(ttl time.Duration) { e.advance(e.lifetime(ttl)) }

// nearEnd lets a TTL short pass but for one resolution, or but for the half of it on a clock that goes on by itself, and
// returns how much that was. What saveShort has saved must live yet.
func (e *env) nearEnd() time.Duration {
	saved, passed := e.hurry, e.short()/2
	if e.opts.Clock != nil {
		passed = e.short() - e.opts.Resolution
	}
	e.advance(passed)
	e.hurry = saved
	return passed
}

// lifetime is when a session with this TTL is dead at the latest.
func (e *env) lifetime(ttl time.Duration) time.Duration {
	rounded, err := sojourn.RoundTTL(ttl, e.opts.Resolution)
	if err != nil {
		e.Fatalf("the case is wrong: %v", err)
	}
	if e.opts.Advance == nil {
		rounded += e.opts.Resolution + 2*time.Millisecond
	}
	return rounded
}

// now is about the time that the engine's clock shows, in the precision of facts.
func (e *env) now() time.Time {
	now := time.Now().Add(e.advanced)
	if e.opts.Clock != nil {
		now = e.opts.Clock.Now()
	}
	return now.UTC().Truncate(time.Millisecond)
}

// States.

// values packs names and texts, given in turn.
func values(pairs ...string) sojourn.Values {
	return sojourn.CollectValues(func(yield func(name, text string) bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if !yield(pairs[i], pairs[i+1]) {
				return
			}
		}
	})
}

// state returns a visitor's new session.
func (e *env) state(pairs ...string) sojourn.State {
	now := e.now()
	return sojourn.State{
		Facts: sojourn.Facts{
			Realm: e.realm, Label: "a device", Created: now, Renewed: now, Deadline: now.Add(7 * 24 * time.Hour),
			Generation: 1, Digest: digest(sojourn.NewID().String()),
		},
		Values: values(pairs...),
	}
}

// login returns a session of subject that was authenticated so long after the case's present.
func (e *env) login(subject string, after time.Duration, pairs ...string) sojourn.State {
	state := e.state(pairs...)
	state.Facts.Subject = subject
	state.Facts.Authenticated = e.now().Add(after)
	return state
}

func digest(secret string) [32]byte { return sha256.Sum256([]byte(secret)) }

// renewed returns state as a Renew leaves it.
func renewed(state sojourn.State) sojourn.State {
	state.Facts.Previous, state.Facts.Refused = state.Facts.Digest, true
	state.Facts.Digest = digest(fmt.Sprintf("%x", state.Facts.Digest))
	state.Facts.Generation++
	return state
}

// Calls that must succeed.

func (e *env) save(state sojourn.State, ttl time.Duration) sojourn.Key {
	e.Helper()
	key, err := e.st.Save(e.ctx, state, ttl)
	if err != nil {
		e.Fatalf("Save: %v", err)
	}
	if key.IsZero() {
		e.Fatalf("Save returned no key and no error")
	}
	return key
}

func (e *env) load(key sojourn.Key) sojourn.State {
	e.Helper()
	state, err := e.st.Load(e.ctx, key)
	if err != nil {
		e.Fatalf("Load: %v", err)
	}
	return state
}

func (e *env) update(key sojourn.Key, state sojourn.State, ttl time.Duration) sojourn.Key {
	e.Helper()
	key, err := e.st.Update(e.ctx, key, state, ttl)
	if err != nil {
		e.Fatalf("Update: %v", err)
	}
	return key
}

// touch extends the TTL, by an Update where the key holds it.
func (e *env) touch(key sojourn.Key, ttl time.Duration) sojourn.Key {
	e.Helper()
	err := e.st.UpdateTTL(e.ctx, key, ttl)
	if errors.Is(err, errors.ErrUnsupported) {
		state := e.load(key)
		return e.update(key, state, max(ttl, state.TTL))
	}
	if err != nil {
		e.Fatalf("UpdateTTL: %v", err)
	}
	return key
}

func (e *env) delete(key sojourn.Key) {
	e.Helper()
	if err := e.st.Delete(e.ctx, key); err != nil {
		e.Fatalf("Delete: %v", err)
	}
}

func (e *env) patch(key sojourn.Key, p sojourn.Patch, ttl time.Duration) {
	e.Helper()
	if err := e.patcher().Patch(e.ctx, key, p, ttl); err != nil {
		e.Fatalf("Patch: %v", err)
	}
}

func (e *env) list(subject string) []sojourn.Entry {
	e.Helper()
	entries, err := e.subjects().ListSubject(e.ctx, e.realm, subject)
	if err != nil {
		e.Fatalf("ListSubject: %v", err)
	}
	return entries
}

// What must be.

// is checks that call answered with the error want, by errors.Is.
func (e *env) is(call string, got, want error) {
	e.Helper()
	if !errors.Is(got, want) {
		e.Errorf("%s: got error %v, want %v", call, got, want)
	}
}

// gone checks that there is no session under key, for no method.
func (e *env) gone(key sojourn.Key) {
	e.Helper()
	_, err := e.st.Load(e.ctx, key)
	e.is("Load of a session that is gone", err, sojourn.ErrNotFound)
}

// holds checks the facts and values under key, and returns what is there.
func (e *env) holds(key sojourn.Key, want sojourn.State) sojourn.State {
	e.Helper()
	got := e.load(key)
	if d := differences(got, want); d != "" {
		e.Errorf("the stored state is not the expected one: %s", d)
	}
	return got
}

// lives checks the remaining TTL of key: that of one given at began, when the clock had been moved by advanced.
func (e *env) lives(key sojourn.Key, ttl time.Duration, began time.Time, advanced time.Duration) {
	e.Helper()
	e.remains("", e.load(key).TTL, ttl, began, advanced)
}

// remains checks a TTL that was answered just now, and says in a failure after what. Where a Clock has stood still since
// the write, not even a part of a resolution may be missing; one that was moved may have crossed the edge of a unit.
func (e *env) remains(after string, got, ttl time.Duration, began time.Time, advanced time.Duration) {
	e.Helper()
	moved := e.advanced - advanced
	least, most := ttl-moved-e.opts.Resolution-time.Since(began), ttl-moved+e.opts.Resolution
	if e.opts.Clock != nil {
		if least = ttl - moved; moved > 0 {
			least -= e.opts.Resolution
		}
	}
	if got < least || got > most {
		e.Errorf("got TTL %v%s, want between %v and %v", got, after, least, most)
	}
}

// differences says how two states differ in facts and values, "" if they do not. It prints no value that is long.
func differences(got, want sojourn.State) string {
	var b strings.Builder
	differ := func(name string, got, want any) {
		if got != want {
			fmt.Fprintf(&b, "\n\t%s: got %.120q, want %.120q", name, fmt.Sprint(got), fmt.Sprint(want))
		}
	}
	g, w := got.Facts, want.Facts
	differ("Realm", g.Realm, w.Realm)
	differ("Subject", g.Subject, w.Subject)
	differ("Label", g.Label, w.Label)
	differ("Created", moment(g.Created), moment(w.Created))
	differ("Authenticated", moment(g.Authenticated), moment(w.Authenticated))
	differ("Deadline", moment(g.Deadline), moment(w.Deadline))
	differ("Renewed", moment(g.Renewed), moment(w.Renewed))
	differ("Remembered", g.Remembered, w.Remembered)
	differ("Refused", g.Refused, w.Refused)
	differ("Generation", g.Generation, w.Generation)
	differ("Digest", g.Digest, w.Digest)
	differ("Previous", g.Previous, w.Previous)
	if got.Values != want.Values {
		had, wanted := maps.Collect(got.Values.All()), maps.Collect(want.Values.All())
		names := slices.Sorted(maps.Keys(wanted))
		for name := range had {
			if _, ok := wanted[name]; !ok {
				names = append(names, name)
			}
		}
		for _, name := range names {
			differ(fmt.Sprintf("value %q", name), present(had, name), present(wanted, name))
		}
		if b.Len() == 0 {
			b.WriteString("\n\tthe values look the same, and are not ==")
		}
	}
	return b.String()
}

// present is a value's text, or that there is none, which is not the empty text.
func present(values map[string]string, name string) string {
	if text, ok := values[name]; ok {
		return text
	}
	return "(absent)"
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "zero"
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// ids returns the IDs of entries, in their order.
func ids(entries []sojourn.Entry) []sojourn.ID {
	var out []sojourn.ID
	for _, entry := range entries {
		out = append(out, entry.ID)
	}
	return out
}
