package storetest

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

var errLost = errors.New("no acknowledgement")

// commitCase is one row of the table of what a commit does.
type commitCase struct {
	name string
	// of is whose session the request presents: "" a visitor's, "own" the subject's, "other" somebody else's, "none" none.
	of   string
	due  bool // a periodic renewal is
	old  bool // a minute remains until the deadline
	do   func(s *site, id sojourn.ID) handler
	gate faults
	want cell
	// plain are the calls over a store without a Patcher, where they are not the same with Update for Patch.
	plain string
	then  func(s *site, id sojourn.ID, old string, a answer)
}

func commitCases() []commitCase {
	does := func(f func(s *site, ses *sojourn.Session)) func(*site, sojourn.ID) handler {
		return func(s *site, _ sojourn.ID) handler {
			return func(_ http.ResponseWriter, _ *http.Request, ses *sojourn.Session) { f(s, ses) }
		}
	}
	nothing := func(*site, *sojourn.Session) {}
	set := func(_ *site, ses *sojourn.Session) { ses.Set("note", "hello") }
	renew := func(s *site, ses *sojourn.Session) { ses.Renew() }
	login := func(s *site, ses *sojourn.Session) { ses.Login(s.subject, string(siteCart)) }
	logout := func(s *site, ses *sojourn.Session) { ses.Logout() }
	both := func(f, g func(*site, *sojourn.Session)) func(*site, *sojourn.Session) {
		return func(s *site, ses *sojourn.Session) {
			f(s, ses)
			g(s, ses)
		}
	}
	expire := func(s *site, _ *sojourn.Session) { s.advance(2 * time.Minute) }
	panics := func(*site, *sojourn.Session) { panic(http.ErrAbortHandler) }
	// meanwhile: after the load, and before the commit, somebody else acts.
	meanwhile := func(other, f func(*site, *sojourn.Session)) func(*site, sojourn.ID) handler {
		return func(s *site, _ sojourn.ID) handler {
			return func(_ http.ResponseWriter, r *http.Request, ses *sojourn.Session) {
				token, _ := r.Cookie(siteCookie)
				s.send(s.nodes[1], func(_ http.ResponseWriter, _ *http.Request, ses *sojourn.Session) { other(s, ses) }, nil, token.Value)
				f(s, ses)
			}
		}
	}
	refuse := func(op string, err error) faults { return faults{refuse: map[string]error{op: err}} }
	lose := func(op string) faults { return faults{lose: map[string]error{op: errLost}} }

	dead := func(s *site, id sojourn.ID, old string, a answer) {
		s.tb.Helper()
		if _, err := s.gate.inner.Load(s.tb.Context(), id.Key()); !errors.Is(err, sojourn.ErrNotFound) {
			s.tb.Errorf("the session is still stored: %v", err)
		}
	}
	noted := func(s *site, id sojourn.ID, old string, a answer) {
		s.tb.Helper()
		token := old
		if a.token != "" {
			token = a.token
		}
		if got := s.look(token); !got.live || got.values.Get("note") != `"hello"` {
			s.tb.Errorf("the change is not there: %+v", got)
		}
	}
	unchanged := func(s *site, id sojourn.ID, old string, a answer) {
		s.tb.Helper()
		if state, err := s.gate.inner.Load(s.tb.Context(), id.Key()); err != nil || state.Values.Get("note") != "" {
			s.tb.Errorf("got %+v, %v, want the record without the change", state, err)
		}
	}
	anew := func(s *site, id sojourn.ID, old string, a answer) {
		s.tb.Helper()
		if got := s.look(a.token); !got.live || got.id == id || got.subject != s.subject || got.values.Len() > 0 {
			s.tb.Errorf("got %+v, want a new session of the subject with nothing of the old one", got)
		}
	}
	into := func(s *site, id sojourn.ID, old string, a answer) {
		s.tb.Helper()
		if got := s.look(a.token); !got.live || got.id != id || got.subject != s.subject || got.values.Len() != 1 {
			s.tb.Errorf("got %+v, want the same session, the subject's, with its cart", got)
		}
		if s.look(old).live {
			s.tb.Error("the token before still opens the session")
		}
	}
	return []commitCase{
		{name: "nothing without a session", of: "none", do: does(nothing), want: cell{"", 200, ""}},
		{name: "values without a session", of: "none", do: does(set), want: cell{"save", 200, "set"}, then: noted},
		{name: "values, the answer lost", of: "none", do: does(set), gate: lose("save"), want: cell{"save", 503, ""}},
		{name: "nothing", do: does(nothing), want: cell{"load", 200, ""}},
		{name: "an equal value", do: does(func(_ *site, s *sojourn.Session) { siteCart.Set(s, []string{"tea"}) }), want: cell{"load", 200, ""}},
		{name: "a value", do: does(set), want: cell{"load patch", 200, ""}, then: noted},
		{name: "a value, another one meanwhile", do: meanwhile(func(_ *site, s *sojourn.Session) { s.Set("other", 1) }, set),
			want: cell{"load patch", 200, ""}, plain: "load update load update", then: noted},
		{name: "a value, the answer lost", do: does(set), gate: faults{lose: map[string]error{"patch": errLost, "update": errLost}},
			want: cell{"load patch", 503, ""}},
		{name: "a value, then a panic", do: does(both(set, panics)), want: cell{"load", 0, ""}, then: unchanged},

		{name: "Renew", of: "own", do: does(renew), want: cell{"load update", 200, "set"}, then: into},
		{name: "Renew and a value", do: does(both(renew, set)), want: cell{"load update", 200, "set"}, then: noted},
		{name: "Renew, the answer lost", of: "own", do: does(renew), gate: lose("update"), want: cell{"load update load", 200, "set"}, then: into},
		{name: "Renew, the store failed", do: does(renew), gate: refuse("update", errLost), want: cell{"load update load", 503, ""}},
		{name: "renewal due", of: "own", due: true, do: does(nothing), want: cell{"load update", 200, "set"}},
		{name: "renewal due and a value", due: true, do: does(set), want: cell{"load update", 200, "set"}, then: noted},
		{name: "renewal due, somebody was faster", due: true, do: does(nothing), gate: refuse("update", sojourn.ErrConflict), want: cell{"load update", 200, ""}},

		{name: "Login of a visitor", do: does(login), want: cell{"load update", 200, "set"}, then: into},
		{name: "Login once more", of: "own", do: does(login), want: cell{"load update", 200, "set"}, then: into},
		{name: "Login, the answer lost", do: does(login), gate: lose("update"), want: cell{"load update load", 200, "set"}, then: into},
		{name: "Login over another subject's", of: "other", do: does(login), want: cell{"load delete save", 200, "set"}, then: anew},
		{name: "Login without a session", of: "none", do: does(login), want: cell{"save", 200, "set"}, then: anew},

		{name: "Logout", do: does(logout), want: cell{"load delete", 200, "removed"}, then: dead},
		{name: "Logout twice", do: does(both(logout, logout)), want: cell{"load delete", 200, "removed"}, then: dead},
		{name: "Logout and a value", do: does(both(logout, set)), want: cell{"load delete save", 200, "set"}, then: dead},
		{name: "Logout and Login", of: "own", do: does(both(logout, login)), want: cell{"load delete save", 200, "set"}, then: anew},
		{name: "Logout, the store failed", do: does(logout), gate: refuse("delete", errLost), want: cell{"load delete", 503, "removed"}},
		{name: "Logout, then a panic", do: does(both(logout, panics)), want: cell{"load delete", 0, ""}, then: dead},

		{name: "a value, gone meanwhile", do: meanwhile(logout, set), want: cell{"load patch", 409, ""}, then: dead},
		{name: "nothing, gone meanwhile", do: meanwhile(logout, nothing), want: cell{"load", 200, ""}, then: dead},
		{name: "Renew, gone meanwhile", do: meanwhile(logout, renew), want: cell{"load update", 409, ""}, then: dead},
		{name: "renewal due, gone meanwhile", due: true, do: meanwhile(logout, nothing), want: cell{"load update", 200, ""}, then: dead},
		{name: "Logout, gone meanwhile", do: meanwhile(logout, logout), want: cell{"load delete", 200, "removed"}, then: dead},
		{name: "Login, gone meanwhile", do: meanwhile(logout, login), want: cell{"load update load save", 200, "set"}, then: anew},

		{name: "nothing, expired meanwhile", old: true, do: does(both(expire, nothing)), want: cell{"load", 200, ""}},
		{name: "a value, expired meanwhile", old: true, do: does(both(expire, set)), want: cell{"load", 409, ""}, then: unchanged},
		{name: "Renew, expired meanwhile", old: true, do: does(both(expire, renew)), want: cell{"load", 409, ""}, then: unchanged},
		{name: "Logout, expired meanwhile", old: true, do: does(both(expire, logout)), want: cell{"load delete", 200, "removed"}, then: dead},
		{name: "Login, expired meanwhile", old: true, do: does(both(expire, login)), want: cell{"load save", 200, "set"}, then: anew},

		{name: "a value, logged in meanwhile", do: meanwhile(login, set), want: cell{"load patch load", 409, ""}, then: unchanged},
		{name: "a value, renewed meanwhile", do: meanwhile(renew, set), want: cell{"load patch load", 409, ""}, then: unchanged},
		{name: "Renew, logged in meanwhile", do: meanwhile(login, renew), want: cell{"load update load", 409, ""}},
		{name: "Login, logged in meanwhile", do: meanwhile(login, login), want: cell{"load update load save", 200, "set"}, then: anew},
		{name: "Logout, logged in meanwhile", do: meanwhile(login, logout), want: cell{"load delete", 200, "removed"}, then: dead},
	}
}

// checkCommitTable holds the table of what a commit does, and what happens if somebody was faster.
func checkCommitTable(t *testing.T, gate *gateStore, _ int) {
	for _, c := range commitCases() {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, gate, nil)
			var tokens []string
			var id sojourn.ID
			switch c.of {
			case "none":
			case "own":
				tokens, id = s.openOne(s.subject)
			case "other":
				tokens, id = s.openOne("bob-" + s.subject)
			default:
				tokens, id = s.openOne("")
			}
			if c.due {
				s.advance(siteRenew + time.Second)
			}
			if c.old {
				s.advance(siteAbsolute - time.Minute)
			}
			x := &exchange{faults: c.gate}
			a := s.sendPanicky(s.nodes[0], c.do(s, id), x, tokens...)
			if gate.patcher == nil && c.plain != "" {
				c.want.calls = c.plain
			}
			s.matches(x, a, c.want)
			if c.then != nil {
				c.then(s, id, append(tokens, "")[0], a)
			}
		})
	}
}

func (s *site) openOne(subject string) ([]string, sojourn.ID) {
	token, id := s.open(s.nodes[0], subject, nil)
	return []string{token}, id
}

// sendPanicky is send for handlers that panic: the status is 0 then, because the client gets nothing.
func (s *site) sendPanicky(m *sojourn.Manager, f handler, x *exchange, tokens ...string) (a answer) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			panic(v)
		}
	}()
	return s.send(m, f, x, tokens...)
}
