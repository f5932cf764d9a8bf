package storetest

import (
	"context"
	"fmt"

	"github.com/sojourn-go/sojourn"
)

// faultTab is one request of a burst.
type faultTab struct {
	node  *sojourn.Manager
	kind  int // tabCount, tabSet or tabRead
	value int // of tabSet
	v     *faultVisit
}

const (
	tabCount = iota
	tabSet
	tabRead
	tabKinds
)

// burst makes requests of several tabs at once, with one that changes the token among them.
func (c *faultClient) burst(l lead) {
	s, token := c.session, c.token
	ended := s.user != nil && s.user.ended(s)
	tabs := make([]faultTab, 1+c.random.IntN(faultTabs))
	for i := range tabs {
		tabs[i] = faultTab{node: c.node(), kind: c.random.IntN(tabKinds)}
		if tabs[i].kind == tabSet {
			s.names[i].next++
			tabs[i].value = s.names[i].next
		}
	}
	first := c.leader(l)
	send := func(i int) {
		if i == len(tabs) {
			if first != nil {
				first.send(token)
			}
			return
		}
		tabs[i].v = c.request(tabs[i].node, token, c.tab(i, &tabs[i]))
	}
	if c.opts.Clients > 1 {
		inParallel(len(tabs)+1, send)
	} else {
		for i := range len(tabs) + 1 {
			send((i + 1) % (len(tabs) + 1))
		}
	}
	c.gather(tabs, l, ended)
	if first != nil {
		first.then(ended)
	}
}

// tab is the handler of a tab's request.
func (c *faultClient) tab(i int, t *faultTab) func(context.Context, *sojourn.Session) error {
	return func(_ context.Context, ses *sojourn.Session) error {
		switch {
		case ses.IsNew():
			return sojourn.ErrEnded
		case t.kind == tabCount:
			siteCounter.Update(ses, func(n int) int { return n + 1 })
		case t.kind == tabSet:
			ses.Set(fmt.Sprint("tab-", i), t.value)
		}
		return nil
	}
}

// gather compares what the tabs saw with what may be true, and notes what they were told.
func (c *faultClient) gather(tabs []faultTab, l lead, ended bool) {
	s := c.session
	growing, trying := 0, make(map[int]int)
	for i, t := range tabs {
		switch t.kind {
		case tabCount:
			growing++
		case tabSet:
			trying[i] = t.value
		}
	}
	gone := false
	for _, t := range tabs {
		if !c.judge(t.v, s, l != leadNothing) {
			gone = gone || t.v.ran
			continue
		}
		if ended {
			c.violation("a session of %q that was ended opens", s.subject)
		}
		c.compare(t.v.begun, growing, trying)
		if t.kind != tabRead && t.v.ok() {
			c.add(&c.acknowledged, 1)
		}
	}
	for i, t := range tabs {
		c.renewed(t.v)
		if !t.v.begun.live || t.v.status == 409 {
			continue // nothing was stored
		}
		switch t.kind {
		case tabCount:
			s.high++
			if t.v.ok() {
				s.low++
			}
		case tabSet:
			s.names[i].wrote(t.value, t.v.ok())
		}
	}
	if gone && l == leadNothing {
		c.leave()
	}
}

// leader is the request of a burst that changes the token.
type leader struct {
	send func(token string)
	then func(ended bool) // once all have been answered
}

func (c *faultClient) leader(l lead) *leader {
	switch l {
	case leadRenew:
		return c.renew()
	case leadLogin:
		return c.login()
	case leadLogout:
		return c.logout()
	}
	return nil
}

func (c *faultClient) renew() *leader {
	m, s := c.node(), c.session
	var v *faultVisit
	var old string
	return &leader{
		send: func(token string) {
			old = token
			v = c.request(m, token, func(_ context.Context, ses *sojourn.Session) error {
				if ses.IsNew() {
					return sojourn.ErrEnded
				}
				ses.Renew()
				return nil
			})
		},
		then: func(ended bool) {
			if !c.led(v, ended) {
				return
			}
			c.receive(v, "set")
			c.replaced(v, old)
			if v.ok() && v.cookie != "set" {
				c.violation("a Renew of %q succeeded without a cookie", s.subject)
			}
		},
	}
}

// led judges the leading request, and reports whether its handler had the session.
func (c *faultClient) led(v *faultVisit, ended bool) bool {
	s := c.session
	if there := c.judge(v, s, false); !there {
		if v.ran {
			c.leave()
		}
		return false
	}
	if ended {
		c.violation("a session of %q that was ended opens", s.subject)
	}
	return true
}

// replaced notes what became of the client's token in a request that was to give it a new one.
func (c *faultClient) replaced(v *faultVisit, old string) {
	s := c.session
	switch {
	case v.cookie == "set":
		if v.ok() { // else it was renewed in time
			c.bury(faultGrave{old, c.realm})
		}
		s.jump, s.uncertain = c.seen.Load(), false
	case v.unsettled(), v.failures(OpTrim) > 0, v.failures(OpDelete) > 0:
		s.uncertain = true
	}
}

// login logs the client in: a visitor as some user, a user once more.
func (c *faultClient) login() *leader {
	m, s := c.node(), c.session
	user := s.user
	if user == nil {
		user = c.user()
	}
	var v *faultVisit
	var ends int
	var old string
	kept := false
	return &leader{
		send: func(token string) {
			old = token
			ends = user.finished()
			if c.realm.limit > 0 {
				user.begin()
				defer user.finish()
				ends++ // its own login spares it
			}
			v = c.request(m, token, func(ctx context.Context, ses *sojourn.Session) error {
				if ses.IsNew() {
					return sojourn.ErrEnded
				}
				ses.Login(user.name, faultNames[:]...)
				if err := ses.Commit(ctx); err != nil {
					return err
				}
				kept = ses.Has(string(faultCanary))
				return nil
			})
		},
		then: func(ended bool) {
			if !c.led(v, ended) {
				return
			}
			c.receive(v, "set")
			c.replaced(v, old)
			switch {
			case !v.ok():
			case !kept:
				// It was ended between the load and the commit, and a session without anything began.
				if !s.mayBeGone() {
					c.violation("a login of %q lost its values", user.name)
				}
				c.leave()
			default:
				s.user, s.subject, s.ends, s.moment = user, user.name, ends, c.tick()
			}
		},
	}
}

func (c *faultClient) logout() *leader {
	m := c.node()
	var v *faultVisit
	var old string
	return &leader{
		send: func(token string) {
			old = token
			v = c.request(m, token, func(_ context.Context, ses *sojourn.Session) error {
				if ses.IsNew() {
					return sojourn.ErrEnded
				}
				ses.Logout()
				return nil
			})
		},
		then: func(ended bool) {
			if !c.led(v, ended) {
				return
			}
			if v.cookie != "removed" {
				c.violation("a logout with status %d leaves the client its cookie", v.status)
			}
			c.receive(v, "removed")
			if v.ok() {
				c.bury(faultGrave{old, c.realm})
			}
			c.leave()
		},
	}
}
