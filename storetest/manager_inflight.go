package storetest

import (
	"net/http"
	"time"

	"github.com/sojourn-go/sojourn"
)

// kind is a request that is in flight while something else happens to its session.
type kind struct {
	name  string
	brief bool // its session is due to be touched
	due   bool // its session is due to be renewed
	late  int  // its status when the session was ended between its load and its first write
	login bool
	// secret says that it asks for a new secret itself.
	secret bool
	do     handler
}

func (s *site) kinds() []kind {
	increment := func(n int) int { return n + 1 }
	read := func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { siteCart.Get(s) }
	// Each sets a text of its own: an equal one would be no change.
	set := func(text string) handler {
		return func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Set("late", text) }
	}
	return []kind{
		{name: "read", late: 200, do: read},
		{name: "touch", brief: true, late: 200, do: read},
		{name: "set", late: 409, do: set("set")},
		{name: "update", late: 409, do: func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
			siteCounter.Update(s, increment)
		}},
		{name: "clear", late: 409, do: func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Clear() }},
		{name: "commit, then more", late: 409, do: func(_ http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			s.Set("first", 1)
			_ = s.Commit(r.Context())
			s.Set("late", "more")
		}},
		{name: "stream", late: 200, do: func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			w.(http.Flusher).Flush()
			s.Set("late", "streamed")
		}},
		{name: "periodic renewal", due: true, late: 200, do: read},
		{name: "periodic renewal and set", due: true, late: 409, do: set("renewed")},
		{name: "renew", secret: true, late: 409, do: func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Renew() }},
		{name: "renew and set", secret: true, late: 409, do: func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
			s.Renew()
			s.Set("late", "renew")
		}},
		{name: "login", secret: true, login: true, late: 200, do: func(_ http.ResponseWriter, _ *http.Request, ses *sojourn.Session) {
			ses.Login(s.subject, string(siteCart))
		}},
		{name: "login of another", secret: true, login: true, late: 200, do: func(_ http.ResponseWriter, _ *http.Request, ses *sojourn.Session) {
			ses.Login("bob-"+s.subject, string(siteCart))
		}},
	}
}

// begin opens the session that a request of this kind will meet.
func (k kind) begin(s *site, subject string) (token string, id sojourn.ID) {
	m := s.nodes[0]
	if k.brief {
		m = s.brief
	}
	token, id = s.open(m, subject, nil)
	if k.due {
		s.advance(siteRenew + time.Minute)
	}
	return token, id
}

// flight is a request of a kind, and what came of it.
type flight struct {
	kind kind
	x    *exchange
	answer
}

func (f *flight) send(s *site, m *sojourn.Manager, token string) {
	f.answer = s.send(m, func(w http.ResponseWriter, r *http.Request, ses *sojourn.Session) {
		f.x.wait(inHandler, false)
		f.kind.do(w, r, ses)
	}, f.x, token)
}
