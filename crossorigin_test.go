package sojourn_test

import (
	"net/http"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// Attacks, item 36: login and logout from another site. SameSite does not help, because a login needs no cookie. What
// README, guide and demo show is tried here: everything behind http.CrossOriginProtection (SEC-47).

func TestCrossOrigin_stateChangesAreRefused(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("POST /login", func(s *sojourn.Session) { s.Login("attacker") })
	a.does("POST /logout", func(s *sojourn.Session) { s.Logout() })
	a.on("GET /who", who)
	h := http.NewCrossOriginProtection().Handler(a)
	header := func(pairs ...string) func(*http.Request) {
		return func(r *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				r.Header.Set(pairs[i], pairs[i+1])
			}
		}
	}
	for _, tt := range []struct {
		name    string
		header  func(*http.Request)
		allowed bool
	}{
		{"same origin", header("Sec-Fetch-Site", "same-origin"), true},
		{"typed by the user", header("Sec-Fetch-Site", "none"), true},
		{"not a browser", header(), true},
		{"the same origin, without Sec-Fetch-Site", header("Origin", "http://example.com"), true},
		{"another site", header("Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"), false},
		{"a sibling", header("Sec-Fetch-Site", "same-site", "Origin", "https://evil.example.com"), false},
		{"another site, an old browser", header("Origin", "https://evil.example"), false},
		{"no origin", header("Origin", "null"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBrowser(t, h)
			got := b.do("POST", "/login", tt.header)
			if logged := got.cookie(hostID) != nil; logged != tt.allowed || (got.StatusCode == 200) != tt.allowed {
				t.Errorf("login: got %d and %q, want it allowed: %v", got.StatusCode, got.setCookies(), tt.allowed)
			}
			b.do("POST", "/login")
			b.do("POST", "/logout", tt.header)
			want := "attacker"
			if tt.allowed {
				want = ""
			}
			b.get("/who").want(t, 200, want)
		})
	}
	// The image tag of a forum: logout answers no GET.
	b := newBrowser(t, h)
	b.do("POST", "/login")
	if got := b.get("/logout"); got.StatusCode != 405 {
		t.Errorf("got %d of GET /logout, want 405", got.StatusCode)
	}
	b.get("/who").want(t, 200, "attacker")
}

// A token against forgery that is kept in the session does not outlive a login unless it is named (SEC-48).
func TestCrossOrigin_preLoginTokenIsGone(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	const csrf = sojourn.Field[string]("csrf")
	a.does("/form", func(s *sojourn.Session) { csrf.Set(s, "known to whoever planted the cookie") })
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.does("/check", func(s *sojourn.Session) {
		if token, ok := csrf.Get(s); ok {
			t.Errorf("got %q after the login", token)
		}
	})
	b := a.browser(t)
	b.get("/form")
	b.get("/login")
	b.get("/check")
}
