package sojourn_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
)

// Config.Visitors (SEC-74): sessions of nobody in particular live shorter, and a login is none of theirs.

// visitorsApp is over a store that make makes, with visitors of half an hour and two hours in all.
func visitorsApp(t *testing.T, cfg sojourn.Config, make func(clock *fakeClock) sojourn.Store) *app {
	if cfg.Visitors == (sojourn.Lifetime{}) {
		cfg.Visitors = sojourn.Lifetime{Idle: 30 * time.Minute, Absolute: 2 * time.Hour}
	}
	clock := newClock()
	a := newAppOver(t, newSpy(make(clock)), clock, cfg)
	a.does("/visit", func(s *sojourn.Session) { visits.Update(s, increment) })
	a.does("/remembered", func(s *sojourn.Session) { s.Set("x", 1); s.Remember(true) })
	a.does("/login", func(s *sojourn.Session) { s.Login("42", string(visits)) })
	a.does("/logout", func(s *sojourn.Session) { s.Logout(); s.Set("x", 1) })
	a.does("/renew", func(s *sojourn.Session) { s.Renew() })
	a.on("/look", func(w http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
		n, _ := visits.Get(s)
		fmt.Fprintf(w, "%t %q %d", !s.IsNew(), s.Subject(), n)
	})
	return a
}

func inMemory(clock *fakeClock) sojourn.Store { return memstore.New(memstore.Config{Now: clock.Now}) }

// onEachStore runs f over a store with a Patcher, over the five methods alone, and over client-side ones.
func onEachStore(t *testing.T, f func(t *testing.T, store func(*fakeClock) sojourn.Store)) {
	sealing := func(cfg cookiestore.Config) sojourn.Store {
		cfg.Secrets = [][]byte{randomSecret(1)}
		st, err := cookiestore.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	for name, store := range map[string]func(clock *fakeClock) sojourn.Store{
		"Patcher":      inMemory,
		"five methods": func(clock *fakeClock) sojourn.Store { return fiveMethods{inMemory(clock)} },
		"leases": func(clock *fakeClock) sojourn.Store {
			return sealing(cookiestore.Config{Leases: inMemory(clock), Now: clock.Now})
		},
		"irrevocable": func(clock *fakeClock) sojourn.Store {
			return sealing(cookiestore.Config{Irrevocable: true, Now: clock.Now})
		},
	} {
		t.Run(name, func(t *testing.T) { f(t, store) })
	}
}

func TestVisitors_endSooner(t *testing.T) {
	onEachStore(t, func(t *testing.T, store func(*fakeClock) sojourn.Store) {
		for _, tt := range []struct {
			name, begin string
			step        time.Duration // between requests
			lives       int           // how many of eight find the session
		}{
			{"a visitor", "/visit", 30 * time.Minute, 0},
			{"a busy one, until the deadline", "/visit", 30*time.Minute - time.Millisecond, 4},
			{"a user", "/visit /login", 2 * time.Hour, 8},
			{"a remembered visitor", "/remembered", 48 * time.Hour, 8},
			{"a visitor who was a user", "/visit /login /logout", 30 * time.Minute, 0},
		} {
			t.Run(tt.name, func(t *testing.T) {
				a := visitorsApp(t, sojourn.Config{}, store)
				b := a.browser(t)
				for _, path := range strings.Fields(tt.begin) {
					b.get(path)
				}
				lived := 0
				for range 8 {
					a.clock.advance(tt.step)
					if strings.HasPrefix(b.get("/look").body, "true") {
						lived++
					}
				}
				if lived != tt.lives {
					t.Errorf("got a live session in %d requests, want %d", lived, tt.lives)
				}
			})
		}
	})
}

// A login keeps the session and its named values, and gives it the times of a user: in the store, to the client, and for
// what comes.
func TestVisitors_aLoginDecidesAnew(t *testing.T) {
	onEachStore(t, func(t *testing.T, store func(*fakeClock) sojourn.Store) {
		persistent := sojourn.Lifetime{Idle: 24 * time.Hour, Absolute: week, Persistent: true}
		a := visitorsApp(t, sojourn.Config{Lifetime: persistent}, store)
		var deadline time.Time
		a.does("/deadline", func(s *sojourn.Session) { deadline = s.Facts().Deadline })
		b := a.browser(t)
		if c := b.get("/visit").cookie(hostID); c == nil || c.MaxAge != 0 {
			t.Errorf("a visitor: got cookie %v, want one of the browser's session", c)
		}
		b.get("/deadline")
		if want := a.clock.Now().Add(2 * time.Hour); !deadline.Equal(want) {
			t.Errorf("a visitor: got deadline %v, want %v", deadline, want)
		}
		a.clock.advance(29 * time.Minute)
		if c := b.get("/login").cookie(hostID); c == nil || c.MaxAge != int(week/time.Second) {
			t.Errorf("a login: got cookie %v, want Max-Age of a week", c)
		}
		b.get("/deadline")
		if want := a.clock.Now().Add(week); !deadline.Equal(want) {
			t.Errorf("a login: got deadline %v, want %v", deadline, want)
		}
		a.clock.advance(24*time.Hour - time.Millisecond)
		b.get("/look").want(t, 200, `true "42" 1`)
		// From here on by the idle timeout of a user.
		b.get("/visit")
		a.clock.advance(24*time.Hour - time.Millisecond)
		b.get("/look").want(t, 200, `true "42" 2`)
		a.clock.advance(24 * time.Hour)
		b.get("/look").want(t, 200, `false "" 0`)
	})
}

// A visitor whose time has passed while the login runs brings nothing into it.
func TestVisitors_expiredWhileTheLoginRuns_carryNothing(t *testing.T) {
	a := visitorsApp(t, sojourn.Config{Visitors: sojourn.Lifetime{Idle: time.Hour, Absolute: time.Hour}}, inMemory)
	a.does("/slow", func(s *sojourn.Session) {
		a.clock.advance(time.Hour)
		s.Login("42", string(visits))
	})
	b := a.browser(t)
	b.get("/visit")
	a.spy.take()
	b.get("/slow").want(t, 200, "")
	a.spy.wantCalls(t, "load", "save")
	b.get("/look").want(t, 200, `true "42" 0`)
}

// What is left of the time is weighed against a visitor's own idle timeout.
func TestVisitors_areTouchedByTheirOwnIdleTimeout(t *testing.T) {
	a := visitorsApp(t, sojourn.Config{Visitors: sojourn.Lifetime{Idle: 100 * time.Minute}}, inMemory)
	b := a.browser(t)
	b.get("/visit")
	a.spy.take()
	a.clock.advance(19 * time.Minute)
	b.get("/look")
	a.spy.wantCalls(t, "load")
	a.clock.advance(8 * time.Minute)
	b.get("/look")
	a.spy.wantCalls(t, "load", "touch")
}

func TestVisitors_renewedInTime_usersNot(t *testing.T) {
	a := visitorsApp(t, sojourn.Config{Visitors: sojourn.Lifetime{Idle: 10 * time.Hour, Renew: 50 * time.Minute}}, inMemory)
	b := a.browser(t)
	b.get("/visit")
	a.spy.take()
	a.clock.advance(49 * time.Minute)
	b.get("/look")
	a.spy.wantCalls(t, "load")
	a.clock.advance(time.Minute)
	b.get("/look")
	a.spy.wantCalls(t, "load", "update")
	b.get("/login")
	a.spy.take()
	a.clock.advance(4 * time.Hour)
	b.get("/look")
	a.spy.wantCalls(t, "load")
}

// Whatever a visitor does leaves the idle timeout of a visitor.
func TestVisitors_eachUseLeavesTheirIdleTimeout(t *testing.T) {
	onEachStore(t, func(t *testing.T, store func(*fakeClock) sojourn.Store) {
		for _, use := range []string{"/look", "/visit", "/renew", "/remembered"} {
			for _, tt := range []struct {
				wait time.Duration
				want string
			}{{30*time.Minute - time.Millisecond, "true"}, {30 * time.Minute, "false"}} {
				a := visitorsApp(t, sojourn.Config{}, store)
				b := a.browser(t)
				b.get("/visit")
				a.clock.advance(20 * time.Minute)
				b.get(use)
				a.clock.advance(tt.wait)
				if got, _, _ := strings.Cut(b.get("/look").body, " "); got != tt.want {
					t.Errorf("%v after %s: got %s, want %s", tt.wait, use, got, tt.want)
				}
			}
		}
	})
}

// Limits that are tightened hold for visitors who are there already, and only for them.
func TestVisitors_tightened(t *testing.T) {
	engine := newClock()
	st := inMemory(engine)
	loose := node(t, st, engine, 0, sojourn.Config{})
	tight := node(t, st, engine, 0, sojourn.Config{Visitors: sojourn.Lifetime{Absolute: time.Hour}})
	visitor, user := loose.browser(t), loose.browser(t)
	visitor.get("/change")
	user.get("/login")
	visitor.handler, user.handler = tight, tight
	tight.on("/new", func(w http.ResponseWriter, _ *http.Request, s *sojourn.Session) { fmt.Fprint(w, s.IsNew()) })
	engine.advance(time.Hour - time.Millisecond)
	visitor.get("/new").want(t, 200, "false")
	engine.advance(time.Millisecond)
	visitor.get("/new").want(t, 200, "true")
	user.get("/new").want(t, 200, "false")
	left := 0
	for e := range tight.m.All(t.Context()) {
		left++
		if e.Facts.Subject == "" {
			t.Errorf("All: got the visitor %v past its deadline", e.ID)
		}
	}
	if left != 1 {
		t.Errorf("got %d sessions, want the user's", left)
	}
}

// A request that the visitor had under way touches what a login has made its own: never beyond a user's idle timeout.
func TestVisitors_aTouchInTheWayOfALogin_lengthensNothing(t *testing.T) {
	lifetime := sojourn.Lifetime{Idle: time.Hour, Absolute: week}
	a := visitorsApp(t, sojourn.Config{Lifetime: lifetime, Visitors: lifetime}, inMemory)
	b := a.browser(t)
	b.get("/visit")
	a.clock.advance(40 * time.Minute)
	other := b.clone()
	once := false
	a.spy.hook(func(op string, _ sojourn.Key) error {
		if op == "touch" && !once {
			once = true
			other.get("/login")
		}
		return nil
	})
	b.get("/look")
	list, err := a.m.Sessions(t.Context(), "42")
	if err != nil || len(list) != 1 || !once {
		t.Fatalf("got %v, %v, touched: %v", list, err, once)
	}
	if got := list[0].TTL; got > lifetime.Idle {
		t.Errorf("got a TTL of %v, want at most %v", got, lifetime.Idle)
	}
}

// By default there is no difference, and what is set in part follows Lifetime.
func TestVisitors_defaults(t *testing.T) {
	hour := sojourn.Lifetime{Idle: time.Hour, Absolute: 3 * time.Hour, Persistent: true}
	for _, tt := range []struct {
		name           string
		lifetime       sojourn.Lifetime
		visitors       sojourn.Lifetime
		idle, absolute time.Duration
		maxAge         int
	}{
		{"as Lifetime", hour, sojourn.Lifetime{}, time.Hour, 3 * time.Hour, 3 * 3600},
		{"as the default Lifetime", sojourn.Lifetime{}, sojourn.Lifetime{}, 24 * time.Hour, week, 0},
		{"idle only", hour, sojourn.Lifetime{Idle: time.Minute}, time.Minute, 3 * time.Hour, 0},
		{"absolute only", hour, sojourn.Lifetime{Absolute: time.Minute}, time.Minute, time.Minute, 0},
		{"neither", hour, sojourn.Lifetime{Persistent: true}, time.Hour, 3 * time.Hour, 3 * 3600},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, sojourn.Config{Lifetime: tt.lifetime, Visitors: tt.visitors})
			a.does("/visit", func(s *sojourn.Session) { s.Set("x", 1) })
			if c := a.browser(t).get("/visit").cookie(hostID); c == nil || c.MaxAge != tt.maxAge {
				t.Errorf("got cookie %v, want Max-Age %d", c, tt.maxAge)
			}
			for e := range a.m.All(t.Context()) {
				if got := e.Facts.Deadline.Sub(a.clock.Now()); e.TTL != tt.idle || got != tt.absolute {
					t.Errorf("got TTL %v, deadline in %v, want %v, %v", e.TTL, got, tt.idle, tt.absolute)
				}
			}
		})
	}
}
