package sojourn_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Attacks, items 10, 11 and 22: what crosses a login, and who may be remembered. I8, SEC-25, SEC-26, SEC-48.

// loginApp has a visitor seeded with ten names, and logins that keep some of them.
func loginApp(t *testing.T, cfg sojourn.Config) *app {
	a := newApp(t, cfg)
	a.does("/seed", func(s *sojourn.Session) {
		for i := range 9 {
			s.Set(fmt.Sprint("planted", i), "otp_ok")
		}
		s.Set("cart", "tea")
	})
	a.on("/login/{who}", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Login(r.PathValue("who"), r.URL.Query()["keep"]...)
	})
	a.on("/show", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		fmt.Fprint(w, s.Subject(), s.Values())
	})
	a.does("/logout", func(s *sojourn.Session) { s.Logout() })
	return a
}

func TestLogin_onlyNamedValuesCross(t *testing.T) {
	for _, tt := range []struct {
		name  string
		paths []string
		want  string
	}{
		{"none by default", []string{"/seed", "/login/a"}, "a[]"},
		{"the named one", []string{"/seed", "/login/a?keep=cart"}, "a[cart]"},
		{"a named one that is not there", []string{"/seed", "/login/a?keep=other"}, "a[]"},
		{"the same subject keeps all", []string{"/seed", "/login/a?keep=cart", "/seed", "/login/a"}, "a[cart planted0 planted1 planted2 planted3 planted4 planted5 planted6 planted7 planted8]"},
		{"another subject gets none, named or not", []string{"/login/a", "/seed", "/login/b?keep=cart"}, "b[]"},
		{"nothing after a logout", []string{"/login/a", "/seed", "/logout"}, "[]"},
		{"nothing to carry", []string{"/login/a?keep=cart"}, "a[]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := loginApp(t, sojourn.Config{})
			b := a.browser(t)
			var left []*browser
			for _, path := range tt.paths {
				left = append(left, b.clone())
				b.get(path)
			}
			b.get("/show").want(t, 200, tt.want)
			// What a client held before the last request opens nothing of it, now and later.
			for range 2 {
				left[len(left)-1].get("/show").want(t, 200, "[]")
				a.clock.advance(time.Minute)
			}
		})
	}
}

// What a handler sets before and after its own Login: before counts as the visitor's, after as the subject's.
func TestLogin_valuesOfTheSameRequest(t *testing.T) {
	for _, tt := range []struct {
		name string
		act  func(s *sojourn.Session)
		want string
	}{
		{"set before", func(s *sojourn.Session) { s.Set("x", 1); s.Login("a") }, "a[]"},
		{"set before, kept", func(s *sojourn.Session) { s.Set("x", 1); s.Login("a", "x") }, "a[x]"},
		{"set after", func(s *sojourn.Session) { s.Login("a"); s.Set("x", 1) }, "a[x]"},
		{"set again after", func(s *sojourn.Session) { s.Login("a"); s.Set("cart", 1) }, "a[cart]"},
		{"updated after, from nothing", func(s *sojourn.Session) { s.Login("a"); visits.Update(s, increment) }, "a[visits]"},
		{"cleared before", func(s *sojourn.Session) { s.Clear(); s.Login("a", "cart") }, "a[]"},
		{"two logins", func(s *sojourn.Session) { s.Login("a", "cart"); s.Login("b", "cart") }, "b[]"},
		{"logout, then login", func(s *sojourn.Session) { s.Logout(); s.Login("a", "cart") }, "a[]"},
		{"login, then logout", func(s *sojourn.Session) { s.Login("a", "cart"); s.Logout() }, "[]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := loginApp(t, sojourn.Config{})
			a.on("/act", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
				tt.act(s)
				fmt.Fprint(w, s.Subject(), s.Values())
			})
			b := a.browser(t)
			b.get("/seed")
			visitor := b.clone()
			b.get("/act").want(t, 200, tt.want) // the handler sees what will be stored
			b.get("/show").want(t, 200, tt.want)
			visitor.get("/show").want(t, 200, "[]")
		})
	}
}

// Item 10: a login works whatever the client presented, also the second click of a double click.
func TestLogin_alwaysSetsACookie(t *testing.T) {
	for _, tt := range []struct {
		name    string
		prepare func(a *app, b *browser)
	}{
		{"nothing", func(a *app, b *browser) {}},
		{"a visitor's session", func(a *app, b *browser) { b.get("/seed") }},
		{"an expired session", func(a *app, b *browser) { b.get("/seed"); a.clock.advance(week) }},
		{"a token that a login has just replaced", func(a *app, b *browser) { b.get("/seed"); b.clone().get("/login/a") }},
		{"one replaced a while ago", func(a *app, b *browser) {
			b.get("/seed")
			b.clone().get("/login/a")
			a.clock.advance(time.Hour)
		}},
		{"a session that is gone", func(a *app, b *browser) { b.get("/seed"); b.clone().get("/logout") }},
		{"garbage", func(a *app, b *browser) { b.cookies[hostID] = "garbage" }},
		{"another subject's session", func(a *app, b *browser) { b.get("/login/other") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := loginApp(t, sojourn.Config{})
			b := a.browser(t)
			tt.prepare(a, b)
			before := b.clone()
			got := b.get("/login/a?keep=cart")
			if c := got.cookie(hostID); got.StatusCode != 200 || c == nil || c.Value == before.cookies[hostID] {
				t.Fatalf("got %d and cookie %v, want a new one", got.StatusCode, c)
			}
			if got := b.get("/show").body; got != "a[]" && got != "a[cart]" {
				t.Errorf("got %q, want a's session", got)
			}
			before.get("/show").want(t, 200, "[]")
		})
	}
}

// Item 11: Login of another subject ends the session of the one before.
func TestLogin_overAnotherSubjectEndsItsSession(t *testing.T) {
	a := loginApp(t, sojourn.Config{})
	b := a.browser(t)
	b.get("/login/alice")
	before, _ := a.m.Sessions(t.Context(), "alice")
	a.spy.take()
	b.get("/login/bob")
	a.spy.wantCalls(t, "load", "delete", "save")
	after, _ := a.m.Sessions(t.Context(), "bob")
	if left, _ := a.m.Sessions(t.Context(), "alice"); len(left) != 0 || len(before) != 1 || len(after) != 1 || after[0].ID == before[0].ID {
		t.Errorf("got alice %v, bob %v, want alice's session ended and bob's under another ID", left, after)
	}
}

// Item 22: Remember means something beside a Login, and on a new session only: five minutes at an open laptop must not
// turn a day into a month.
func TestRemember_needsALogin(t *testing.T) {
	for _, tt := range []struct {
		name       string
		act        func(s *sojourn.Session)
		remembered bool
		maxAge     int // of the cookie, -1: no cookie
	}{
		{"with a login", func(s *sojourn.Session) { s.Login("a"); s.Remember(true) }, true, 30 * 24 * 3600},
		{"before the login", func(s *sojourn.Session) { s.Remember(true); s.Login("a") }, true, 30 * 24 * 3600},
		{"alone", func(s *sojourn.Session) { s.Remember(true) }, false, -1},
		{"with a change", func(s *sojourn.Session) { s.Remember(true); s.Set("x", 1) }, false, -1},
		{"with Renew", func(s *sojourn.Session) { s.Remember(true); s.Renew() }, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := loginApp(t, sojourn.Config{})
			a.does("/act", tt.act)
			b := a.browser(t)
			b.get("/login/a")
			before, _ := a.m.Sessions(t.Context(), "a")
			a.clock.advance(time.Hour)
			got := b.get("/act")
			c := got.cookie(hostID)
			if (c == nil) != (tt.maxAge < 0) || c != nil && c.MaxAge != tt.maxAge {
				t.Errorf("got cookie %v, want Max-Age %d", c, tt.maxAge)
			}
			after, _ := a.m.Sessions(t.Context(), "a")
			if after[0].Facts.Remembered != tt.remembered {
				t.Errorf("got Remembered %v, want %v", after[0].Facts.Remembered, tt.remembered)
			}
			if !tt.remembered && !after[0].Facts.Deadline.Equal(before[0].Facts.Deadline) {
				t.Errorf("got deadline %v, want %v as before", after[0].Facts.Deadline, before[0].Facts.Deadline)
			}
		})
	}
}

// A remembered visitor, and forgetting again at a login.
func TestRemember_newSessionAndBack(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/visitor", func(s *sojourn.Session) { s.Set("x", 1); s.Remember(true) })
	a.does("/login", func(s *sojourn.Session) { s.Login("a") })
	a.does("/forget", func(s *sojourn.Session) { s.Login("a"); s.Remember(false) })
	b := a.browser(t)
	for _, tt := range []struct {
		path   string
		maxAge int
	}{{"/visitor", 30 * 24 * 3600}, {"/login", 30 * 24 * 3600}, {"/forget", 0}} {
		if c := b.get(tt.path).cookie(hostID); c == nil || c.MaxAge != tt.maxAge {
			t.Errorf("%s: got cookie %v, want Max-Age %d", tt.path, c, tt.maxAge)
		}
	}
}

func TestFresh(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/login", func(s *sojourn.Session) {
		s.Login("a")
		if !s.Fresh(time.Second) || s.Fresh(0) || s.Fresh(-time.Second) {
			t.Error("a login of this request: got Fresh wrong")
		}
	})
	a.does("/renew", func(s *sojourn.Session) { s.Renew() })
	a.on("/fresh", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		fmt.Fprint(w, s.Fresh(5*time.Minute))
	})
	b := a.browser(t)
	b.get("/fresh").want(t, 200, "false") // nobody is logged in
	b.get("/login")
	b.get("/fresh").want(t, 200, "true")
	a.clock.advance(5*time.Minute - time.Millisecond)
	b.get("/renew") // no login
	b.get("/fresh").want(t, 200, "true")
	a.clock.advance(time.Millisecond)
	b.get("/fresh").want(t, 200, "false")
	// A login time of another node's clock: a little ahead is fresh, more is not.
	a.clock.advance(-6*time.Minute + time.Millisecond)
	b.get("/fresh").want(t, 200, "true")
	a.clock.advance(-time.Millisecond)
	b.get("/fresh").want(t, 200, "false")
}

// Item 23: a subject that cannot be one fails the login, and the handler's response with it.
func TestLogin_badSubject(t *testing.T) {
	for _, subject := range []string{"", "a\x00b", "\xff", string(make([]byte, 256))} {
		a := newApp(t, sojourn.Config{})
		a.on("/", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			s.Login(subject)
			if s.Err() == nil || s.Subject() != "" {
				t.Errorf("%q: got Err %v and subject %q, want an error and nobody", subject, s.Err(), s.Subject())
			}
			fmt.Fprint(w, "welcome")
		})
		got := a.browser(t).get("/")
		got.want(t, 500, "")
		got.wantNoCookie(t)
		a.spy.wantCalls(t)
		if _, err := a.m.Sessions(t.Context(), subject); err == nil {
			t.Errorf("Sessions(%q): got no error", subject)
		}
		if _, err := a.m.RevokeAll(t.Context(), subject); err == nil {
			t.Errorf("RevokeAll(%q): got no error", subject)
		}
		if err := a.m.Revoke(t.Context(), subject, sojourn.NewID()); err == nil {
			t.Errorf("Revoke(%q): got no error", subject)
		}
	}
}
