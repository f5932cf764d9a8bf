package sojourn_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// browser is a client with a cookie jar in front of a handler. It keeps what a response sets, whatever the attributes but
// Max-Age=0 say: what a jar does with Path and Domain is not the library's business.
type browser struct {
	tb      testing.TB
	handler http.Handler
	cookies map[string]string
}

func newBrowser(tb testing.TB, h http.Handler) *browser {
	return &browser{tb: tb, handler: h, cookies: map[string]string{}}
}

// answer is a response and what a test asks of it most.
type answer struct {
	*http.Response
	body string
}

// do sends a request with the jar's cookies. Each edit may change the request before.
func (b *browser) do(method, target string, edit ...func(*http.Request)) answer {
	b.tb.Helper()
	r := httptest.NewRequest(method, target, nil)
	if len(b.cookies) > 0 {
		var pairs []string
		for _, name := range slices.Sorted(maps.Keys(b.cookies)) {
			pairs = append(pairs, name+"="+b.cookies[name])
		}
		r.Header.Set("Cookie", strings.Join(pairs, "; "))
	}
	for _, f := range edit {
		f(r)
	}
	a := serve(b.handler, r)
	for _, c := range a.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return a
}

func (b *browser) get(target string, edit ...func(*http.Request)) answer {
	b.tb.Helper()
	return b.do("GET", target, edit...)
}

// clone is a second client with the same cookies: a thief, or the same browser's request that was under way.
func (b *browser) clone() *browser {
	return &browser{b.tb, b.handler, maps.Clone(b.cookies)}
}

func serve(h http.Handler, r *http.Request) answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answer{w.Result(), w.Body.String()}
}

// cookie returns the response's cookie of that name, nil if it sets none.
func (a answer) cookie(name string) *http.Cookie {
	for _, c := range a.Cookies() {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// setCookies returns the raw Set-Cookie headers.
func (a answer) setCookies() []string { return a.Header["Set-Cookie"] }

// wantNoCookie fails the test if the response sets or removes any cookie.
func (a answer) wantNoCookie(tb testing.TB) {
	tb.Helper()
	if got := a.setCookies(); len(got) > 0 {
		tb.Errorf("got Set-Cookie %q, want none", got)
	}
}

func (a answer) want(tb testing.TB, code int, body string) {
	tb.Helper()
	if a.StatusCode != code || a.body != body {
		tb.Errorf("got %d %q, want %d %q", a.StatusCode, a.body, code, body)
	}
}

func withCookie(header string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Cookie", header) }
}

// app is a manager over a spy over a memstore, with a clock, and a mux to hang handlers in.
type app struct {
	*http.ServeMux
	m     *sojourn.Manager
	spy   *spyStore
	clock *fakeClock
	log   *eventLog
}

const hostID = "__Host-id" // the default name of the cookie

// newApp makes an app of cfg; its clock, and its observer if none is given, go into the configuration.
func newApp(tb testing.TB, cfg sojourn.Config) *app {
	tb.Helper()
	clock := newClock()
	return newAppOver(tb, newSpy(memstore.New(memstore.Config{Now: clock.Now})), clock, cfg)
}

func newAppOver(tb testing.TB, spy *spyStore, clock *fakeClock, cfg sojourn.Config) *app {
	tb.Helper()
	a := &app{ServeMux: http.NewServeMux(), spy: spy, clock: clock, log: new(eventLog)}
	cfg.Now = clock.Now
	if cfg.Observe == nil {
		cfg.Observe = a.log.observe
	}
	a.m = newManager(tb, spy, cfg)
	return a
}

func newManager(tb testing.TB, st sojourn.Store, cfg sojourn.Config) *sojourn.Manager {
	tb.Helper()
	m, err := sojourn.New(st, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// on adds a handler that takes the session.
func (a *app) on(pattern string, f func(w http.ResponseWriter, r *http.Request, s *sojourn.Session)) {
	a.Handle(pattern, a.m.HandlerFunc(f))
}

// does adds a handler that only acts on the session.
func (a *app) does(pattern string, f func(s *sojourn.Session)) {
	a.on(pattern, func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { f(s) })
}

func (a *app) browser(tb testing.TB) *browser { return newBrowser(tb, a) }

// fakeClock is a clock that moves when told to. It has no monotonic reading.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *fakeClock {
	return &fakeClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// visits is the counter of many tests.
const visits = sojourn.Field[int]("visits")

func increment(n int) int { return n + 1 }
