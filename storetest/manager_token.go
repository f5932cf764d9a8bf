package storetest

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// cell is what one request does: its store calls, its status, and what its response does to the cookie.
type cell struct {
	calls  string
	status int
	cookie string
}

// deed is what a request does with the session.
type deed struct {
	name string
	do   handler
}

func deeds(s *site) []deed {
	ses := func(f func(s *sojourn.Session)) handler {
		return func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { f(s) }
	}
	return []deed{
		{"read", ses(func(s *sojourn.Session) { siteCart.Get(s) })},
		{"set", ses(func(s *sojourn.Session) { s.Set("note", "hello") })},
		{"touch", ses(func(*sojourn.Session) {})},
		{"Renew", ses(func(s *sojourn.Session) { s.Renew() })},
		{"Remember", ses(func(s *sojourn.Session) { s.Remember(true) })},
		{"Logout", ses(func(s *sojourn.Session) { s.Logout() })},
		{"Login", ses(func(ses *sojourn.Session) { ses.Login(s.subject, string(siteCart)) })},
	}
}

// tokenTable says what a token that opens so much does in each deed, in the order of deeds.
var tokenTable = map[string][7]cell{
	"live": {
		{"load", 200, ""}, {"load patch", 200, ""}, {"load touch", 200, ""}, {"load update", 200, "set"},
		{"load", 200, ""}, {"load delete", 200, "removed"}, {"load update", 200, "set"},
	},
	"late": {
		{"load", 200, ""}, {"load patch", 200, ""}, {"load", 200, ""}, {"load", 409, ""},
		{"load", 200, ""}, {"load delete", 200, "removed"}, {"load update", 200, "set"},
	},
	"refused": {
		{"load", 200, ""}, {"load", 409, ""}, {"load", 200, ""}, {"load", 409, ""},
		{"load", 200, ""}, {"load", 200, ""}, {"load save", 200, "set"},
	},
	"unknown": {
		{"load", 200, ""}, {"load save", 200, "set"}, {"load", 200, ""}, {"load", 200, ""},
		{"load", 200, ""}, {"load", 200, ""}, {"load save", 200, "set"},
	},
	"unlike a token": {
		{"", 200, ""}, {"save", 200, "set"}, {"", 200, ""}, {"", 200, ""},
		{"", 200, ""}, {"", 200, ""}, {"save", 200, "set"},
	},
	"ambiguous": {
		{"load load", 200, ""}, {"load load", 409, ""}, {"load load", 200, ""}, {"load load", 409, ""},
		{"load load", 200, ""}, {"load load", 409, ""}, {"load load save", 200, "set"},
	},
	"unreadable": {
		{"", 200, ""}, {"", 409, ""}, {"", 200, ""}, {"", 409, ""},
		{"", 200, ""}, {"", 409, ""}, {"save", 200, "set"},
	},
	"outage": {
		{"load", 503, ""}, {"load", 503, ""}, {"load", 503, ""}, {"load", 503, ""},
		{"load", 503, ""}, {"load", 503, ""}, {"load", 503, ""},
	},
}

// holding is how a client came by what it presents, and what that opens by the table.
type holding struct {
	name  string
	opens string
	// hold returns the Cookie values, and the session they were made from. Sessions begin at node m.
	hold func(s *site, m *sojourn.Manager) (tokens []string, id sojourn.ID)
	load error // the store's answer to Load, if it is to be another one
}

func holdings() []holding {
	after := func(do func(s *site, m *sojourn.Manager, token string)) func(*site, *sojourn.Manager) ([]string, sojourn.ID) {
		return func(s *site, m *sojourn.Manager) ([]string, sojourn.ID) {
			token, id := s.open(m, "", nil)
			do(s, m, token)
			return []string{token}, id
		}
	}
	live := after(func(*site, *sojourn.Manager, string) {})
	periodic := func(s *site, m *sojourn.Manager, token string) {
		s.advance(siteRenew + time.Minute)
		s.expect(s.send(m, deeds(s)[0].do, nil, token), 200, "set")
	}
	with := func(deed int, then time.Duration) func(s *site, m *sojourn.Manager, token string) {
		return func(s *site, m *sojourn.Manager, token string) {
			s.expect(s.send(m, deeds(s)[deed].do, nil, token), 200, "set")
			s.advance(then)
		}
	}
	return []holding{
		{"live", "live", live, nil},
		{"late", "late", after(periodic), nil},
		{"late, 29 s", "late", after(func(s *site, m *sojourn.Manager, token string) {
			periodic(s, m, token)
			s.advance(29 * time.Second)
		}), nil},
		{"refused by a login", "refused", after(with(6, 0)), nil},
		{"refused by Renew", "refused", after(with(3, 29*time.Second)), nil},
		{"stale after a periodic renewal", "unknown", after(func(s *site, m *sojourn.Manager, token string) {
			periodic(s, m, token)
			s.advance(31 * time.Second)
		}), nil},
		{"stale after a login", "unknown", after(with(6, 31*time.Second)), nil},
		{"unknown", "unknown", after(func(s *site, m *sojourn.Manager, token string) {
			s.expect(s.send(m, deeds(s)[5].do, nil, token), 200, "removed")
		}), nil},
		{"another secret", "unknown", func(s *site, m *sojourn.Manager) ([]string, sojourn.ID) {
			token, id := s.open(m, "", nil)
			other, _ := s.open(m, "", nil)
			return []string{mix(token, other)}, id
		}, nil},
		{"another realm", "unknown", func(s *site, _ *sojourn.Manager) ([]string, sojourn.ID) {
			token, id := s.open(s.manager(sojourn.Config{Realm: "elsewhere", Now: s.now}), "", nil)
			return []string{token}, id
		}, nil},
		{"expired", "unknown", after(func(s *site, _ *sojourn.Manager, _ string) { s.advance(siteAbsolute) }), nil},
		{"corrupt", "unknown", live, sojourn.ErrCorrupt},
		{"of a newer release", "outage", live, sojourn.ErrNewer},
		{"while the store fails", "outage", live, errors.New("the engine is down")},
		{"unlike a token", "unlike a token", func(s *site, m *sojourn.Manager) ([]string, sojourn.ID) {
			token, id := s.open(m, "", nil)
			return []string{token[1:], token + "A", "%" + token[1:], ""}, id
		}, nil},
		{"two live ones", "ambiguous", func(s *site, m *sojourn.Manager) ([]string, sojourn.ID) {
			token, id := s.open(m, "", nil)
			other, _ := s.open(m, "", nil)
			return []string{token, other}, id
		}, nil},
		{"among 3001 cookies", "unreadable", func(s *site, m *sojourn.Manager) ([]string, sojourn.ID) {
			token, id := s.open(m, "", nil)
			return []string{token + strings.Repeat("; a=b", 3000)}, id
		}, nil},
	}
}

// mix returns a token of the form of both: the beginning, which names the session, is one's, the rest the other's.
func mix(begin, rest string) string { return begin[:len(begin)/2] + rest[len(begin)/2:] }

func (s *site) expect(a answer, status int, cookie string) {
	s.tb.Helper()
	if a.status != status || a.cookie != cookie {
		s.tb.Fatalf("got status %d, cookie %q, want %d, %q", a.status, a.cookie, status, cookie)
	}
}

// checkTokenTable holds the table of what a token opens: one case per kind of token and deed.
func checkTokenTable(t *testing.T, gate *gateStore, _ int) {
	for _, h := range holdings() {
		for i := range tokenTable[h.opens] {
			s := newSite(t, gate, nil)
			d := deeds(s)[i]
			t.Run(h.name+"/"+d.name, func(t *testing.T) { checkCell(t, s, h, d, tokenTable[h.opens][i]) })
		}
	}
}

func checkCell(t *testing.T, s *site, h holding, d deed, want cell) {
	s.tb = t
	m := s.nodes[0]
	if d.name == "touch" {
		m = s.brief
	}
	tokens, id := h.hold(s, m)
	before, beforeErr := s.gate.inner.Load(t.Context(), id.Key())
	x := new(exchange)
	if h.load != nil {
		x.refuse = map[string]error{"load": h.load}
	}
	var seen sight
	a := s.send(s.nodes[1], func(w http.ResponseWriter, r *http.Request, ses *sojourn.Session) {
		seeing(&seen)(w, r, ses)
		d.do(w, r, ses)
	}, x, tokens...)

	s.matches(x, a, want)
	opens := h.opens == "live" || h.opens == "late"
	if seen.live != opens || (seen.values.Len() > 0) != opens || opens && seen.id != id {
		t.Errorf("the handler saw %+v", seen)
	}
	if h.opens == "refused" && a.status == http.StatusConflict && a.retryAfter == "" {
		t.Error("a refused request is not told when to come again")
	}
	after, afterErr := s.gate.inner.Load(t.Context(), id.Key())
	if want.calls == "" || strings.HasSuffix(want.calls, "load") || strings.HasSuffix(want.calls, "save") {
		if errors.Is(beforeErr, sojourn.ErrNotFound) != errors.Is(afterErr, sojourn.ErrNotFound) ||
			before.Facts != after.Facts || before.Values != after.Values || before.Version != after.Version || after.TTL > before.TTL {
			t.Errorf("the record changed from %+v to %+v", before, after)
		}
	}
	if a.cookie == "set" {
		s.checkNewToken(a.token, d.name, id, strings.Contains(want.calls, "save"), opens)
	}
}

// checkNewToken checks what a token that a deed brought opens.
func (s *site) checkNewToken(token, deed string, old sojourn.ID, another, carries bool) {
	s.tb.Helper()
	got := s.look(token)
	subject := ""
	if deed == "Login" {
		subject = s.subject
	}
	if !got.live || got.subject != subject || (got.id == old) == another || (got.values.Get(string(siteCart)) != "") != carries {
		s.tb.Errorf("the new token opens %+v", got)
	}
}

// matches compares a request with its cell.
func (s *site) matches(x *exchange, a answer, want cell) {
	s.tb.Helper()
	calls := want.calls
	if s.gate.patcher == nil {
		calls = strings.ReplaceAll(calls, "patch", "update")
	}
	if got := x.calls(); got != calls || a.status != want.status || a.cookie != want.cookie {
		s.tb.Errorf("got calls %q, status %d, cookie %q, want %q, %d, %q", got, a.status, a.cookie, calls, want.status, want.cookie)
	}
}
