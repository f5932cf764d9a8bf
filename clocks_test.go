package sojourn_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// Attacks, item 32: clocks of nodes that differ, and a policy that was tightened. I4.

// node is one process of a cluster: its own clock and configuration over the common store.
func node(t *testing.T, st sojourn.Store, engine *fakeClock, skew time.Duration, cfg sojourn.Config) *app {
	cfg.Now = func() time.Time { return engine.Now().Add(skew) }
	cfg.Observe = new(eventLog).observe
	a := &app{ServeMux: http.NewServeMux(), clock: engine, log: new(eventLog)}
	a.m = newManager(t, st, cfg)
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.does("/change", func(s *sojourn.Session) { visits.Update(s, increment) })
	a.does("/renew", func(s *sojourn.Session) { s.Renew() })
	a.on("/who", who)
	return a
}

func TestClocks_skewNeverLengthens(t *testing.T) {
	const absolute = time.Hour
	year := 365 * 24 * time.Hour
	for _, tt := range []struct {
		login, use time.Duration // skew of the node that logs in, and of the one that is asked
		lives      time.Duration // at most, by the engine's clock
	}{
		{0, 0, absolute},
		{5 * time.Minute, 0, absolute + 5*time.Minute},
		{-5 * time.Minute, 0, absolute},
		{0, 5 * time.Minute, absolute},
		{0, -5 * time.Minute, absolute + 5*time.Minute},
		{5 * time.Minute, -5 * time.Minute, absolute + 10*time.Minute},
		{year, 0, 0}, // it opens nothing: its deadline would be a year too late
		{-year, 0, 0},
		{0, year, 0},
	} {
		t.Run(fmt.Sprint(tt.login, "/", tt.use), func(t *testing.T) {
			engine := newClock()
			st := memstore.New(memstore.Config{Now: engine.Now})
			cfg := sojourn.Config{Lifetime: sojourn.Lifetime{Idle: absolute, Absolute: absolute}}
			login, use := node(t, st, engine, tt.login, cfg), node(t, st, engine, tt.use, cfg)
			b := login.browser(t)
			b.get("/login")
			b.handler = use
			lived := time.Duration(0)
			for lived < 3*absolute && b.get("/who").body == "42" {
				b.get("/change") // use must not lengthen it either
				engine.advance(time.Minute)
				lived += time.Minute
			}
			if lived > tt.lives {
				t.Errorf("lived %v, want at most %v", lived, tt.lives)
			}
			if tt.lives > 0 && lived < absolute-10*time.Minute {
				t.Errorf("lived %v, want about %v", lived, absolute)
			}
		})
	}
}

// After an incident the absolute lifetime goes from 30 days to 12 hours: sessions that began before keep no 30 days.
func TestClocks_tightenedPolicy(t *testing.T) {
	engine := newClock()
	st := memstore.New(memstore.Config{Now: engine.Now})
	loose := node(t, st, engine, 0, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: 30 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour, Persistent: true}})
	tight := node(t, st, engine, 0, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: time.Hour, Absolute: 12 * time.Hour}})
	b := loose.browser(t)
	b.get("/login")
	b.handler = tight
	engine.advance(11 * time.Hour)
	b.get("/who").want(t, 200, "42")
	list, err := tight.m.Sessions(t.Context(), "42")
	if err != nil || len(list) != 1 || !list[0].Facts.Deadline.Equal(engine.Now().Add(time.Hour)) {
		t.Errorf("got %v, %v, want a deadline in one hour", list, err)
	}
	b.get("/renew")
	engine.advance(time.Hour)
	b.get("/who").want(t, 200, "")
	if list, err := tight.m.Sessions(t.Context(), "42"); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v, want no sessions", list, err)
	}
	for e := range tight.m.All(t.Context()) {
		t.Errorf("All: got %v past its deadline", e.ID)
	}
}

// The other way round: a loosened policy gives a stored deadline nothing.
func TestClocks_loosenedPolicy(t *testing.T) {
	engine := newClock()
	st := memstore.New(memstore.Config{Now: engine.Now})
	tight := node(t, st, engine, 0, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: time.Hour, Absolute: time.Hour}})
	loose := node(t, st, engine, 0, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: week, Absolute: week}})
	b := tight.browser(t)
	b.get("/login")
	b.handler = loose
	for range 4 {
		engine.advance(14 * time.Minute)
		b.get("/change")
		b.get("/renew")
		b.get("/who").want(t, 200, "42")
	}
	engine.advance(4 * time.Minute)
	b.get("/who").want(t, 200, "")
}
