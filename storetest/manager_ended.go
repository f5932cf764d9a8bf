package storetest

import (
	"context"
	"errors"
	"math"
	"net/http"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// ending is a way in which a session ends while another request is in flight.
type ending struct {
	name string
	// end ends the session, under the eyes of x, and returns what the client was told.
	end func(s *site, x *exchange, token string, id sojourn.ID) answer
	// byClock says that the store knows nothing of it: the manager's clock passes the deadline.
	byClock bool
}

func endings() []ending {
	return []ending{
		{name: "logout", end: logoutAt},
		{name: "end by an operator", end: func(s *site, x *exchange, _ string, id sojourn.ID) answer {
			err := s.nodes[1].End(context.WithValue(s.tb.Context(), exchangeKey{}, x), id)
			if err != nil && !errors.Is(err, sojourn.ErrNotFound) {
				s.tb.Errorf("End: %s", withCause(err))
			}
			return answer{}
		}},
		{name: "expiry", byClock: true, end: func(s *site, _ *exchange, _ string, _ sojourn.ID) answer {
			s.advance(siteAbsolute)
			return answer{}
		}},
	}
}

func logoutAt(s *site, x *exchange, token string, _ sojourn.ID) answer {
	return s.send(s.nodes[1], func(_ http.ResponseWriter, _ *http.Request, ses *sojourn.Session) { ses.Logout() }, x, token)
}

// tally counts what the aftermath of endings shows.
type tally struct {
	met, ended    int // meetings, and those of them in which the session was ended
	readable      int // tokens that opened a session after its end
	lateCookies   int // responses to requests overtaken by the end that set or removed a cookie, but for their own Login
	acknowledged  int // changes that were acknowledged although the session had ended before
	serverFailure int
}

func (c tally) report(t *testing.T, what string) {
	t.Helper()
	t.Logf("%s: %d interleavings, %d of them ended the session; afterwards %d readable, %d cookies from late requests, %d changes acknowledged too late",
		what, c.met, c.ended, c.readable, c.lateCookies, c.acknowledged)
}

// checkEndings has each kind of request meet each ending at each of its store calls, and the other way round.
func checkEndings(t *testing.T, gate *gateStore, rounds int) {
	var tests []subtest
	for _, e := range endings() {
		tests = append(tests, subtest{e.name, func(t *testing.T) {
			var c tally
			for pass := 0; c.met < 100*rounds && !t.Failed(); pass++ {
				for i := range newSite(t, gate, nil).kinds() {
					c.meetEverywhere(t, gate, e, i, pass)
				}
			}
			c.report(t, e.name)
		}})
	}
	concurrently(t, gate.width, tests)
}

// meetEverywhere holds first the request, then the ending, at one call after another until there is none left.
func (c *tally) meetEverywhere(t *testing.T, gate *gateStore, e ending, kind, pass int) {
	for _, holdEnding := range []bool{false, true} {
		if holdEnding && e.byClock {
			continue
		}
		for at := inHandler; ; at++ {
			before := c.meet(t, gate, e, kind, pass, holdEnding, heldAt(at, false))
			after := c.meet(t, gate, e, kind, pass, holdEnding, heldAt(at, true))
			if !before && !after && at >= 0 {
				break
			}
		}
	}
}

func (c *tally) meet(t *testing.T, gate *gateStore, e ending, kind, pass int, holdEnding bool, held *exchange) bool {
	s := newSite(t, gate, nil)
	f := &flight{kind: s.kinds()[kind], x: new(exchange)}
	subject := ""
	if pass%2 == 1 {
		subject = s.subject
	}
	token, id := f.kind.begin(s, subject)
	x := new(exchange)
	var bye answer
	request := func() { f.send(s, s.nodes[pass/2%2], token) }
	var ended int64
	end := func() {
		bye = e.end(s, x, token, id)
		if ended = x.acknowledged(id, "delete"); e.byClock && held.at == inHandler {
			ended = gate.moment.Add(1) // at a call, the request may not have been verified yet, or be past its last check
		}
	}

	met := false
	if holdEnding {
		x = held
		met = held.run(end, request)
	} else {
		f.x = held
		met = held.run(request, end)
	}
	if !met {
		return false
	}
	c.met++
	c.aftermath(s, e, token, id, x, ended, bye, []*flight{f})
	if t.Failed() {
		t.Fatalf("%s, held at call %d (after: %t; the ending: %t), subject %q: calls %q, status %d, cookie %q; the ending's calls %q, cookie %q",
			f.kind.name, held.at, held.after, holdEnding, subject, f.x.calls(), f.status, f.cookie, x.calls(), bye.cookie)
	}
	return true
}

// aftermath judges what requests and an ending left behind; ended is when it was acknowledged, 0 if that is not known.
func (c *tally) aftermath(s *site, e ending, token string, id sojourn.ID, x *exchange, ended int64, bye answer, flights []*flight) {
	s.tb.Helper()
	if bye.cookie != "" != (ended > 0) && !e.byClock && e.name == "logout" {
		s.tb.Errorf("the logout's cookie is %q; it deleted the session: %t", bye.cookie, ended > 0)
	}
	if ended == 0 && !e.byClock {
		s.checkForestalled(id, x, flights)
	} else {
		c.ended++
		c.checkDead(s, e, token, id, flights)
	}
	for _, f := range flights {
		if f.status >= 500 {
			c.serverFailure++
			s.tb.Errorf("%s: status %d", f.kind.name, f.status)
		}
		if f.cookie == "removed" || f.cookie == "set" && f.x.saved().IsZero() && !f.x.did(id, math.MaxInt64, "update") {
			s.tb.Errorf("%s: cookie %q for nothing that the store acknowledged", f.kind.name, f.cookie)
		}
		if !f.x.did(id, ended, "load") || f.x.did(id, ended, "patch", "update", "touch", "delete") {
			continue
		}
		// The request had seen the session alive, and the end came before anything it did.
		if f.cookie != "" && !f.kind.login {
			c.lateCookies++
			s.tb.Errorf("%s: a late request's cookie is %q", f.kind.name, f.cookie)
		}
		if f.status != f.kind.late {
			c.acknowledged++
			s.tb.Errorf("%s: status %d from a late request, want %d", f.kind.name, f.status, f.kind.late)
		}
	}
}

// checkDead replays every token that any response handed out. A Login over an ended session began one of its own.
func (c *tally) checkDead(s *site, e ending, token string, id sojourn.ID, flights []*flight) {
	s.tb.Helper()
	if _, err := s.gate.inner.Load(s.tb.Context(), id.Key()); !e.byClock && !errors.Is(err, sojourn.ErrNotFound) {
		c.readable++
		s.tb.Errorf("the store still has the session: %v", err)
	}
	tokens := []string{token}
	for _, f := range flights {
		tokens = append(tokens, f.token)
	}
	for i, token := range tokens {
		if got := s.look(token); got.live && got.id == id {
			c.readable++
			s.tb.Errorf("token %d opens the session after its end: %+v", i, got)
		} else if got.live && got.values.Len() > 0 && flights[i-1].kind.login {
			s.tb.Errorf("%s: values of the ended session reached the next one: %v", flights[i-1].kind.name, got.names())
		}
	}
}

// checkForestalled is for an ending that found nothing to end: somebody else's request had refused its token, or ended
// the session, before the ending looked.
func (s *site) checkForestalled(id sojourn.ID, x *exchange, flights []*flight) {
	s.tb.Helper()
	for _, f := range flights {
		if f.kind.secret && f.x.did(id, x.looked(), "update", "delete") {
			if f.token != "" && len(flights) == 1 && !s.look(f.token).live {
				s.tb.Errorf("%s: its token opens nothing, and nobody ended it", f.kind.name)
			}
			return
		}
	}
	s.tb.Error("the ending ended nothing, although its token was live")
}

// checkParallelLogout releases one request of each kind and a logout at once, mostly without those that ask for a new
// secret.
func checkParallelLogout(t *testing.T, gate *gateStore, rounds int) {
	var c tally
	logout := endings()[0]
	for round := 0; round < 20*rounds && !t.Failed(); round++ {
		s := newSite(t, gate, nil)
		opening := kind{brief: round%4 < 2, due: round%8 < 4}
		var flights []*flight
		for _, k := range s.kinds() {
			// They would mostly be first, and leave the logout nothing to end. After a renewal by time, they would make the
			// token that all present one that was forgotten, and its bearers visitors.
			if k.secret && (opening.due || round%2 == 0) {
				continue
			}
			flights = append(flights, &flight{kind: k, x: new(exchange)})
		}
		subject := ""
		if round%16 < 8 {
			subject = s.subject
		}
		token, id := opening.begin(s, subject)
		x := new(exchange)
		var bye answer
		inParallel(len(flights)+1, func(i int) {
			if i == len(flights) {
				bye = logout.end(s, x, token, id)
				return
			}
			// Whether a renewal by time comes with it is a matter of who is first.
			flights[i].kind.due = opening.due
			flights[i].send(s, s.nodes[i%2], token)
		})
		c.met += len(flights)
		c.aftermath(s, logout, token, id, x, x.acknowledged(id, "delete"), bye, flights)
	}
	c.report(t, "parallel")
}
