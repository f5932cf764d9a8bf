package cookiestore_test

import (
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
)

// Replay of earlier cookies (SEC-61): for how long a client can go back to a state that it had.

// While the secret is the same the client can go back to earlier values. The facts are those of now all the same: they are
// in the lease.
func TestReplay_ofValuesUnderTheSameSecret(t *testing.T) {
	l := newLeased(t, sojourn.Config{})
	c := l.begin("42")
	c.do(l.app, set("v", "unspent"))
	earlier := *c
	c.do(l.app, set("v", "spent"))
	earlier.wantSees(t, l.app, "v", "42", "unspent")
	c.wantSees(t, l.app, "v", "42", "spent")

	// A change that builds on the earlier state is made at the version of now: it is neither refused nor mistaken.
	earlier.do(l.app, set("w", "more"))
	earlier.wantSees(t, l.app, "v", "42", "unspent")
	earlier.wantSees(t, l.app, "w", "42", "more")
}

// Each of these ends every earlier state at once.
func TestReplay_endsWithTheSecret(t *testing.T) {
	for name, act := range map[string]func(s *sojourn.Session){
		"Renew":             func(s *sojourn.Session) { s.Set("v", "spent"); s.Renew() },
		"Login":             func(s *sojourn.Session) { s.Login("42"); s.Set("v", "spent") },
		"Login of another":  func(s *sojourn.Session) { s.Login("43"); s.Set("v", "spent") },
		"Logout":            func(s *sojourn.Session) { s.Logout() },
		"Logout, and anew":  func(s *sojourn.Session) { s.Logout(); s.Set("v", "spent") },
		"Renew, in passing": func(s *sojourn.Session) { s.Renew() },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLeased(t, sojourn.Config{})
			c := l.begin("42")
			copies := []client{*c}
			for i := range 3 {
				c.do(l.app, set("v", "unspent "+string(rune('a'+i))))
				copies = append(copies, *c)
			}
			c.do(l.app, act)
			for _, wait := range []time.Duration{0, time.Second, time.Minute} {
				l.clock.advance(wait)
				for _, kept := range copies {
					kept.wantSees(t, l.app, "v", "", "")
				}
			}
		})
	}
}

// A periodic renewal bounds how old a state may be: within the grace of 30 s it reads, after it opens nothing.
func TestReplay_isBoundedByThePeriodicRenewal(t *testing.T) {
	l := newLeased(t, sojourn.Config{Lifetime: sojourn.Lifetime{Renew: 5 * time.Minute}})
	c := l.begin("42")
	earlier := *c
	l.clock.advance(5 * time.Minute)
	c.do(l.app, set("v", "changed")) // sealed under a new secret
	l.clock.advance(29 * time.Second)
	earlier.wantSees(t, l.app, "v", "42", "kept")
	l.clock.advance(2 * time.Second)
	earlier.wantSees(t, l.app, "v", "", "")
	c.wantSees(t, l.app, "v", "42", "changed")
}

// A token of one client's own parts opens no more than those: the present secret with a state from before it, and the other
// way round.
func TestReplay_secretAndStateBelongTogether(t *testing.T) {
	l := newLeased(t, sojourn.Config{})
	c := l.begin("42")
	before := c.cookie
	c.do(l.app, func(s *sojourn.Session) { s.Set("v", "spent"); s.Renew() })
	const secretChars = 43
	for _, mixed := range []string{c.cookie[:secretChars] + before[secretChars:], before[:secretChars] + c.cookie[secretChars:]} {
		m := client{mixed}
		m.wantSees(t, l.app, "v", "", "")
	}
	c.wantSees(t, l.app, "v", "42", "spent")
}

// What Load answers for a key that was sealed under an earlier secret of its session, in the store's own terms.
func TestReplay_ofAnEarlierKey(t *testing.T) {
	first, second, third := [32]byte(randomSecret(1)), [32]byte(randomSecret(2)), [32]byte(randomSecret(3))
	for _, tt := range []struct {
		name   string
		facts  sojourn.Facts // of now
		values bool
		late   bool // the previous digest comes back
	}{
		{"the present secret", sojourn.Facts{Digest: first}, true, false},
		{"before a periodic renewal", sojourn.Facts{Digest: second, Previous: first}, true, true},
		{"before a login or Renew", sojourn.Facts{Digest: second, Previous: first, Refused: true}, false, true},
		{"before that", sojourn.Facts{Digest: third, Previous: second}, false, false},
	} {
		st := newStore(t, cookiestore.Config{Leases: memstore.New(memstore.Config{})})
		values := valuesOf("v", "1")
		key, err := st.Save(t.Context(), sojourn.State{Facts: sojourn.Facts{Digest: first}, Values: values}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		state, err := st.Load(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		state.Facts = tt.facts
		if _, err := st.Update(t.Context(), key, state, time.Hour); err != nil {
			t.Fatal(err)
		}
		got, err := st.Load(t.Context(), key)
		want := sojourn.State{TTL: got.TTL}
		if tt.values {
			want.Values = values
		}
		if want.Facts.Refused = tt.facts.Refused; tt.late {
			want.Facts.Previous = first
		}
		if tt.facts.Digest == first {
			want.Facts, want.Version = tt.facts, got.Version
		}
		if err != nil || got != want || (got.Version != 0) != (tt.facts.Digest == first) {
			t.Errorf("%s: got %+v, %v, want %+v", tt.name, got, err, want)
		}
	}
}

// Parallel requests: the response that arrives last counts, and both say 200. This is what the page says is not promised.
func TestReplay_ofParallelChanges(t *testing.T) {
	l := newLeased(t, sojourn.Config{})
	c := l.begin("42")
	one, other := *c, *c
	one.do(l.app, set("a", "1"))
	other.do(l.app, set("b", "2"))
	other.wantSees(t, l.app, "b", "42", "2")
	other.wantSees(t, l.app, "a", "42", "")
	one.wantSees(t, l.app, "a", "42", "1")
}

// A response that arrives late replaces a newer cookie, and after a login that logs the client out: never the other way
// round, and never into another session. This too the page says.
func TestReplay_ofALateResponse(t *testing.T) {
	l := newLeased(t, sojourn.Config{})
	c := client{}
	c.do(l.app, set("v", "a visitor's"))
	late := c
	late.do(l.app, set("w", "changed")) // its response is on its way
	c.do(l.app, func(s *sojourn.Session) { s.Login("42", "v") })
	c.wantSees(t, l.app, "v", "42", "a visitor's")
	late.wantSees(t, l.app, "v", "", "") // what the client has when it has arrived
}

// Irrevocable: every copy lives until its time is over, and no longer, whatever the cookie jar says (SEC-62).
func TestReplay_withoutLeases(t *testing.T) {
	clock := newClock()
	a := newApp(t, newStore(t, cookiestore.Config{Irrevocable: true, Now: clock.Now}), sojourn.Config{
		Now: clock.Now, Lifetime: sojourn.Lifetime{Idle: time.Hour, Absolute: 2 * time.Hour},
	})
	c := &client{}
	c.do(a, func(s *sojourn.Session) { s.Login("42"); s.Set("v", "kept") })
	kept := *c
	c.do(a, func(s *sojourn.Session) { s.Logout() })
	kept.wantSees(t, a, "v", "42", "kept")
	for range 3 { // whoever uses a copy extends it, up to the deadline
		clock.advance(39 * time.Minute)
		kept.wantSees(t, a, "v", "42", "kept")
	}
	clock.advance(3 * time.Minute)
	kept.wantSees(t, a, "v", "", "")
}

// Two realms with the same secrets and leases: neither opens the other's cookies, nor looks for their leases.
func TestRealm_isBound(t *testing.T) {
	leases := memstore.New(memstore.Config{})
	node := func(realm string) *app {
		return newApp(t, newStore(t, cookiestore.Config{Leases: leases, Realm: realm}), sojourn.Config{Realm: realm})
	}
	shop, office := node("shop"), node("office")
	var c client
	c.do(shop, login)
	before := c.cookie
	c.wantSees(t, office, "v", "", "")
	if c.cookie != before || len(office.events) != 1 || office.events[0].Kind != sojourn.EventForgedKey {
		t.Errorf("got cookie changed: %v, events %v, want it untouched and one event", c.cookie != before, office.events)
	}
	c.wantSees(t, shop, "v", "42", "")
}
