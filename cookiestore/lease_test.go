package cookiestore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/storetest"
)

// What the lease is for: an end before the time, lists and limits, as on the store that keeps the leases.

// leased is a node whose leases can fail.
type leased struct {
	*app
	leases *storetest.Faulty
	clock  *fakeClock
	fails  func(op string) error
}

func newLeased(tb testing.TB, cfg sojourn.Config) *leased {
	tb.Helper()
	l := &leased{clock: newClock()}
	l.leases = storetest.NewFaulty(memstore.New(memstore.Config{Now: l.clock.Now}), func(op string, _ sojourn.Key) error {
		if l.fails != nil {
			return l.fails(op)
		}
		return nil
	})
	cfg.Now = l.clock.Now
	l.app = newApp(tb, newStore(tb, cookiestore.Config{Leases: l.leases}), cfg)
	return l
}

// begin logs a new client in, with a value.
func (l *leased) begin(subject string) *client {
	l.clock.advance(time.Second)
	c := &client{}
	c.do(l.app, func(s *sojourn.Session) { s.Login(subject); s.Set("v", "kept") })
	return c
}

// id returns the ID of the client's session.
func (l *leased) id(c *client) (id sojourn.ID) {
	c.do(l.app, func(s *sojourn.Session) { id = s.ID() })
	return id
}

func TestLease_endsTheSession(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(l *leased, id sojourn.ID, c *client) error
	}{
		{"Logout", func(l *leased, _ sojourn.ID, c *client) error {
			c.do(l.app, func(s *sojourn.Session) { s.Logout() })
			return nil
		}},
		{"Revoke", func(l *leased, id sojourn.ID, _ *client) error { return l.Revoke(context.Background(), "42", id) }},
		{"End", func(l *leased, id sojourn.ID, _ *client) error { return l.End(context.Background(), id) }},
		{"RevokeAll", func(l *leased, _ sojourn.ID, _ *client) error {
			_, err := l.RevokeAll(context.Background(), "42")
			return err
		}},
		{"RevokeOthers", func(l *leased, _ sojourn.ID, _ *client) error {
			_, err := l.RevokeOthers(context.Background(), "42", l.id(l.begin("42")))
			return err
		}},
		{"the idle timeout", func(l *leased, _ sojourn.ID, _ *client) error { l.clock.advance(24 * time.Hour); return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLeased(t, sojourn.Config{})
			c := l.begin("42")
			bystander := l.begin("43")
			// Every cookie that the client ever held.
			copies := []client{*c}
			for i := range 3 {
				c.do(l.app, func(s *sojourn.Session) { s.Set("n", i) })
				copies = append(copies, *c)
			}
			for _, kept := range copies {
				kept.wantSees(t, l.app, "v", "42", "kept")
			}
			if err := tt.end(l, l.id(c), c); err != nil {
				t.Fatal(err)
			}
			for i, kept := range copies {
				before := kept.cookie
				kept.wantSees(t, l.app, "v", "", "")
				if kept.cookie != before {
					t.Errorf("the dead cookie of state %d was touched", i)
				}
			}
			if tt.name != "the idle timeout" {
				bystander.wantSees(t, l.app, "v", "43", "kept")
			}
		})
	}
}

func TestLease_listsAndLimits(t *testing.T) {
	l := newLeased(t, sojourn.Config{MaxSessions: 3, Label: func(*http.Request) string { return "a device" }})
	var clients []*client
	for range 5 {
		clients = append(clients, l.begin("42"))
	}
	for i, c := range clients {
		if i < 2 {
			c.wantSees(t, l.app, "v", "", "")
		} else {
			c.wantSees(t, l.app, "v", "42", "kept")
		}
	}
	list, err := l.Sessions(t.Context(), "42")
	if err != nil || len(list) != 3 || list[0].Facts.Label != "a device" || list[0].ID != l.id(clients[4]) {
		t.Errorf("got %v, %v, want the three newest", list, err)
	}
	all := 0
	for _, err := range l.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all++
	}
	if all != 3 {
		t.Errorf("got %d sessions of the realm, want 3", all)
	}
}

// One session among many is ended with two calls, not by reading them all.
func TestLease_revokingOneCostsTwoCalls(t *testing.T) {
	l := newLeased(t, sojourn.Config{})
	c := l.begin("42")
	for i := range 600 {
		l.begin(fmt.Sprint("other", i))
	}
	id := l.id(c)
	for _, tt := range []struct {
		name string
		call func() error
		want error
		cost int
	}{
		{"somebody else's", func() error { return l.Revoke(t.Context(), "43", id) }, sojourn.ErrNotFound, 1},
		{"one that never was", func() error { return l.Revoke(t.Context(), "42", sojourn.NewID()) }, sojourn.ErrNotFound, 1},
		{"the subject's", func() error { return l.Revoke(t.Context(), "42", id) }, nil, 2},
		{"one that is gone", func() error { return l.End(t.Context(), id) }, sojourn.ErrNotFound, 1},
	} {
		l.leases.Reset()
		if err := tt.call(); !errors.Is(err, tt.want) || l.leases.Count() != tt.cost {
			t.Errorf("%s: got %v and %d calls, want %v and %d", tt.name, err, l.leases.Count(), tt.want, tt.cost)
		}
	}
	c.wantSees(t, l.app, "v", "", "")
}

// While the leases fail nobody gets in, nobody is taken for a visitor, and no cookie is touched.
func TestLease_storeDownFailsClosed(t *testing.T) {
	down := errors.New("connection refused")
	for _, tt := range []struct {
		op  string
		act func(s *sojourn.Session)
	}{
		{"load", func(s *sojourn.Session) { t.Error("the handler ran without the lease") }},
		{"update", func(s *sojourn.Session) { s.Set("v", "changed") }},
		{"update", func(s *sojourn.Session) { s.Renew() }},
		{"update", func(s *sojourn.Session) { s.Login("42") }},
	} {
		l := newLeased(t, sojourn.Config{})
		c := l.begin("42")
		before := c.cookie
		l.fails = func(op string) error {
			if op == tt.op {
				return down
			}
			return nil
		}
		resp := c.do(l.app, tt.act)
		if resp.StatusCode != http.StatusServiceUnavailable || c.cookie != before || resp.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s down: got status %d, cookie changed: %v, want 503 and the cookie untouched", tt.op, resp.StatusCode, c.cookie != before)
		}
		l.fails = nil
		c.wantSees(t, l.app, "v", "42", "kept")
	}

	// A logout that the leases do not take says so; the client forgets all the same.
	l := newLeased(t, sojourn.Config{})
	c := l.begin("42")
	l.fails = func(string) error { return down }
	if _, err := l.Sessions(t.Context(), "42"); !errors.Is(err, down) {
		t.Errorf("got %v of a list, want %v", err, down)
	}
	l.fails = func(op string) error {
		if op == "delete" {
			return down
		}
		return nil
	}
	if resp := c.do(l.app, func(s *sojourn.Session) { s.Logout() }); resp.StatusCode != http.StatusServiceUnavailable || c.cookie != "" {
		t.Errorf("got status %d, cookie removed: %v from a logout that failed, want 503 and it removed", resp.StatusCode, c.cookie == "")
	}
}

// What the lease store forgets is logged out: an engine that evicts ends sessions, and never brings one back.
func TestLease_forgottenIsLoggedOut(t *testing.T) {
	var clients []*client
	a := newApp(t, newStore(t, cookiestore.Config{Leases: memstore.New(memstore.Config{MaxSessions: 2})}), sojourn.Config{})
	for range 4 {
		c := &client{}
		c.do(a, set("v", "kept"))
		clients = append(clients, c)
	}
	open := 0
	for _, c := range clients {
		if _, v := c.sees(a, "v"); v == "kept" {
			open++
		}
	}
	if open != 2 {
		t.Errorf("got %d sessions that open, want the 2 that have a lease", open)
	}
}

// Without leases nothing can be listed, limited or revoked, and the answer says so.
func TestIrrevocable_saysWhatItCannot(t *testing.T) {
	st := newStore(t, cookiestore.Config{Irrevocable: true})
	a := newApp(t, st, sojourn.Config{})
	var c client
	c.do(a, login)
	var id sojourn.ID
	c.do(a, func(s *sojourn.Session) { id = s.ID() })
	_, listErr := a.Sessions(t.Context(), "42")
	_, allErr := a.RevokeAll(t.Context(), "42")
	for what, err := range map[string]error{"Sessions": listErr, "RevokeAll": allErr, "Revoke": a.Revoke(t.Context(), "42", id), "End": a.End(t.Context(), id)} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: got %v, want %v", what, err, errors.ErrUnsupported)
		}
	}
	kept := c
	c.do(a, func(s *sojourn.Session) { s.Logout() })
	if c.cookie != "" {
		t.Error("a logout did not take the client's cookie")
	}
	kept.wantSees(t, a, "v", "42", "") // and a copy lives on, as the page says
}

// A limit of sessions needs an index: New says so, and not each login.
func TestLimit_withoutAnIndex_isRefusedByNew(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg cookiestore.Config
		ok  bool
	}{
		"leases with an index":   {cookiestore.Config{Leases: memstore.New(memstore.Config{})}, true},
		"leases of five methods": {cookiestore.Config{Leases: struct{ sojourn.Store }{memstore.New(memstore.Config{})}}, false},
		"nothing on the server":  {cookiestore.Config{Irrevocable: true}, false},
	} {
		_, err := sojourn.New(newStore(t, tt.cfg), sojourn.Config{MaxSessions: 3})
		var wrong *sojourn.ConfigError
		if tt.ok != (err == nil) || !tt.ok && (!errors.As(err, &wrong) || wrong.Field != "MaxSessions") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
