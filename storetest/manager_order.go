package storetest

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// course is what a client does while slow requests of its are in flight: requests one after another, each with the
// cookie that the one before left.
type course struct {
	name    string
	due     bool // a renewal is due already when the slow requests begin: any one of them may make it
	gone    bool // the token that the slow requests present is forgotten at the end, not just refused
	expires bool // by the clock: a request is late once it was verified
	subject bool // the last token is the subject's
	ends    bool // there is no token at the end
	steps   []handler
	before  []time.Duration // by which the clock advances before each step
}

func (s *site) courses() []course {
	ses := func(f func(s *sojourn.Session)) handler {
		return func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { f(s) }
	}
	read := ses(func(s *sojourn.Session) { s.Has("cart") })
	set := ses(func(s *sojourn.Session) { s.Set("new", true) })
	renew := ses(func(s *sojourn.Session) { s.Renew() })
	login := ses(func(ses *sojourn.Session) { ses.Login(s.subject, string(siteCart)) })
	logout := ses(func(s *sojourn.Session) { s.Logout() })
	farewell := ses(func(s *sojourn.Session) {
		s.Logout()
		s.Set("notice", "good-bye")
	})
	const later = siteRenew + time.Second
	return []course{
		{name: "login", subject: true, steps: []handler{login}, before: []time.Duration{0}},
		{name: "Renew", steps: []handler{renew}, before: []time.Duration{0}},
		{name: "periodic renewal", steps: []handler{read}, before: []time.Duration{later}},
		{name: "periodic renewal, due before", due: true, steps: []handler{read}, before: []time.Duration{0}},
		{name: "periodic renewal, then login", gone: true, subject: true, steps: []handler{read, login}, before: []time.Duration{later, 0}},
		{name: "two periodic renewals", gone: true, steps: []handler{read, read}, before: []time.Duration{later, later}},
		{name: "logout", gone: true, ends: true, steps: []handler{logout}, before: []time.Duration{0}},
		{name: "logout with a notice", gone: true, steps: []handler{farewell}, before: []time.Duration{0}},
		{name: "expiry, then a new session", gone: true, expires: true, steps: []handler{set}, before: []time.Duration{siteAbsolute}},
		{name: "login, Renew, logout", gone: true, ends: true, steps: []handler{login, renew, logout}, before: []time.Duration{0, 0, 0}},
		{name: "login, logout, login", gone: true, subject: true, steps: []handler{login, logout, login}, before: []time.Duration{0, 0, 0}},
	}
}

// checkOrders has two slow requests in flight, one held at each of its store calls in turn, while the client goes through
// a course. Then it delivers the responses in every order that can be: the client must always end with the newest token.
func checkOrders(t *testing.T, gate *gateStore, rounds int) {
	var scenes, orders atomic.Int64
	var tests []subtest
	for i, c := range newSite(t, gate, nil).courses() {
		tests = append(tests, subtest{c.name, func(t *testing.T) {
			for round := range rounds {
				for k, kind := range newSite(t, gate, nil).kinds() {
					if kind.secret || kind.due {
						continue
					}
					for at := inHandler; ; at++ {
						before := deliverAll(t, gate, i, k, round, heldAt(at, false))
						after := deliverAll(t, gate, i, k, round, heldAt(at, true))
						if before+after == 0 && at > 0 {
							break
						}
						if orders.Add(int64(before + after)); t.Failed() {
							t.Fatalf("slow %q, held at %d: failed", kind.name, at)
						}
						scenes.Add(1)
					}
				}
			}
		}})
	}
	concurrently(t, gate.width, tests)
	t.Logf("%d scenes, %d orders of delivery: the client always ended with the newest token", scenes.Load(), orders.Load())
}

// deliverAll returns in how many orders it delivered, 0 if the slow request made no such call.
func deliverAll(t *testing.T, gate *gateStore, number, slow, round int, held *exchange) int {
	s := newSite(t, gate, nil)
	c := s.courses()[number]
	if held.at == 0 && (c.gone && !held.after || c.expires) {
		return 0 // it would find nothing, and be a visitor's
	}
	kinds := s.kinds()
	first := &flight{kind: kinds[slow], x: held}
	second := &flight{kind: kinds[(slow+round)%6], x: heldAt(inHandler, false)}
	token, _ := first.kind.begin(s, "")
	if c.due {
		s.advance(siteRenew + time.Second)
	}
	client := browser{token}
	var course []answer
	met := false
	second.x.run(func() { second.send(s, s.nodes[1], token) }, func() {
		met = held.run(func() { first.send(s, s.nodes[0], token) }, func() {
			for i, step := range c.steps {
				s.advance(c.before[i])
				a := s.send(s.nodes[i%2], step, nil, client.token)
				client.receive(a)
				course = append(course, a)
			}
		})
	})
	if !met {
		return 0
	}
	late := []answer{first.answer, second.answer}
	newest := client.token
	cookies := 0
	for _, a := range append(late, course...) {
		if a.status >= 500 {
			t.Errorf("status %d", a.status)
		}
		if a.cookie != "" {
			cookies++
		}
	}
	for _, a := range late {
		if a.cookie == "set" && c.due {
			newest = a.token
		} else if a.cookie != "" {
			t.Errorf("a late response's cookie is %q", a.cookie)
		}
	}
	if cookies != len(c.steps) {
		t.Errorf("%d responses have a cookie, want %d", cookies, len(c.steps))
	}
	n := interleave(late, course, nil, func(order []answer) {
		client := browser{token}
		for _, a := range order {
			client.receive(a)
		}
		if client.token != newest {
			t.Error("the client does not end with the newest token")
		}
	})
	if got := s.look(newest); got.live == c.ends || (got.subject == s.subject) != c.subject {
		t.Errorf("the newest token opens %+v", got)
	}
	return n
}

// interleave calls yield with each order of free among fixed, whose own order stays, and says how many there are.
func interleave(free, fixed, order []answer, yield func([]answer)) (n int) {
	if len(free)+len(fixed) == 0 {
		yield(order)
		return 1
	}
	for i, a := range free {
		rest := append(append([]answer(nil), free[:i]...), free[i+1:]...)
		n += interleave(rest, fixed, append(order[:len(order):len(order)], a), yield)
	}
	if len(fixed) > 0 {
		n += interleave(free, fixed[1:], append(order[:len(order):len(order)], fixed[0]), yield)
	}
	return n
}
