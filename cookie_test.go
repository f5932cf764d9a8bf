package sojourn_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// The bytes of the Set-Cookie header, SEC-28 to SEC-41. TOKEN stands for the 64 characters of a token.

func TestCookie_bytes(t *testing.T) {
	const none, strict = http.SameSiteNoneMode, http.SameSiteStrictMode
	const gone = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
	for _, tt := range []struct {
		name  string
		c     sojourn.Cookie
		start string
		attrs string // of setting and of removal: the scope must be the same (SEC-39)
	}{
		{"default", sojourn.Cookie{}, "__Host-id=", "; Path=/; HttpOnly; Secure; SameSite=Lax"},
		{"strict", sojourn.Cookie{SameSite: strict}, "__Host-id=", "; Path=/; HttpOnly; Secure; SameSite=Strict"},
		{"none", sojourn.Cookie{SameSite: none}, "__Host-id=", "; Path=/; HttpOnly; Secure; SameSite=None"},
		{"partitioned", sojourn.Cookie{SameSite: none, Partitioned: true}, "__Host-id=", "; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"},
		{"domain", sojourn.Cookie{Domain: "example.com"}, "__Secure-id=", "; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax"},
		{"path", sojourn.Cookie{Path: "/shop"}, "__Secure-id=", "; Path=/shop; HttpOnly; Secure; SameSite=Lax"},
		{"insecure", sojourn.Cookie{Insecure: true}, "id=", "; Path=/; HttpOnly; SameSite=Lax"},
		{"insecure, strict, all else", sojourn.Cookie{Name: "a", Domain: "localhost", Path: "/x/", Insecure: true, SameSite: strict}, "a=", "; Path=/x/; Domain=localhost; HttpOnly; SameSite=Strict"},
		{"__Host-Http-", sojourn.Cookie{Name: "__Host-Http-a"}, "__Host-Http-a=", "; Path=/; HttpOnly; Secure; SameSite=Lax"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, sojourn.Config{Cookie: tt.c, Remember: sojourn.Lifetime{Absolute: time.Hour, Persistent: true}})
			a.does("/login", func(s *sojourn.Session) { s.Login("42") })
			a.does("/remember", func(s *sojourn.Session) { s.Login("42"); s.Remember(true) })
			a.does("/logout", func(s *sojourn.Session) { s.Logout() })
			b := a.browser(t)
			for _, step := range []struct{ path, want string }{
				{"/login", tt.start + "TOKEN" + tt.attrs},
				{"/remember", tt.start + "TOKEN; Max-Age=3600" + tt.attrs},
				{"/logout", tt.start + gone + tt.attrs},
			} {
				lines := b.get(step.path).setCookies()
				if len(lines) != 1 {
					t.Fatalf("%s: got Set-Cookie %q, want one", step.path, lines)
				}
				got := lines[0]
				if value, rest, ok := strings.Cut(got[len(tt.start):], ";"); ok && len(value) == 64 {
					got = tt.start + "TOKEN;" + rest
				}
				if got != step.want {
					t.Errorf("%s: got\n%s\nwant\n%s", step.path, got, step.want)
				}
				if c, err := http.ParseSetCookie(lines[0]); err != nil || c.Valid() != nil {
					t.Errorf("%s: %v, %v", step.path, err, c.Valid())
				}
			}
		})
	}
}

// A persistent cookie lives until the deadline: at most 400 days (SEC-33), never less than a second, and after a renewal
// no longer than before.
func TestCookie_maxAge(t *testing.T) {
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name     string
		absolute time.Duration
		wait     time.Duration // until a renewal
		first    int
		second   int
	}{
		{"a minute", time.Minute, 20 * time.Second, 60, 40},
		{"rounded down", 1500 * time.Millisecond, 0, 1, 1},
		{"less than a second", 500 * time.Millisecond, 0, 1, 1},
		{"400 days", 400 * day, day, 34_560_000, 399 * 86_400},
		{"ten years", 3650 * day, day, 34_560_000, 34_560_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: tt.absolute, Absolute: tt.absolute, Persistent: true}})
			a.does("/set", func(s *sojourn.Session) { s.Set("x", 1) })
			a.does("/renew", func(s *sojourn.Session) { s.Renew() })
			b := a.browser(t)
			first := b.get("/set").cookie(hostID)
			a.clock.advance(tt.wait)
			second := b.get("/renew").cookie(hostID)
			if first == nil || second == nil || first.MaxAge != tt.first || second.MaxAge != tt.second {
				t.Errorf("got %v and %v, want Max-Age %d and %d", first, second, tt.first, tt.second)
			}
			if first != nil && !first.Expires.IsZero() {
				t.Errorf("got Expires %v, want none", first.Expires)
			}
		})
	}
}

// Name and value stay far below the 4096 bytes that a user agent takes (SEC-34), sealed as well.
func TestCookie_size(t *testing.T) {
	for _, tt := range []struct {
		secrets [][]byte
		size    int
	}{{nil, 64}, {[][]byte{randomSecret(1)}, 151}} {
		a := newApp(t, sojourn.Config{Cookie: sojourn.Cookie{Secrets: tt.secrets}})
		a.does("/", func(s *sojourn.Session) {
			s.Login(strings.Repeat("a", 255))
			s.Set("big", strings.Repeat("a", 60_000))
		})
		value := a.browser(t).get("/").cookie(hostID).Value
		if len(value) != tt.size || strings.ContainsFunc(value, func(r rune) bool {
			return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		}) {
			t.Errorf("got a value of %d bytes, %q, want %d of base64url", len(value), value, tt.size)
		}
	}
}
