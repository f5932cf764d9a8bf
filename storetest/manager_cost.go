package storetest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// checkCosts counts the store calls of the usual requests.
func checkCosts(t *testing.T, gate *gateStore, _ int) {
	ses := func(f func(s *site, ses *sojourn.Session)) func(*site) handler {
		return func(s *site) handler {
			return func(_ http.ResponseWriter, _ *http.Request, ses *sojourn.Session) { f(s, ses) }
		}
	}
	for _, c := range []struct {
		name    string
		session bool
		brief   bool
		limit   int
		do      func(s *site) handler // nil: the handler does not ask for the session
		want    int
	}{
		{"no cookie", false, false, 0, nil, 0},
		{"no cookie, read", false, false, 0, ses(func(_ *site, s *sojourn.Session) { s.Has("cart") }), 0},
		{"untouched", true, true, 0, nil, 0},
		{"read", true, false, 0, ses(func(_ *site, s *sojourn.Session) { s.Has("cart") }), 1},
		{"read when a touch is due", true, true, 0, ses(func(_ *site, s *sojourn.Session) { s.Has("cart") }), 2},
		{"read and change", true, false, 0, ses(func(_ *site, s *sojourn.Session) { s.Set("a", 1) }), 2},
		{"read and change when a touch is due", true, true, 0, ses(func(_ *site, s *sojourn.Session) { s.Set("a", 1) }), 2},
		{"read and change many", true, false, 0, ses(func(_ *site, s *sojourn.Session) {
			s.Set("a", 1)
			s.Remove("cart")
			siteCounter.Update(s, func(n int) int { return n + 1 })
		}), 2},
		{"create", false, false, 0, ses(func(_ *site, s *sojourn.Session) { s.Set("a", 1) }), 1},
		{"renew and change", true, false, 0, ses(func(_ *site, s *sojourn.Session) {
			s.Renew()
			s.Set("a", 1)
		}), 2},
		{"login", true, false, 0, ses(func(s *site, ses *sojourn.Session) { ses.Login(s.subject) }), 2},
		{"login with a limit", true, false, 3, ses(func(s *site, ses *sojourn.Session) { ses.Login(s.subject) }), 3},
		{"logout", true, false, 0, ses(func(_ *site, s *sojourn.Session) { s.Logout() }), 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.limit > 0 && gate.index == nil {
				t.Skip("the store has no SubjectIndex")
			}
			s := newSite(t, gate, func(cfg *sojourn.Config) { cfg.MaxSessions = c.limit })
			maker := s.nodes[0]
			if c.brief {
				maker = s.brief
			}
			r := httptest.NewRequest("GET", "https://example.org/", nil)
			if c.session {
				token, _ := s.open(maker, "", nil)
				r.Header.Set("Cookie", siteCookie+"="+token)
			}
			h := s.nodes[1].Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			if c.do != nil {
				h = s.nodes[1].HandlerFunc(c.do(s))
			}
			x := new(exchange)
			if a := s.serve(h, r, x); !a.ok() {
				t.Errorf("status %d", a.status)
			}
			if got := len(strings.Fields(x.calls())); got != c.want {
				t.Errorf("got %d calls (%s), want %d", got, x.calls(), c.want)
			}
		})
	}
}
