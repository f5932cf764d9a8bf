package sojourn_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// A shared cache as RFC 9111 has it, and one of a kind that there is, which takes no notice of Vary, between two users and all
// that a handler may do and say: nobody is ever answered with what was made for somebody else. I9, SEC-44, SEC-46.

// rfcCache keeps responses to GET in a map and serves them while they are fresh, and after revalidation.
type rfcCache struct {
	origin      http.Handler
	ignoresVary bool
	entries     []stored
	hits        int
}

type stored struct {
	path   string
	vary   http.Header // the request's fields that the response varies by
	answer answer
	fresh  bool // else it must be revalidated
}

func (c *rfcCache) get(path, cookie string) (got answer, fromCache bool) {
	request := func() *http.Request {
		r := httptest.NewRequest("GET", path, nil)
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		return r
	}
	r := request()
	for i, e := range c.entries {
		if e.path != path || !c.selects(e, r) {
			continue
		}
		if e.fresh {
			c.hits++
			return e.answer, true
		}
		// §4.3: ask whether it is still the one; if so its header is updated by that of the 304.
		if tag := e.answer.Header.Get("ETag"); tag != "" {
			r = request()
			r.Header.Set("If-None-Match", tag)
		}
		if got = serve(c.origin, r); got.StatusCode == http.StatusNotModified {
			maps.Copy(c.entries[i].answer.Header, got.Header)
			c.hits++
			return c.entries[i].answer, true
		}
		c.keep(path, r, got)
		return got, false
	}
	got = serve(c.origin, r)
	c.keep(path, r, got)
	return got, false
}

// selects is §4.1: the fields that a response varies by have the values they had.
func (c *rfcCache) selects(e stored, r *http.Request) bool {
	for name, values := range e.vary {
		if name == "*" || !slices.Equal(values, r.Header.Values(name)) {
			return false
		}
	}
	return true
}

// keep is §3 and §4.2 for a shared cache.
func (c *rfcCache) keep(path string, r *http.Request, a answer) {
	control := map[string]string{}
	for _, line := range a.Header["Cache-Control"] {
		for directive := range strings.SplitSeq(line, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			control[strings.ToLower(name)] = strings.Trim(value, `"`)
		}
	}
	has := func(name string) bool { _, ok := control[name]; return ok }
	heuristic := slices.Contains([]int{200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501}, a.StatusCode)
	explicit := has("s-maxage") || has("max-age") || a.Header.Get("Expires") != ""
	switch {
	case has("no-store"), has("private"), a.StatusCode == 206, a.StatusCode == 304:
		return
	case !heuristic && !explicit && !has("public"):
		return
	}
	e := stored{path: path, vary: http.Header{}, answer: a}
	for _, line := range a.Header["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); name != "" && !c.ignoresVary {
				e.vary[name] = r.Header.Values(name)
			}
		}
	}
	age := "3600" // what a heuristic may come to
	if explicit {
		age = "0"
		if expires, err := http.ParseTime(a.Header.Get("Expires")); err == nil && expires.After(time.Now()) {
			age = "60"
		}
	}
	for _, name := range []string{"max-age", "s-maxage"} { // the latter counts
		if has(name) {
			age = control[name]
		}
	}
	seconds, _ := strconv.Atoi(age)
	e.fresh = seconds > 0 && !has("no-cache")
	c.entries = append(c.entries, e)
}

// declared is what a handler may say of its page before the session comes to it, and whether that allows to share it.
var declared = []struct {
	name   string
	header []string
	shares bool // with those that ignore Vary, by the handler's own word
}{
	{"nothing", nil, false},
	{"no-cache", []string{"Cache-Control", "no-cache", "ETag", `"1"`}, true}, // the same ETag for everybody says: the same page
	{"Expires", []string{"Expires", "Fri, 01 Jan 2100 00:00:00 GMT"}, false},
	{"Last-Modified", []string{"Last-Modified", "Fri, 01 Jan 2010 00:00:00 GMT"}, false},
	{"max-age", []string{"Cache-Control", "max-age=60"}, true},
	{"public", []string{"Cache-Control", "public, max-age=60"}, true},
	{"s-maxage", []string{"Cache-Control", "s-maxage=60"}, true},
	{"for CDNs", []string{"Cache-Control", "public", "CDN-Cache-Control", "max-age=60", "Surrogate-Control", "max-age=60"}, true},
	{"private", []string{"Cache-Control", "private"}, false},
	{"varies", []string{"Vary", "Accept-Encoding"}, false},
}

func TestCache_twoUsersAndEveryShape(t *testing.T) {
	hits, cells := 0, 0
	upstream := evilUpstream(t)
	for _, ignoresVary := range []bool{false, true} {
		for _, d := range declared {
			for _, w := range matrixWays(upstream) {
				switch {
				case w.name == "hijack", w.name == "early hints": // a recorder has neither
					continue
				case w.name == "WriteString", w.name == "ReadFrom", w.name == "Flush", w.name == "body too large": // as Write and superfluous, to a cache
					continue
				case w.name == "upstream" && d.name != "nothing" && d.name != "public":
					continue
				}
				for _, c := range matrixActs() {
					if strings.HasPrefix(c.name, "login") {
						continue // as a renewal, to a cache
					}
					x := &matrix{app: newApp(t, sojourn.Config{}), t: t}
					origin := x.m.Handler(http.HandlerFunc(func(w2 http.ResponseWriter, r *http.Request) {
						for i := 0; i < len(d.header); i += 2 {
							w2.Header().Add(d.header[i], d.header[i+1])
						}
						if c.do != nil {
							s, err := sojourn.Load(r.Context())
							if err != nil {
								sojourn.Error(w2, r, err)
								return
							}
							w2.Header().Set("X-For", r.Header.Get("Cookie")) // what a page of a session is made for
							c.do(s)
						}
						w.do(w2, r)
					}))
					cache := &rfcCache{origin: origin, ignoresVary: ignoresVary}
					cookies := []string{"", ""} // of two visitors, or of two users
					if !c.visitor {
						cookies = []string{hostID + "=" + x.token(), hostID + "=" + x.token()}
					}
					for _, cookie := range slices.Concat(cookies, cookies, []string{""}) {
						cells++
						got, fromCache := cache.get("/page", cookie)
						where := fmt.Sprintf("%s, %s, %s, ignores Vary: %v", d.name, c.name, w.name, ignoresVary)
						if fromCache && cookieOf(got.Header) != "none" {
							t.Errorf("%s: served from the cache with Set-Cookie %q", where, got.setCookies())
						}
						if fromCache && c.do != nil && got.Header.Get("X-For") != cookie {
							hits++
							if !ignoresVary || !d.shares && !strings.HasPrefix(w.name, "content") {
								t.Errorf("%s: %q is served the page of %q", where, cookie, got.Header.Get("X-For"))
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d requests; %d pages that their handler shares went to others through a cache that ignores Vary", cells, hits)
	if hits == 0 {
		t.Error("not even a shared page was served from the cache: the simulator shows nothing")
	}
}

// The simulator must be able to fail: each header that is taken away gives one user's page, or cookie, to another.
func TestCache_rfcSimulatorCatchesEachMissingHeader(t *testing.T) {
	for _, tt := range []struct {
		name, missing string
		do            func(w http.ResponseWriter, s *sojourn.Session)
	}{
		{"private", "Cache-Control", func(http.ResponseWriter, *sojourn.Session) {}},
		{"no-store", "Cache-Control", func(w http.ResponseWriter, s *sojourn.Session) { s.Set("x", 1); public(w) }},
		{"Vary", "Vary", func(w http.ResponseWriter, _ *sojourn.Session) { public(w) }},
	} {
		for _, broken := range []bool{false, true} {
			a := newApp(t, sojourn.Config{})
			a.on("/page", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
				tt.do(w, s)
				w.Header().Set("X-For", r.Header.Get("Cookie"))
			})
			origin := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got := serve(a, r)
				if broken {
					got.Header.Del(tt.missing)
					if tt.missing == "Cache-Control" {
						got.Header.Del("Vary") // as a cache that takes no notice of it
					}
					if tt.name == "no-store" {
						got.Header.Set("Cache-Control", "public, max-age=3600")
					}
				}
				(*sharedCache)(nil).copy(w, got)
			})
			cache := &rfcCache{origin: origin}
			cache.get("/page", "a=1")
			got, fromCache := cache.get("/page", "b=2")
			if wrong := fromCache && got.Header.Get("X-For") == "a=1"; wrong != broken {
				t.Errorf("%s, broken %v: the second user is served the first one's page: %v", tt.name, broken, wrong)
			}
		}
	}
}
