package sojourn_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// A dead session stays dead. Attacks, item 3: a logout that does not happen.

// logoutApp has one handler per way to log out, and "/who".
func logoutApp(t *testing.T) *app {
	a := newApp(t, sojourn.Config{})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.on("/who", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { fmt.Fprint(w, s.Subject()) })
	a.does("/logout", func(s *sojourn.Session) { s.Logout() })
	a.does("/panic", func(s *sojourn.Session) {
		s.Set("x", "dropped")
		s.Logout()
		s.Set("y", "dropped too")
		panic("template broke")
	})
	a.Handle("/panic-loaded", a.m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s, err := sojourn.Load(r.Context())
		if err != nil {
			t.Error(err)
			return
		}
		s.Logout()
		panic("template broke")
	})))
	a.on("/panic-after-write", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		fmt.Fprint(w, "begun")
		s.Logout()
		panic(http.ErrAbortHandler)
	})
	a.on("/late", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		fmt.Fprint(w, "begun")
		w.(http.Flusher).Flush()
		id := s.ID()
		s.Logout()
		// Not when the handler returns: this one may be a stream that lasts for hours.
		if err := a.m.End(r.Context(), id); !errors.Is(err, sojourn.ErrNotFound) {
			t.Errorf("after a late Logout: got %v from the store, want ErrNotFound", err)
		}
	})
	a.on("/twice", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Logout()
		s.Logout()
	})
	a.on("/write-first", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Logout()
		fmt.Fprint(w, "bye")
		panic("after the commit point")
	})
	return a
}

func TestLogout_holds(t *testing.T) {
	for _, path := range []string{"/logout", "/panic", "/panic-loaded", "/panic-after-write", "/late", "/twice", "/write-first"} {
		t.Run(path[1:], func(t *testing.T) {
			a := logoutApp(t)
			b := a.browser(t)
			b.get("/login")
			b.get("/who").want(t, 200, "42")
			stolen := b.clone()
			func() {
				defer func() { recover() }()
				b.get(path)
			}()
			stolen.get("/who").want(t, 200, "")
			// On another node of the same store too.
			other := newManager(t, a.spy, sojourn.Config{Now: a.clock.Now})
			node := newBrowser(t, other.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { fmt.Fprint(w, s.Subject()) }))
			node.cookies = stolen.cookies
			node.get("/").want(t, 200, "")
			if n := a.log.count(sojourn.EventEnd); n != 1 {
				t.Errorf("got %d end events, want 1", n)
			}
		})
	}
}

// On a panic a logout holds and every other change is dropped, also one made after it.
func TestLogout_panicDropsOtherChanges(t *testing.T) {
	a := logoutApp(t)
	b := a.browser(t)
	b.get("/login")
	a.spy.take()
	func() {
		defer func() { recover() }()
		b.get("/panic")
	}()
	a.spy.wantCalls(t, "load", "delete")

	a.does("/boom", func(s *sojourn.Session) { s.Set("x", 1); panic("no") })
	a.does("/boom-login", func(s *sojourn.Session) { s.Login("43"); panic("no") })
	for _, path := range []string{"/boom", "/boom-login"} {
		func() {
			defer func() { recover() }()
			b.get(path)
		}()
	}
	for e := range a.m.All(t.Context()) {
		t.Errorf("got session %v of %q, want none from handlers that panicked", e.ID, e.Facts.Subject)
	}
}

// The store is down: the next person at this browser must not be logged in after the outage. Item 3 (iii).
func TestLogout_storeDownStillRemovesTheCookie(t *testing.T) {
	a := logoutApp(t)
	b := a.browser(t)
	b.get("/login")
	a.log.take()
	a.spy.fail(errDriver, "delete")
	out := b.get("/logout")
	if c := out.cookie(hostID); out.StatusCode != 503 || c == nil || c.MaxAge >= 0 {
		t.Errorf("got %d and cookie %v, want 503 and the cookie removed", out.StatusCode, c)
	}
	a.log.wantEvents(t, sojourn.EventError)
	if _, kept := b.cookies[hostID]; kept {
		t.Error("the browser still has the cookie")
	}
}

// Values set after a logout begin a visitor's session: another ID, nothing of the old one, and one cookie.
func TestLogout_farewellNoticeBeginsAVisitorsSession(t *testing.T) {
	a := logoutApp(t)
	var before, after sojourn.ID
	a.does("/cart", func(s *sojourn.Session) { s.Set("cart", "tea"); before = s.ID() })
	a.does("/bye", func(s *sojourn.Session) { s.Logout(); s.Set("notice", "bye") })
	a.on("/notice", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		after = s.ID()
		fmt.Fprint(w, s.Subject(), s.Values())
	})
	b := a.browser(t)
	b.get("/login")
	b.get("/cart")
	old := b.clone()
	a.spy.take()
	bye := b.get("/bye")
	a.spy.wantCalls(t, "load", "delete", "save")
	if got := bye.setCookies(); len(got) != 1 {
		t.Errorf("got Set-Cookie %q, want exactly one", got)
	}
	b.get("/notice").want(t, 200, "[notice]")
	if before == after || after.IsZero() {
		t.Errorf("got ID %v after the logout and %v before, want two", after, before)
	}
	old.get("/who").want(t, 200, "")
}

// A farewell that cannot be stored must not keep the logout from happening, nor the cookie from being removed.
func TestLogout_farewellThatCannotBeStored(t *testing.T) {
	a := logoutApp(t)
	a.does("/bye", func(s *sojourn.Session) { s.Logout(); s.Set("notice", func() {}) })
	b := a.browser(t)
	b.get("/login")
	stolen := b.clone()
	out := b.get("/bye")
	if c := out.cookie(hostID); out.StatusCode != 500 || c == nil || c.MaxAge >= 0 {
		t.Errorf("got %d and cookie %v, want 500 and the cookie removed", out.StatusCode, c)
	}
	stolen.get("/who").want(t, 200, "")
}

// A logout with a token that a login has just refused ends nothing: it may be a thief's, or of a page from before the login.
func TestLogout_withARefusedToken_endsNothing(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.does("/logout", func(s *sojourn.Session) { s.Logout() })
	a.on("/who", who)
	b := a.browser(t)
	b.get("/login")
	before := b.clone()
	b.get("/login")
	a.spy.take()
	got := before.get("/logout")
	got.wantNoCookie(t)
	a.spy.wantCalls(t, "load")
	b.get("/who").want(t, 200, "42")
}

// A goroutine of the request logs out after its handler panicked, or while the commit before the first byte is under way:
// nobody else would store that before a stream ends, or ever.
func TestLogout_ofAnotherGoroutine_holds(t *testing.T) {
	a := logoutApp(t)
	var later func()
	a.on("/after-panic", func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
		later = s.Logout
		panic("template broke")
	})
	b := a.browser(t)
	b.get("/login")
	stolen := b.clone()
	func() {
		defer func() { recover() }()
		b.get("/after-panic")
	}()
	later()
	stolen.get("/who").want(t, 200, "")
}

func TestLogout_duringTheLastCommit_doesNotWaitForTheHandler(t *testing.T) {
	r := newRig(t, newRigStore(), sojourn.Config{})
	token := r.do("", func(s *sojourn.Session) { s.Login("alice"); s.Set("n", 1) })
	v, s := r.open(token)
	calls := 0
	sojourn.Field[int]("n").Update(s, func(n int) int {
		if calls++; calls == 2 { // the commit is under way
			out := make(chan struct{})
			go func() { defer close(out); s.Logout() }()
			<-out
		}
		return n + 1
	})
	r.do(token, func(s *sojourn.Session) { s.Set("n", 10) })
	reply, err := v.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v.Sent() // a stream goes on from here
	told := false
	for name, value := range reply.Headers() {
		told = told || name == rigHeader && value == ""
	}
	if !told {
		t.Error("the client is not told, although the header had not left")
	}
	if _, s := r.open(token); calls != 2 || !s.IsNew() {
		t.Errorf("after %d calls the token still opens the session of %q", calls, s.Subject())
	}
}

// Config.OnError may log out, and hold that against a handler which panics because its response was dropped.
func TestLogout_inOnError_holds(t *testing.T) {
	out := func(w http.ResponseWriter, r *http.Request, _ error) {
		if s, err := sojourn.Load(r.Context()); err == nil {
			s.Logout()
		}
		w.WriteHeader(http.StatusInternalServerError)
	}
	a := newApp(t, sojourn.Config{MaxSize: 10, OnError: out})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.on("/who", who)
	a.on("/big", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Set("order", "more than ten bytes")
		if _, err := fmt.Fprint(w, "page"); err != nil && r.URL.RawQuery == "panic" {
			panic(err)
		}
	})
	for _, path := range []string{"/big", "/big?panic"} {
		b := a.browser(t)
		b.get("/login")
		stolen := b.clone()
		func() {
			defer func() { recover() }()
			if got := b.get(path); got.StatusCode != http.StatusInternalServerError || len(got.setCookies()) != 1 {
				t.Errorf("%s: got %d with Set-Cookie %q, want 500 and the cookie's removal", path, got.StatusCode, got.setCookies())
			}
		}()
		stolen.get("/who").want(t, 200, "")
	}
}
