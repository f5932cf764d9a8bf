package sojourn_test

import (
	"net/http"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// I7, SEC-73 (Django CVE-2015-5143, CVE-2015-5963): no record and no cookie until a handler puts something in, however often
// robots come, and whatever else is done to an empty session.
func TestCreate_onlyWhatAHandlerPutsIn(t *testing.T) {
	a := newApp(t, sojourn.Config{Extend: sojourn.ExtendOnRequest})
	for path, act := range map[string]func(s *sojourn.Session){
		"/read":     func(s *sojourn.Session) { visits.Get(s); s.Has("x"); s.Subject(); s.Values() },
		"/remove":   func(s *sojourn.Session) { s.Remove("x", "y") },
		"/clear":    func(s *sojourn.Session) { s.Clear() },
		"/undone":   func(s *sojourn.Session) { s.Set("x", 1); s.Remove("x") },
		"/cleared":  func(s *sojourn.Session) { s.Set("x", 1); s.Clear() },
		"/renew":    func(s *sojourn.Session) { s.Renew() },
		"/remember": func(s *sojourn.Session) { s.Remember(true) },
		"/logout":   func(s *sojourn.Session) { s.Logout() },
		"/out":      func(s *sojourn.Session) { s.Login("42"); s.Set("x", 1); s.Logout() },
		"/take":     func(s *sojourn.Session) { visits.Take(s) },
		"/same":     func(s *sojourn.Session) { visits.Update(s, func(int) int { return 0 }); s.Clear() },
		"/commit":   func(s *sojourn.Session) { _ = s.Commit(t.Context()); s.Set("x", 1); s.Remove("x") },
	} {
		a.does(path, act)
		for _, edit := range []func(*http.Request){func(*http.Request) {}, withCookie(hostID + "=" + unknownToken), withCookie("x=1")} {
			for range 20 {
				got := a.browser(t).get(path, edit)
				if got.StatusCode != 200 {
					t.Errorf("%s: got %d", path, got.StatusCode)
				}
				for _, line := range got.setCookies() {
					if c, err := http.ParseSetCookie(line); err != nil || c.MaxAge >= 0 {
						t.Errorf("%s: got Set-Cookie %q", path, line)
					}
				}
			}
		}
		for _, op := range a.spy.take() {
			if op != "load" {
				t.Errorf("%s: got a store call %s, want loads only", path, op)
			}
		}
	}
	for e := range a.m.All(t.Context()) {
		t.Errorf("got a record %v", e.ID)
	}
}

// SEC-42: what a request says of its own transport decides nothing: the cookie is Secure, and the same, over plain HTTP,
// behind a proxy, and for whoever claims to be one.
func TestCookie_takesNoHintFromTheRequest(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/", func(s *sojourn.Session) { s.Set("x", 1) })
	for name, edit := range map[string]func(r *http.Request){
		"plain":     func(r *http.Request) { r.TLS = nil },
		"forwarded": func(r *http.Request) { r.Header.Set("X-Forwarded-Proto", "http") },
		"claims": func(r *http.Request) {
			r.Header.Set("Forwarded", "proto=http;host=evil.example")
			r.Header.Set("X-Forwarded-Host", "evil.example")
			r.Header.Set("X-Forwarded-Prefix", "/evil")
		},
		"host": func(r *http.Request) { r.Host = "evil.example" },
	} {
		lines := a.browser(t).get("/", edit).setCookies()
		if len(lines) != 1 || lines[0][len(hostID)+1+64:] != "; Path=/; HttpOnly; Secure; SameSite=Lax" {
			t.Errorf("%s: got Set-Cookie %q", name, lines)
		}
	}
}
