package sojourn_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// Attacks, items 7, 27, 33: what a client sees when the store fails.

func failingShop(t *testing.T, cfg sojourn.Config) *app {
	a := newApp(t, cfg)
	a.on("/rich", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		h := w.Header()
		h.Set("ETag", `"v1"`)
		h.Set("Cache-Control", "public, max-age=86400")
		h.Set("Location", "/account/42")
		h.Set("Content-Length", "500")
		h.Set("Content-Encoding", "gzip")
		h.Add("Set-Cookie", "upstream=1; Path=/")
		s.Set("x", 1)
		w.WriteHeader(http.StatusFound)
		io.WriteString(w, strings.Repeat("secret page ", 42)[:500])
	})
	a.on("/ok", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { fmt.Fprint(w, "fine") })
	return a
}

// Item 7, over a real server: the response is consistent, so the connection goes on to be used.
func TestFailure_dropsTheHandlersHeaders(t *testing.T) {
	a := failingShop(t, sojourn.Config{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Outer", "stays")
		a.ServeHTTP(w, r)
	}))
	defer server.Close()
	a.spy.fail(errDriver, "save")
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, path := range []string{"/rich", "/ok"} {
		resp, err := client.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if path == "/ok" {
			if string(body) != "fine" {
				t.Errorf("got %q on the connection that a failure went over", body)
			}
			continue
		}
		if resp.StatusCode != 503 || len(body) > 0 {
			t.Errorf("got %d %q, want an empty 503", resp.StatusCode, body)
		}
		for _, name := range []string{"ETag", "Location", "Content-Encoding", "Set-Cookie"} {
			if got := resp.Header.Values(name); len(got) > 0 {
				t.Errorf("got %s %q, want none", name, got)
			}
		}
		if got := resp.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("got Cache-Control %q, want no-store", got)
		}
		if got := resp.Header.Get("Content-Length"); got != "0" {
			t.Errorf("got Content-Length %q, want 0", got)
		}
		if got := resp.Header.Get("X-Outer"); got != "stays" {
			t.Errorf("got X-Outer %q, want what was there before the middleware", got)
		}
	}
}

// Each failing store call and what is answered. Nothing here logs a visitor in or out (item 27, SEC-76).
func TestFailure_ofEachCall(t *testing.T) {
	for _, tt := range []struct {
		name, op string
		act      func(s *sojourn.Session)
		code     int
		removed  bool
	}{
		{"load", "load", func(s *sojourn.Session) {}, 503, false},
		{"patch", "patch", func(s *sojourn.Session) { s.Set("x", 2) }, 503, false},
		{"renew", "update", func(s *sojourn.Session) { s.Renew() }, 503, false},
		{"login", "update", func(s *sojourn.Session) { s.Login("42") }, 503, false},
		{"login over another subject", "delete", func(s *sojourn.Session) { s.Login("43") }, 503, false},
		{"logout", "delete", func(s *sojourn.Session) { s.Logout() }, 503, true},
		{"touch", "touch", func(s *sojourn.Session) {}, 200, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, sojourn.Config{})
			a.does("/login", func(s *sojourn.Session) { s.Login("42"); s.Set("x", 1) })
			a.on("/who", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { fmt.Fprint(w, s.Subject()) })
			ran := false
			a.does("/act", func(s *sojourn.Session) { ran = true; tt.act(s) })
			b := a.browser(t)
			b.get("/login")
			a.clock.advance(20 * 60 * 60 * 1e9) // a touch is due
			a.log.take()
			a.spy.fail(errDriver, tt.op)
			got := b.get("/act")
			if got.StatusCode != tt.code || got.body != "" {
				t.Errorf("got %d %q, want %d and no body", got.StatusCode, got.body, tt.code)
			}
			if removed := got.cookie(hostID) != nil; removed != tt.removed {
				t.Errorf("got Set-Cookie %q, want one: %v", got.setCookies(), tt.removed)
			}
			if ran == (tt.op == "load") {
				t.Errorf("the handler ran: %v", ran)
			}
			if a.log.count(sojourn.EventError) == 0 {
				t.Error("got no error event")
			}
			a.spy.fail(nil)
			if !tt.removed {
				b.get("/who").want(t, 200, "42") // nobody was logged out by the outage
			}
		})
	}
}

// During an outage nobody looks anonymous: Load is an error, and a handler that does not ask goes on (item 27).
func TestFailure_anOutageIsNoAnonymousVisitor(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.Handle("/load", a.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := sojourn.Load(r.Context())
		var storeErr *sojourn.StoreError
		if s != nil || !errors.As(err, &storeErr) || storeErr.Op != "load" || !errors.Is(err, errDriver) {
			t.Errorf("got %v, %v, want a *StoreError of load around the driver's error", s, err)
		}
		if _, again := a.m.Load(r.Context()); again != err {
			t.Errorf("got %v the second time, want the same error", again)
		}
		w.Header().Set("ETag", "of the page")
		sojourn.Error(w, r, err)
		io.WriteString(w, "page")
	})))
	a.Handle("/static", a.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "css") })))
	b := a.browser(t)
	b.get("/login")
	a.spy.fail(errDriver)
	a.spy.take()
	b.get("/static").want(t, 200, "css")
	a.spy.wantCalls(t)
	got := b.get("/load")
	if got.StatusCode != 503 || got.Header.Get("ETag") != "" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %v, want 503 without the handler's headers", got.StatusCode, got.Header)
	}
	got.wantNoCookie(t)
	a.spy.wantCalls(t, "load") // once per request
}

// ExtendOnRequest loads for itself; that nobody asked for the session must not turn an outage into a failed page.
func TestFailure_outageWhereNobodyAsked(t *testing.T) {
	a := newApp(t, sojourn.Config{Extend: sojourn.ExtendOnRequest})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.Handle("/static", a.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "css") })))
	b := a.browser(t)
	b.get("/login")
	a.spy.fail(errDriver)
	b.get("/static").want(t, 200, "css")
}

// A page that leaves before its list has come is not an outage.
func TestFailure_aClientThatLeftIsNone(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	b := a.browser(t)
	b.get("/login")
	a.log.take()
	left, leave := context.WithCancel(t.Context())
	leave()
	for name, read := range map[string]func() error{
		"Sessions": func() error { _, err := a.m.Sessions(left, "42"); return err },
		"All": func() (last error) {
			for _, err := range a.m.All(left) {
				last = err
			}
			return last
		},
		"Load": func() error {
			_, err := a.m.Begin(func(string) []string { return []string{hostID + "=" + b.cookies[hostID]} }).Load(left)
			return err
		},
	} {
		var failed *sojourn.StoreError
		if err := read(); !errors.As(err, &failed) || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want a StoreError that is context.Canceled", name, err)
		}
		a.log.wantEvents(t)
	}

	// A deadline that passes is the store's slowness, and told.
	late, stop := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer stop()
	if _, err := a.m.Sessions(late, "42"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want context.DeadlineExceeded", err)
	}
	a.log.wantEvents(t, sojourn.EventError)
}

// Item 33: what a driver says reaches no client and no text of ours, also when an app prints the error as the docs'
// example does not.
func TestFailure_driverTextStaysInside(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	a := newApp(t, sojourn.Config{
		OnError: func(w http.ResponseWriter, r *http.Request, err error) { http.Error(w, err.Error(), 500) },
		Observe: func(ctx context.Context, e sojourn.Event) {
			logger.LogAttrs(ctx, e.Kind.Level(), "session", slog.Any("event", e))
		},
	})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.does("/change", func(s *sojourn.Session) { s.Set("x", 2) })
	b := a.browser(t)
	b.get("/login")
	a.spy.fail(errDriver)
	got := b.get("/change")
	if got.StatusCode != 500 || !strings.HasPrefix(got.body, "sojourn: store call load of ") {
		t.Errorf("got %d %q, want the text of a StoreError", got.StatusCode, got.body)
	}
	for name, text := range map[string]string{"response": got.body, "log": log.String()} {
		if strings.Contains(text, "canary") || strings.Contains(text, "10.1.2.3") {
			t.Errorf("got the driver's text in the %s: %s", name, text)
		}
	}
}

// Item 33: missing, expired, forged, foreign, wrong-secret and corrupt tokens answer byte for byte alike, so nobody learns
// which it was.
func TestFailure_invalidTokensAnswerAlike(t *testing.T) {
	clock := newClock()
	spy := newSpy(memstore.New(memstore.Config{Now: clock.Now}))
	a := newAppOver(t, spy, clock, sojourn.Config{})
	other := newAppOver(t, spy, clock, sojourn.Config{Realm: "other"})
	login := func(s *sojourn.Session) { s.Login("42") }
	page := func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		fmt.Fprint(w, s.Subject(), s.Values(), s.IsNew(), s.ID(), s.Facts())
	}
	for _, x := range []*app{a, other} {
		x.does("/login", login)
		x.on("/page", page)
	}
	expired, foreign, victim := a.browser(t), other.browser(t), a.browser(t)
	expired.get("/login")
	clock.advance(8 * 24 * 60 * 60 * 1e9)
	foreign.get("/login")
	victim.get("/login")
	live := victim.cookies[hostID]
	corrupt := func(*http.Request) { spy.fail(sojourn.ErrCorrupt, "load") }
	unknown := "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	classes := map[string]func(*http.Request){
		"missing":      withCookie("other=1"),
		"unknown":      withCookie(hostID + "=" + unknown),
		"expired":      withCookie(hostID + "=" + expired.cookies[hostID]),
		"forged":       withCookie(hostID + "=not-a-token"),
		"foreign":      withCookie(hostID + "=" + foreign.cookies[hostID]),
		"wrong secret": withCookie(hostID + "=" + live[:40] + unknown[40:]),
		"corrupt":      func(r *http.Request) { withCookie(hostID + "=" + live)(r); corrupt(r) },
	}
	dump := func(edit func(*http.Request)) string {
		defer spy.fail(nil)
		got := newBrowser(t, a).get("/page", edit)
		var b bytes.Buffer
		got.Header.Write(&b)
		return fmt.Sprint(got.StatusCode, b.String(), got.body)
	}
	want := dump(func(*http.Request) {})
	for name, edit := range classes {
		if got := dump(edit); got != want {
			t.Errorf("%s: got\n%s\nwant, as without a cookie,\n%s", name, got, want)
		}
	}
	if got := dump(withCookie(hostID + "=" + live)); got == want {
		t.Error("a live token answers like none: the test cannot tell anything")
	}
}

// Save fails after a value was set: no cookie, and the next request is new again. A TooLarge or ErrNewer answer likewise.
func TestFailure_ofSave(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code int
	}{
		{errDriver, 503},
		{sojourn.ErrTooLarge, 500},
		{sojourn.ErrEnded, 409},
		{context.DeadlineExceeded, 503},
	} {
		a := failingShop(t, sojourn.Config{})
		a.spy.fail(tt.err, "save")
		got := a.browser(t).get("/rich")
		if got.StatusCode != tt.code || got.body != "" {
			t.Errorf("%v: got %d %q, want %d", tt.err, got.StatusCode, got.body, tt.code)
		}
		got.wantNoCookie(t)
	}
}
