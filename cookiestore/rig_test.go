package cookiestore_test

import (
	"context"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
)

const cookieName = "__Host-id"

// randomSecret returns 32 bytes that look random and are the same in each run.
func randomSecret(seed byte) []byte {
	sum := sha256.Sum256([]byte{seed, 's', 'e', 'c', 'r', 'e', 't'})
	return sum[:]
}

func newStore(tb testing.TB, cfg cookiestore.Config) *cookiestore.Store {
	tb.Helper()
	if cfg.Secrets == nil {
		cfg.Secrets = [][]byte{randomSecret(1)}
	}
	st, err := cookiestore.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return st
}

type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *fakeClock { return &fakeClock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

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

// app is one node: a manager, whose one handler does what the request's client says.
type app struct {
	*sojourn.Manager
	handler http.Handler
	act     func(s *sojourn.Session)
	events  []sojourn.Event
}

func newApp(tb testing.TB, st sojourn.Store, cfg sojourn.Config) *app {
	tb.Helper()
	a := &app{}
	cfg.Observe = func(_ context.Context, e sojourn.Event) { a.events = append(a.events, e) }
	m, err := sojourn.New(st, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	a.Manager = m
	a.handler = m.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sojourn.Session) { a.act(s) })
	return a
}

// client is a browser: it holds one cookie, the value of its cookieName.
type client struct{ cookie string }

// do makes one request to a and takes its cookie.
func (c *client) do(a *app, act func(s *sojourn.Session)) *http.Response {
	r := httptest.NewRequest("POST", "/", nil)
	if c.cookie != "" {
		r.Header.Set("Cookie", cookieName+"="+c.cookie)
	}
	a.act = act
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	resp := w.Result()
	for _, set := range resp.Cookies() {
		if c.cookie = set.Value; set.MaxAge < 0 {
			c.cookie = ""
		}
	}
	return resp
}

// sees returns whose session the client has, and a value of it.
func (c *client) sees(a *app, name string) (subject, value string) {
	c.do(a, func(s *sojourn.Session) {
		subject = s.Subject()
		value, _ = sojourn.Field[string](name).Get(s)
	})
	return subject, value
}

// wantSees checks what a client sees.
func (c *client) wantSees(tb testing.TB, a *app, name, subject, value string) {
	tb.Helper()
	if gotSubject, gotValue := c.sees(a, name); gotSubject != subject || gotValue != value {
		tb.Errorf("got subject %q and %s = %q, want %q and %q", gotSubject, name, gotValue, subject, value)
	}
}

func login(s *sojourn.Session) { s.Login("42") }

func set(name, value string) func(s *sojourn.Session) {
	return func(s *sojourn.Session) { s.Set(name, value) }
}
