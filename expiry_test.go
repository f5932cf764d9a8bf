package sojourn_test

import (
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Expiry, real this time: actix-session's suite never waits (research §4.9). I1.

func TestExpiry_idleAndAbsolute(t *testing.T) {
	for _, tt := range []struct {
		name  string
		step  time.Duration // between requests
		lives int           // how many of them find the session
	}{
		{"idle", 11 * time.Minute, 0},
		{"exactly idle", 10 * time.Minute, 0},
		{"just before idle, until the deadline", 10*time.Minute - time.Millisecond, 6},
		{"busy, until the deadline", 7 * time.Minute, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newShop(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: 10 * time.Minute, Absolute: time.Hour}})
			b := a.browser(t)
			b.do("POST", "/login")
			lived := 0
			for range 12 {
				a.clock.advance(tt.step)
				if b.get("/").body == `["ferris",0]` {
					lived++
				}
			}
			if lived != tt.lives {
				t.Errorf("got a live session in %d requests, want %d", lived, tt.lives)
			}
		})
	}
}

func TestExpiry_expiredSessionIsNobodys(t *testing.T) {
	a := newShop(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: time.Minute, Absolute: time.Hour}})
	b := a.browser(t)
	b.do("POST", "/login")
	a.clock.advance(2 * time.Minute)

	// Purge of an expired session: there is nothing to end, and nothing to tell the client.
	out := b.do("POST", "/logout")
	out.want(t, 200, "Logged out: nobody")
	out.wantNoCookie(t)

	// A change begins a session of its own, under another ID.
	changed := b.do("POST", "/do_something")
	changed.want(t, 200, "[null,1]")
	if changed.cookie(hostID) == nil {
		t.Error("got no cookie, want that of a new session")
	}
}

// It expires while the handler runs: nothing is created, and the answer is no 5xx.
func TestExpiry_whileTheHandlerRuns(t *testing.T) {
	a := newApp(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: time.Minute, Absolute: time.Hour}})
	a.does("/set", func(s *sojourn.Session) { s.Set("x", 1) })
	a.does("/slow", func(s *sojourn.Session) {
		a.clock.advance(2 * time.Minute)
		s.Set("x", 2)
	})
	b := a.browser(t)
	b.get("/set")
	a.log.take()
	slow := b.get("/slow")
	slow.want(t, 409, "")
	slow.wantNoCookie(t)
	a.log.wantEvents(t, sojourn.EventLost)
	var live int
	for range a.m.All(t.Context()) {
		live++
	}
	if live != 0 {
		t.Errorf("got %d sessions, want none", live)
	}
}

// The touch happens only below 80 % of the idle timeout, and reaches the store (SEC-78).
func TestExpiry_touchIsThrottled(t *testing.T) {
	a := newShop(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: 100 * time.Minute, Absolute: week}})
	b := a.browser(t)
	b.do("POST", "/login")
	a.spy.take()
	a.clock.advance(19 * time.Minute)
	b.get("/")
	a.spy.wantCalls(t, "load")
	a.clock.advance(8 * time.Minute)
	b.get("/")
	a.spy.wantCalls(t, "load", "touch")
	b.get("/")
	a.spy.wantCalls(t, "load")
}

// A touch that fails is no reason to fail the request; the session lives shorter, never longer.
func TestExpiry_failedTouchIsOnlyAnEvent(t *testing.T) {
	a := newShop(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: 10 * time.Minute, Absolute: week}})
	b := a.browser(t)
	b.do("POST", "/login")
	a.log.take()
	a.spy.fail(errDriver, "touch")
	a.clock.advance(6 * time.Minute)
	b.get("/").want(t, 200, `["ferris",0]`)
	a.log.wantEvents(t, sojourn.EventError)
	a.clock.advance(5 * time.Minute)
	b.get("/").want(t, 200, `[null,0]`)
}

func TestExpiry_aTouchNeverPassesTheDeadline(t *testing.T) {
	a := newShop(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: 50 * time.Minute, Absolute: time.Hour}})
	b := a.browser(t)
	b.do("POST", "/login")
	a.clock.advance(45 * time.Minute)
	b.get("/").want(t, 200, `["ferris",0]`)
	a.clock.advance(15*time.Minute - time.Millisecond)
	b.get("/").want(t, 200, `["ferris",0]`)
	a.clock.advance(time.Millisecond)
	b.get("/").want(t, 200, `[null,0]`)
}

// Only a login moves the deadline (I4): not a change, not Renew, not a late Remember.
func TestExpiry_deadlineMovesWithALoginOnly(t *testing.T) {
	a := newApp(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: time.Hour, Absolute: time.Hour}})
	var deadline time.Time
	look := func(s *sojourn.Session) { deadline = s.Facts().Deadline }
	a.does("/look", look)
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.does("/change", func(s *sojourn.Session) { visits.Update(s, increment) })
	a.does("/renew", func(s *sojourn.Session) { s.Renew() })
	a.does("/remember", func(s *sojourn.Session) { s.Remember(true); visits.Update(s, increment) })
	b := a.browser(t)
	b.get("/login")
	start := a.clock.Now()
	for _, path := range []string{"/change", "/renew", "/remember", "/look"} {
		a.clock.advance(time.Minute)
		b.get(path)
		b.get("/look")
		if want := start.Add(time.Hour); !deadline.Equal(want) {
			t.Errorf("after %s: got deadline %v, want %v", path, deadline, want)
		}
	}
	b.get("/login")
	b.get("/look")
	if want := a.clock.Now().Add(time.Hour); !deadline.Equal(want) {
		t.Errorf("after a login: got deadline %v, want %v", deadline, want)
	}
}

// Seen is never later than the last use, and never before the login (SEC-97).
func TestSessions_seen(t *testing.T) {
	a := newShop(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: 100 * time.Minute, Absolute: week}})
	b := a.browser(t)
	b.do("POST", "/login")
	login := a.clock.Now()
	seen := func() time.Time {
		list, err := a.m.Sessions(t.Context(), "ferris")
		if err != nil || len(list) != 1 {
			t.Fatalf("got %v, %v, want one session", list, err)
		}
		return list[0].Seen
	}
	a.clock.advance(30 * time.Minute)
	if got := seen(); !got.Equal(login) {
		t.Errorf("got Seen %v, want the login, %v", got, login)
	}
	b.get("/") // a touch
	used := a.clock.Now()
	a.clock.advance(time.Minute)
	if got := seen(); !got.Equal(used) {
		t.Errorf("got Seen %v, want the last touch, %v", got, used)
	}
}
