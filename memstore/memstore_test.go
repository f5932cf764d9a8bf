package memstore_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

const hour = time.Hour

// clock is set by hand. It has no monotonic reading.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.ms.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

func newStore(c *clock) *memstore.Store { return memstore.New(memstore.Config{Now: c.now}) }

func values(pairs ...string) sojourn.Values {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return sojourn.CollectValues(maps.All(m))
}

func visitor(pairs ...string) sojourn.State {
	return sojourn.State{Facts: sojourn.Facts{Realm: "shop"}, Values: values(pairs...)}
}

func login(subject string, at time.Time) sojourn.State {
	state := visitor("cart", "[1]")
	state.Facts.Subject, state.Facts.Authenticated, state.Facts.Generation = subject, at, 1
	return state
}

func save(t testing.TB, s sojourn.Store, state sojourn.State, ttl time.Duration) sojourn.Key {
	t.Helper()
	key, err := s.Save(context.Background(), state, ttl)
	if err != nil {
		t.Fatalf("Save: %v", err)
	}
	return key
}

func load(t testing.TB, s sojourn.Store, key sojourn.Key) sojourn.State {
	t.Helper()
	state, err := s.Load(context.Background(), key)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return state
}

func wantErr(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

func wantGone(t testing.TB, s sojourn.Store, key sojourn.Key) {
	t.Helper()
	_, err := s.Load(context.Background(), key)
	wantErr(t, "Load of a dead session", err, sojourn.ErrNotFound)
}

// calls are all methods that need a live session.
func calls(s *memstore.Store, key sojourn.Key, state sojourn.State, ttl time.Duration) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Load": func(ctx context.Context) error { _, err := s.Load(ctx, key); return err },
		"Update": func(ctx context.Context) error {
			_, err := s.Update(ctx, key, state, ttl)
			return err
		},
		"UpdateTTL": func(ctx context.Context) error { return s.UpdateTTL(ctx, key, ttl) },
		"Patch": func(ctx context.Context) error {
			return s.Patch(ctx, key, sojourn.Patch{Generation: state.Facts.Generation, Set: values("x", "1")}, ttl)
		},
	}
}

func TestLoad_returnsWhatWasSaved(t *testing.T) {
	c := newClock()
	s := newStore(c)
	state := login("ann\xff€", c.now())
	state.Facts.Label = "Firefox"
	state.Facts.Created = c.now().Add(-hour)
	state.Facts.Deadline = c.now().Add(hour)
	state.Facts.Remembered = true
	state.Facts.Digest[0] = 7
	state.Values = values("b", `{"x": 1.0}`, "a", "\"\x00\"")
	got := load(t, s, save(t, s, state, 90*time.Minute))
	if got.Version == 0 {
		t.Error("version is 0")
	}
	if got.TTL != 90*time.Minute {
		t.Errorf("got TTL %v, want 90m", got.TTL)
	}
	got.Version, got.TTL = 0, 0
	if got != state {
		t.Errorf("got %+v, want %+v", got, state)
	}
}

func TestLoad_remainingTTLFollowsTheClock(t *testing.T) {
	c := newClock()
	s := newStore(c)
	key := save(t, s, visitor(), hour)
	c.advance(20 * time.Minute)
	if got := load(t, s, key).TTL; got != 40*time.Minute {
		t.Errorf("got TTL %v, want 40m", got)
	}
}

func TestMissing_isNotFound(t *testing.T) {
	s := newStore(newClock())
	save(t, s, visitor(), hour)
	for name, key := range map[string]sojourn.Key{"random": sojourn.NewID().Key(), "zero": {}} {
		for op, call := range calls(s, key, visitor(), hour) {
			wantErr(t, name+" "+op, call(context.Background()), sojourn.ErrNotFound)
		}
		wantErr(t, name+" Delete", s.Delete(context.Background(), key), nil)
	}
	if s.Len() != 1 {
		t.Errorf("got %d sessions, want 1: a write to a missing one created it", s.Len())
	}
}

func TestDelete_endsTheSessionForEveryCall(t *testing.T) {
	c := newClock()
	s := newStore(c)
	for name, state := range map[string]sojourn.State{"visitor": visitor(), "login": login("ann", c.now())} {
		key := save(t, s, state, hour)
		state = load(t, s, key)
		for range 2 {
			wantErr(t, name+" Delete", s.Delete(context.Background(), key), nil)
		}
		for op, call := range calls(s, key, state, hour) {
			wantErr(t, name+" "+op, call(context.Background()), sojourn.ErrNotFound)
		}
	}
	if s.Len() != 0 {
		t.Errorf("got %d sessions, want 0", s.Len())
	}
}

func TestUpdate_replacesStateAndTTL(t *testing.T) {
	c := newClock()
	s := newStore(c)
	key := save(t, s, visitor("a", "1"), hour)
	state := load(t, s, key)
	before := state.Version
	state.Values, state.Facts.Digest[3] = values("b", "2"), 9
	got, err := s.Update(context.Background(), key, state, time.Minute)
	if err != nil || got != key {
		t.Fatalf("got %v, %v, want the same key", got, err)
	}
	after := load(t, s, key)
	if after.Values != state.Values || after.Facts != state.Facts || after.TTL != time.Minute || after.Version == before {
		t.Errorf("got %+v", after)
	}
}

func TestUpdate_otherVersionIsConflict(t *testing.T) {
	s := newStore(newClock())
	key := save(t, s, visitor("a", "1"), hour)
	old := load(t, s, key)
	if err := s.Patch(context.Background(), key, sojourn.Patch{Set: values("a", "2")}, hour); err != nil {
		t.Fatal(err)
	}
	now := load(t, s, key)
	for _, version := range []uint64{0, old.Version, now.Version + 1, 1 << 63} {
		state := visitor("a", "3")
		state.Version = version
		_, err := s.Update(context.Background(), key, state, 2*hour)
		wantErr(t, fmt.Sprintf("version %d", version), err, sojourn.ErrConflict)
	}
	if got := load(t, s, key); got != now {
		t.Errorf("got %+v, want it unchanged", got)
	}
}

func TestUpdate_neverChangesRealmOrSubject(t *testing.T) {
	c := newClock()
	s := newStore(c)
	member := save(t, s, login("ann", c.now()), hour)
	anonymous := save(t, s, visitor(), hour)
	cases := map[string]struct {
		key    sojourn.Key
		change func(*sojourn.Facts)
	}{
		"another subject":     {member, func(f *sojourn.Facts) { f.Subject = "bob" }},
		"no subject":          {member, func(f *sojourn.Facts) { f.Subject = "" }},
		"a member's realm":    {member, func(f *sojourn.Facts) { f.Realm = "admin" }},
		"a visitor's realm":   {anonymous, func(f *sojourn.Facts) { f.Realm = "admin" }},
		"realm at the login":  {anonymous, func(f *sojourn.Facts) { f.Realm, f.Subject = "admin", "ann" }},
		"subject and a realm": {member, func(f *sojourn.Facts) { f.Realm, f.Subject = "admin", "bob" }},
	}
	for name, tc := range cases {
		before := load(t, s, tc.key)
		state := before
		tc.change(&state.Facts)
		if _, err := s.Update(context.Background(), tc.key, state, 2*hour); err == nil || errors.Is(err, sojourn.ErrConflict) {
			t.Errorf("%s: got %v, want an error of its own", name, err)
		}
		if got := load(t, s, tc.key); got != before {
			t.Errorf("%s: the session changed", name)
		}
	}
}

func TestUpdateTTL_extendsAndLeavesTheRestAlone(t *testing.T) {
	s := newStore(newClock())
	key := save(t, s, visitor("a", "1"), hour)
	before := load(t, s, key)
	for _, tc := range []struct{ ttl, want time.Duration }{{time.Minute, hour}, {2 * hour, 2 * hour}, {hour, 2 * hour}} {
		if err := s.UpdateTTL(context.Background(), key, tc.ttl); err != nil {
			t.Fatal(err)
		}
		got := load(t, s, key)
		if got.TTL != tc.want {
			t.Errorf("after %v: got TTL %v, want %v", tc.ttl, got.TTL, tc.want)
		}
		got.TTL = before.TTL
		if got != before {
			t.Errorf("got %+v, want %+v", got, before)
		}
	}
}

func TestPatch_changesValuesVersionAndExtends(t *testing.T) {
	c := newClock()
	s := newStore(c)
	key := save(t, s, login("ann", c.now()), hour)
	before := load(t, s, key)
	patch := sojourn.Patch{Generation: 1, Remove: []string{"cart"}, Set: values("name", `"A"`)}
	if err := s.Patch(context.Background(), key, patch, time.Minute); err != nil {
		t.Fatal(err)
	}
	got := load(t, s, key)
	if got.Values != values("name", `"A"`) || got.Facts != before.Facts || got.TTL != hour || got.Version == before.Version {
		t.Errorf("got %+v", got)
	}
	if err := s.Patch(context.Background(), key, patch, 3*hour); err != nil {
		t.Fatal(err)
	}
	if again := load(t, s, key); again.TTL != 3*hour || again.Version == got.Version || again.Version == before.Version {
		t.Errorf("got %+v", again)
	}
}

func TestPatch_refusedChangesNothing(t *testing.T) {
	c := newClock()
	s := newStore(c)
	key := save(t, s, login("ann", c.now()), hour)
	before := load(t, s, key)
	cases := map[string]struct {
		patch sojourn.Patch
		want  error
	}{
		"generation": {sojourn.Patch{Set: values("x", "1")}, sojourn.ErrConflict},
		"expect":     {sojourn.Patch{Generation: 1, Expect: values("cart", "[2]"), Set: values("x", "1")}, sojourn.ErrConflict},
		"size":       {sojourn.Patch{Generation: 1, Set: values("x", "12345"), MaxSize: 8}, sojourn.ErrTooLarge},
		"names":      {sojourn.Patch{Generation: 1, Set: values("x", "1"), MaxNames: 1}, sojourn.ErrTooLarge},
	}
	for name, tc := range cases {
		wantErr(t, name, s.Patch(context.Background(), key, tc.patch, 2*hour), tc.want)
		if got := load(t, s, key); got != before {
			t.Errorf("%s: got %+v, want it unchanged", name, got)
		}
	}
}

func TestTTL_notPositiveIsAnErrorWithoutEffect(t *testing.T) {
	s := newStore(newClock())
	key := save(t, s, visitor(), hour)
	before := load(t, s, key)
	for _, ttl := range []time.Duration{0, -1, -hour} {
		if _, err := s.Save(context.Background(), visitor(), ttl); err == nil {
			t.Errorf("Save with TTL %v: no error", ttl)
		}
		for op, call := range calls(s, key, before, ttl) {
			if err := call(context.Background()); op != "Load" && err == nil {
				t.Errorf("%s with TTL %v: no error", op, ttl)
			}
		}
	}
	if got := load(t, s, key); got != before || s.Len() != 1 {
		t.Errorf("got %+v and %d sessions, want no effect", got, s.Len())
	}
}

func TestTTL_isRoundedUpToAMillisecond(t *testing.T) {
	s := newStore(newClock())
	for _, tc := range []struct{ ttl, want time.Duration }{
		{1, time.Millisecond},
		{time.Millisecond + 1, 2 * time.Millisecond},
		{1<<63 - 1, (1<<63 - 1) / time.Millisecond * time.Millisecond},
	} {
		if got := load(t, s, save(t, s, visitor(), tc.ttl)).TTL; got != tc.want {
			t.Errorf("TTL %v: got %v, want %v", tc.ttl, got, tc.want)
		}
	}
}

func TestCancelled_returnsItsErrorWithoutEffect(t *testing.T) {
	c := newClock()
	s := newStore(c)
	key := save(t, s, login("ann", c.now()), hour)
	dead := save(t, s, visitor(), time.Millisecond)
	c.advance(time.Second)
	before := load(t, s, key)
	all := calls(s, key, before, 2*hour)
	all["Save"] = func(ctx context.Context) error { _, err := s.Save(ctx, visitor(), hour); return err }
	all["Delete"] = func(ctx context.Context) error { return s.Delete(ctx, key) }
	all["ListSubject"] = func(ctx context.Context) error { _, err := s.ListSubject(ctx, "shop", "ann"); return err }
	all["DeleteSubject"] = func(ctx context.Context) error {
		_, err := s.DeleteSubject(ctx, "shop", "ann", sojourn.ID{})
		return err
	}
	all["TrimSubject"] = func(ctx context.Context) error {
		_, err := s.TrimSubject(ctx, "shop", "ann", 0, sojourn.ID{})
		return err
	}
	all["List"] = func(ctx context.Context) error { _, _, err := s.List(ctx, "", 10); return err }
	all["Sweep"] = func(ctx context.Context) error { _, err := s.Sweep(ctx, 10); return err }
	all["Watch"] = func(ctx context.Context) error {
		return s.Watch(ctx, func(sojourn.ID) { t.Error("notify was called") })
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancelLate := context.WithDeadline(context.Background(), time.Now().Add(-hour))
	defer cancelLate()
	for op, call := range all {
		wantErr(t, op, call(cancelled), context.Canceled)
		wantErr(t, op, call(late), context.DeadlineExceeded)
	}
	if got := load(t, s, key); got != before || s.Len() != 2 {
		t.Errorf("got %+v and %d sessions, want no effect", got, s.Len())
	}
	wantGone(t, s, dead)
	// No mark was left either.
	save(t, s, login("ann", c.now()), hour)
}
