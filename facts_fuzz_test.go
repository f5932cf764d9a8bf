package sojourn_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// factual is a store of one session whose changes all succeed, and are counted.
type factual struct {
	sojourn.Store
	state sojourn.State
	calls string
	ttl   time.Duration // that the last call asked for
}

func (st *factual) Load(context.Context, sojourn.Key) (sojourn.State, error) { return st.state, nil }

func (st *factual) Save(_ context.Context, _ sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	st.calls += "save "
	st.ttl = ttl
	return sojourn.NewID().Key(), nil
}

func (st *factual) Update(_ context.Context, key sojourn.Key, _ sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	st.calls += "update "
	st.ttl = ttl
	return key, nil
}

func (st *factual) Patch(_ context.Context, _ sojourn.Key, _ sojourn.Patch, ttl time.Duration) error {
	st.calls += "patch "
	st.ttl = ttl
	return nil
}

func (st *factual) UpdateTTL(context.Context, sojourn.Key, time.Duration) error {
	st.calls += "touch "
	return nil
}

// Whatever facts a store hands out, a token opens what the table of tokens says and no more, and no time in them makes a
// session live longer than this node's configuration has it.
func FuzzFacts(f *testing.F) {
	const hour, day = int64(time.Hour / time.Millisecond), int64(24 * time.Hour / time.Millisecond)
	f.Add(true, false, false, false, false, -hour, int64(0), 6*day, -hour)
	f.Add(true, false, false, true, true, -hour, -hour, 20*day, int64(0))
	f.Add(false, true, false, false, false, -hour, -hour, day, int64(-29_000))
	f.Add(false, true, true, false, false, -hour, -hour, day, int64(-29_000))
	f.Add(false, true, false, false, false, -hour, -hour, day, int64(-31_000))
	f.Add(true, false, false, false, false, 11*60_000+hour, int64(0), day, hour)
	f.Add(true, true, true, false, true, -8*day, int64(0), day, int64(0))
	f.Add(false, false, false, false, false, -hour, -hour, day, int64(0))
	clock := newClock()
	now := clock.Now()
	st := &factual{}
	cfg := sojourn.Config{Visitors: sojourn.Lifetime{Idle: 3 * time.Hour, Absolute: 36 * time.Hour}, Header: "Session-Key", Realm: "fuzz", Now: clock.Now, Observe: func(context.Context, sojourn.Event) {}}
	m := newManager(f, st, cfg)
	header := func(string) []string { return []string{fuzzToken(1)} }
	instant := func(ms int64) time.Time { return now.Add(time.Duration(ms%(100*365*day)) * time.Millisecond) }

	f.Fuzz(func(t *testing.T, current, previous, refused, otherRealm, remembered bool, created, authenticated, deadline, renewed int64) {
		facts := sojourn.Facts{
			Realm: "fuzz", Created: instant(created), Deadline: instant(deadline), Renewed: instant(renewed),
			Refused: refused, Remembered: remembered, Generation: 7, Digest: [32]byte{1}, Previous: [32]byte{2},
		}
		if authenticated != 0 {
			facts.Subject, facts.Authenticated = "42", instant(authenticated)
		}
		if otherRealm {
			facts.Realm = "other"
		}
		if current {
			facts.Digest = sha256.Sum256([]byte(fuzzSecret))
		}
		if previous {
			facts.Previous = sha256.Sum256([]byte(fuzzSecret))
		}
		st.state = sojourn.State{Facts: facts, TTL: time.Hour, Version: 1}

		start, idle, absolute := facts.Created, 3*time.Hour, 36*time.Hour
		if authenticated != 0 {
			start, idle, absolute = facts.Authenticated, 24*time.Hour, 7*24*time.Hour
		}
		if remembered {
			idle, absolute = 30*24*time.Hour, 30*24*time.Hour
		}
		left := min(idle, facts.Deadline.Sub(now), start.Add(absolute).Sub(now))
		alive := !otherRealm && now.Before(facts.Deadline) && now.Before(start.Add(absolute)) && !start.After(now.Add(10*time.Minute))
		recent := now.Sub(facts.Renewed).Abs() <= 30*time.Second
		want := "none"
		switch {
		case alive && current:
			want = "live"
		case alive && previous && recent && refused:
			want = "refused"
		case alive && previous && recent:
			want = "late"
		}

		visit := func(act func(s *sojourn.Session)) (calls string, err error) {
			st.calls = ""
			v := m.Begin(header)
			s, err := v.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if opens := want == "live" || want == "late"; s.IsNew() == opens || s.Facts().Deadline.After(start.Add(absolute)) || s.Subject() != "" && !opens {
				t.Fatalf("%+v: got new: %v, subject %q, facts %+v, want %s", facts, s.IsNew(), s.Subject(), s.Facts(), want)
			}
			act(s)
			_, err = v.Commit(t.Context())
			return st.calls, err
		}
		calls, err := visit(func(s *sojourn.Session) { s.Set("x", 1) })
		if wants := map[string]string{"none": "save ", "live": "patch ", "late": "patch ", "refused": ""}[want]; calls != wants ||
			errors.Is(err, sojourn.ErrRenewed) != (want == "refused") || want != "refused" && err != nil {
			t.Fatalf("%+v: a change made calls %q and %v, want %s", facts, calls, err, want)
		}
		// A late request extends nothing; what begins anew is a visitor's.
		if wants := map[string]time.Duration{"none": 3 * time.Hour, "live": left, "late": time.Millisecond}[want]; want != "refused" && st.ttl != wants {
			t.Fatalf("%+v: a change asked for a TTL of %v, want %v of %s", facts, st.ttl, wants, want)
		}
		calls, err = visit(func(s *sojourn.Session) { s.Renew() })
		if wants := map[string]string{"live": "update "}[want]; calls != wants || errors.Is(err, sojourn.ErrRenewed) != (want == "late" || want == "refused") {
			t.Fatalf("%+v: a renewal made calls %q and %v, want %s", facts, calls, err, want)
		}
		if want == "live" && st.ttl != left {
			t.Fatalf("%+v: a renewal asked for a TTL of %v, want %v", facts, st.ttl, left)
		}
	})
}
