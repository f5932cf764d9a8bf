package sojourn_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Attacks, item 6: shared caches hand one user's session to another. I9, SEC-44, SEC-46.

// sharedCache is a proxy cache in small form, and a greedy one: it keeps every response that RFC 9111 does not forbid it
// to keep, as if all had a heuristic lifetime, and serves it to whoever sends the same Vary fields.
type sharedCache struct {
	next    http.Handler
	entries map[string][]cached
	hits    int
}

type cached struct {
	vary   map[string]string
	answer answer
}

func (c *sharedCache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, e := range c.entries[r.URL.Path] {
		if e.matches(r) {
			c.hits++
			c.copy(w, e.answer)
			return
		}
	}
	a := serve(c.next, r)
	if control := strings.Join(a.Header["Cache-Control"], ","); !strings.Contains(control, "no-store") && !strings.Contains(control, "private") {
		e := cached{map[string]string{}, a}
		for _, field := range strings.Split(strings.Join(a.Header["Vary"], ","), ",") {
			if field = strings.TrimSpace(field); field != "" {
				e.vary[field] = strings.Join(r.Header.Values(field), "\n")
			}
		}
		if c.entries == nil {
			c.entries = map[string][]cached{}
		}
		c.entries[r.URL.Path] = append(c.entries[r.URL.Path], e)
	}
	c.copy(w, a)
}

func (e cached) matches(r *http.Request) bool {
	for field, value := range e.vary {
		if field == "*" || strings.Join(r.Header.Values(field), "\n") != value {
			return false
		}
	}
	return true
}

func (c *sharedCache) copy(w http.ResponseWriter, a answer) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.StatusCode)
	fmt.Fprint(w, a.body)
}

// cacheShapes are handlers that do not know that their page depends on a session.
var cacheShapes = map[string]func(w http.ResponseWriter, r *http.Request, s *sojourn.Session){
	"/plain": func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { fmt.Fprint(w, s.Subject()) },
	"/redirect": func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		http.Redirect(w, r, "/of/"+s.Subject(), http.StatusMovedPermanently)
	},
	"/missing": func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { http.Error(w, s.Subject(), 404) },
	"/empty":   func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { w.Header().Set("X-Who", s.Subject()) },
	"/flush": func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		w.(http.Flusher).Flush()
		fmt.Fprint(w, s.Subject())
	},
	"/content": func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		http.ServeContent(w, r, "a.txt", time.Unix(1e9, 0), bytes.NewReader([]byte(s.Subject())))
	},
	"/content-error": func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		r.Header.Set("Range", "bytes=999-")
		w.Header().Set("X-Who", s.Subject())
		http.ServeContent(w, r, "a.txt", time.Unix(1e9, 0), bytes.NewReader([]byte("x")))
	},
	"/counts": func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		fmt.Fprint(w, s.Subject(), visits.Update(s, increment))
	},
	"/renews":        func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { s.Renew() },
	"/renews-public": func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { public(w); s.Renew() },
	"/creates-public": func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		public(w)
		s.Set("x", 1)
		fmt.Fprint(w, 1)
	},
	"/logs-in-public":  func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { public(w); s.Login("other") },
	"/logs-out-public": func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { public(w); s.Logout() },
}

func public(w http.ResponseWriter) { w.Header().Set("Cache-Control", "public, max-age=3600") }

func TestCache_neverServesOneClientsSessionToAnother(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.on("/login/{who}", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { s.Login(r.PathValue("who")) })
	for path, f := range cacheShapes {
		a.on(path, f)
	}
	for path := range cacheShapes {
		cache := &sharedCache{next: a}
		alice, bob, nobody := newBrowser(t, cache), newBrowser(t, cache), newBrowser(t, cache)
		alice.get("/login/alice")
		bob.get("/login/bob")
		before := bob.cookies[hostID]
		cache.hits = 0
		for _, b := range []*browser{alice, bob, nobody, alice, bob, nobody} {
			got := b.get(path)
			who := got.body + got.Header.Get("X-Who") + got.Header.Get("Location")
			if b != alice && strings.Contains(who, "alice") || b != bob && strings.Contains(who, "bob") {
				t.Errorf("%s: got %q through the cache", path, who)
			}
		}
		// A page that its handler declared public may be served again, to a client with the very same Cookie header.
		if cache.hits > 0 && !strings.HasSuffix(path, "-public") {
			t.Errorf("%s: got %d cache hits", path, cache.hits)
		}
		if bob.cookies[hostID] == alice.cookies[hostID] && before != "" && bob.cookies[hostID] != "" {
			t.Errorf("%s: two clients have one cookie", path)
		}
	}
}

// The simulator must be able to fail: without the headers it serves alice's page to bob.
func TestCache_simulatorCatchesAMissingHeader(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.on("/", cacheShapes["/plain"])
	a.on("/login/{who}", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { s.Login(r.PathValue("who")) })
	cache := &sharedCache{next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := serve(a, r)
		got.Header.Del("Vary")
		if r.URL.Path == "/" {
			got.Header.Del("Cache-Control")
		}
		(*sharedCache)(nil).copy(w, got)
	})}
	alice, bob := newBrowser(t, cache), newBrowser(t, cache)
	alice.get("/login/alice")
	alice.get("/")
	if got := bob.get("/"); got.body != "alice" {
		t.Errorf("got %q, want the simulator to serve alice's page", got.body)
	}
}

func TestCache_headers(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	untouched := func(f func(w http.ResponseWriter)) http.Handler {
		return a.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f(w) }))
	}
	reads := func(f func(w http.ResponseWriter)) http.Handler {
		return a.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { f(w) })
	}
	creates := func(f func(w http.ResponseWriter)) http.Handler {
		return a.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { s.Set("x", 1); f(w) })
	}
	header := func(lines ...string) func(w http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for i := 0; i < len(lines); i += 2 {
				w.Header().Add(lines[i], lines[i+1])
			}
		}
	}
	for _, tt := range []struct {
		name     string
		handler  http.Handler
		control  string
		varies   string // the lines, joined by |
		wantSets int
	}{
		{"untouched", untouched(header()), "", "", 0},
		{"untouched, public", untouched(header("Cache-Control", "public")), "public", "", 0},
		{"read", reads(header()), "private", "Cookie", 0},
		{"read, declared public", reads(header("Cache-Control", "public")), "public", "Cookie", 0},
		{"read, varies already", reads(header("Vary", "Accept, cookie")), "private", "Accept, cookie", 0},
		{"read, varies otherwise", reads(header("Vary", "Accept")), "private", "Accept|Cookie", 0},
		{"read, varies by all", reads(header("Vary", "*")), "private", "*", 0},
		{"created", creates(header()), "no-store", "Cookie", 1},
		{"created, public", creates(header("Cache-Control", "public", "Cache-Control", "max-age=3")), "no-store", "Cookie", 1},
		{"created, beside another cookie", creates(header("Set-Cookie", "theme=dark")), "no-store", "Cookie", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := serve(tt.handler, httptest.NewRequest("GET", "/", nil))
			if control := strings.Join(got.Header["Cache-Control"], "|"); control != tt.control {
				t.Errorf("got Cache-Control %q, want %q", control, tt.control)
			}
			if varies := strings.Join(got.Header["Vary"], "|"); varies != tt.varies {
				t.Errorf("got Vary %q, want %q", varies, tt.varies)
			}
			if n := len(got.setCookies()); n != tt.wantSets {
				t.Errorf("got %d Set-Cookie, want %d", n, tt.wantSets)
			}
		})
	}
}
