package cookiestore_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/storetest"
)

// Promise 1 with leases: an end beats every request that is already under way, held at each of its store calls.

// held is a node one of whose lease calls runs something first.
type held struct {
	*app
	op    string
	first func()
}

func newHeld(t *testing.T, cfg sojourn.Config) *held {
	h := &held{}
	leases := storetest.NewFaulty(memstore.New(memstore.Config{}), func(op string, _ sojourn.Key) error {
		if first := h.first; first != nil && op == h.op {
			h.first = nil
			first()
		}
		return nil
	})
	h.app = newApp(t, newStore(t, cookiestore.Config{Leases: leases}), cfg)
	return h
}

func TestEnd_beatsRequestsInFlight(t *testing.T) {
	met := 0
	for name, act := range map[string]func(s *sojourn.Session){
		"a look":      func(s *sojourn.Session) {},
		"a change":    set("w", "late"),
		"a renewal":   func(s *sojourn.Session) { s.Set("w", "late"); s.Renew() },
		"a clearing":  func(s *sojourn.Session) { s.Clear() },
		"two changes": func(s *sojourn.Session) { s.Set("w", "late"); _ = s.Commit(t.Context()); s.Set("w", "later") },
	} {
		for _, op := range []string{"load", "update", "touch"} {
			for end, do := range map[string]func(h *held, id sojourn.ID, c client){
				"logout":   func(h *held, _ sojourn.ID, c client) { c.do(h.app, func(s *sojourn.Session) { s.Logout() }) },
				"revoke":   func(h *held, id sojourn.ID, _ client) { _ = h.Revoke(t.Context(), "42", id) },
				"all ends": func(h *held, _ sojourn.ID, _ client) { _, _ = h.RevokeAll(t.Context(), "42") },
			} {
				h := newHeld(t, sojourn.Config{})
				c := client{}
				c.do(h.app, func(s *sojourn.Session) { s.Login("42"); s.Set("v", "kept") })
				var id sojourn.ID
				c.do(h.app, func(s *sojourn.Session) { id = s.ID() })
				before, other := c, c
				h.op, h.first = op, func() {
					was := h.act
					do(h, id, other)
					h.act = was
				}
				resp := c.do(h.app, act)
				if h.first != nil {
					continue // the request does not make this call
				}
				met++
				for what, kept := range map[string]client{"the cookie before": before, "the cookie after": c} {
					if subject, v := kept.sees(h.app, "v"); subject != "" || v != "" {
						t.Errorf("%s before %s of %s (status %d): %s opens %q with v = %q", end, op, name, resp.StatusCode, what, subject, v)
					}
				}
			}
		}
	}
	if want := (5 + 4) * 3; met != want { // each loads, and all but the look update
		t.Errorf("got %d ends within a request, want %d", met, want)
	}
}

// A login that was under way when all sessions of its subject ended does not survive it, and says so.
func TestEnd_beatsLoginsInFlight(t *testing.T) {
	for _, op := range []string{"save", "update"} {
		h := newHeld(t, sojourn.Config{})
		c := client{}
		if op == "update" { // a visitor's session, which the login takes over
			c.do(h.app, set("cart", "tea"))
		}
		before := c
		h.op, h.first = op, func() {
			if _, err := h.RevokeAll(t.Context(), "42"); err != nil {
				t.Error(err)
			}
		}
		if resp := c.do(h.app, login); resp.StatusCode != http.StatusConflict || h.first != nil {
			t.Errorf("%s: got status %d of the login, want 409", op, resp.StatusCode)
		}
		c.wantSees(t, h.app, "cart", "", map[string]string{"save": "", "update": "tea"}[op])
		if c.cookie != before.cookie {
			t.Errorf("%s: the refused login changed the cookie", op)
		}
	}
}

func TestLimit_holdsAgainstParallelLogins(t *testing.T) {
	m, err := sojourn.New(newStore(t, cookiestore.Config{Leases: memstore.New(memstore.Config{})}), sojourn.Config{MaxSessions: 3})
	if err != nil {
		t.Fatal(err)
	}
	serve := func(f func(s *sojourn.Session), cookie string) *http.Response {
		r, w := httptest.NewRequest("POST", "/", nil), httptest.NewRecorder()
		if cookie != "" {
			r.Header.Set("Cookie", cookieName+"="+cookie)
		}
		m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { f(s) }).ServeHTTP(w, r)
		return w.Result()
	}
	const logins = 50
	cookies := make([]string, logins)
	var all sync.WaitGroup
	for i := range logins {
		all.Go(func() {
			if set := serve(login, "").Cookies(); len(set) == 1 {
				cookies[i] = set[0].Value
			}
		})
	}
	all.Wait()
	open := 0
	for _, cookie := range cookies {
		serve(func(s *sojourn.Session) {
			if s.Subject() == "42" {
				open++
			}
		}, cookie)
	}
	if open != 3 {
		t.Errorf("got %d open sessions after %d parallel logins, want 3", open, logins)
	}
}

// The values of a token that a periodic renewal has replaced belong to an earlier version than the lease has, so no Update
// with it can succeed: a login with it does not try for long.
func TestLogin_withALateToken_isFewCalls(t *testing.T) {
	l := newLeased(t, sojourn.Config{Lifetime: sojourn.Lifetime{Renew: 5 * time.Minute}})
	late := l.begin("42")
	l.clock.advance(6 * time.Minute)
	current := *late
	current.do(l.app, func(*sojourn.Session) {})
	if current.cookie == late.cookie {
		t.Fatal("the session was not renewed")
	}
	var calls []string
	l.fails = func(op string) error {
		calls = append(calls, op)
		return nil
	}
	late.do(l.app, login)
	if len(calls) > 6 {
		t.Errorf("got the store calls %q, want at most six", calls)
	}
	late.wantSees(t, l.app, "v", "42", "kept")
	current.wantSees(t, l.app, "v", "", "")
}
