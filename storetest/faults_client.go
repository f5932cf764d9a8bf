package storetest

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/sojourn-go/sojourn"
)

const faultCanary = sojourn.Field[string]("canary")

// faultNames are what a visitor's login keeps: everything.
var faultNames = [...]string{"canary", "counter", "tab-0", "tab-1", "tab-2", "tab-3"}

// lead is the request of a burst that changes the token.
type lead int

const (
	leadNothing lead = iota
	leadRenew
	leadLogin
	leadLogout
)

// begin makes the model of a session that is about to begin.
func (c *faultClient) begin(user *faultUser) *faultSession {
	c.made++
	s := &faultSession{user: user, canary: fmt.Sprintf("client %d, session %d", c.n, c.made)}
	if user != nil {
		s.subject, s.ends = user.name, user.finished()
	}
	for i := range s.names {
		s.names[i].may = []int{0}
	}
	return s
}

// enter begins a session, a visitor's or a user's.
func (c *faultClient) enter(visitor bool) {
	var user *faultUser
	if !visitor {
		user = c.user()
	}
	c.signIn(user)
}

// signIn begins a session in a request that presents whatever the client has.
func (c *faultClient) signIn(user *faultUser) {
	next, token := c.begin(user), c.token
	if user != nil && c.realm.limit > 0 {
		user.begin()
		defer user.finish()
		next.ends++ // its own login spares it
	}
	v := c.request(c.node(), token, func(_ context.Context, ses *sojourn.Session) error {
		if user != nil {
			ses.Login(user.name)
		}
		faultCanary.Set(ses, next.canary)
		siteCounter.Set(ses, 0)
		return nil
	})
	if old := c.session; old != nil {
		c.judge(v, old, false)
	}
	c.receive(v, "set")
	if v.ok() {
		if v.cookie != "set" {
			c.violation("a session began without a cookie")
		}
		if c.session != nil {
			c.bury(faultGrave{token, c.realm})
		}
		next.moment, next.jump = c.tick(), c.seen.Load()
		c.session = next
		return
	}
	if c.session != nil && slices.Contains(v.ops(), OpDelete) {
		c.session.uncertain = true
	}
}

// switchUser logs in over the session of another.
func (c *faultClient) switchUser() {
	if c.session.subject == "" {
		c.read()
		return
	}
	user := c.user()
	if user == c.session.user {
		c.read()
		return
	}
	c.signIn(user)
}

// judge checks what a handler got, and that of a request with the client's token. replaced says that the token was being
// replaced meanwhile. It reports whether the session was there.
func (c *faultClient) judge(v *faultVisit, s *faultSession, replaced bool) bool {
	if !v.ran {
		return false
	}
	if !v.begun.live {
		if !replaced && !s.mayBeGone() {
			c.violation("a session of %q is gone, and nobody ended it", s.subject)
		}
		return false
	}
	canary := v.begun.values.Get(string(faultCanary))
	if v.begun.subject != s.subject || canary != strconv.Quote(s.canary) {
		c.violation("a client with %q of %q got %s of %q", s.canary, s.subject, canary, v.begun.subject)
	}
	return true
}

// revoke ends the user's sessions: all, or all but the client's.
func (c *faultClient) revoke(all bool) {
	s, m := c.session, c.node()
	var moment int64
	var revoked error
	v := c.request(m, c.token, func(ctx context.Context, ses *sojourn.Session) error {
		if ses.IsNew() {
			return sojourn.ErrEnded
		}
		keep := ses.ID()
		if all {
			keep = sojourn.ID{}
		}
		s.user.begin()
		defer s.user.finish()
		moment = c.tick()
		_, revoked = m.RevokeOthers(ctx, s.subject, keep)
		return revoked
	})
	ended := moment == 0 && s.user.ended(s)
	if there := c.judge(v, s, false); !there && v.ran {
		c.leave()
		return
	} else if there && ended {
		c.violation("a session that was ended opens")
	}
	c.renewed(v)
	if moment == 0 || revoked != nil {
		return
	}
	if all {
		c.bury(faultGrave{c.token, c.realm})
		s.user.end(moment, nil)
		c.leave()
		return
	}
	s.user.end(moment, s)
	s.ends++
}

// list reads the user's sessions.
func (c *faultClient) list() {
	s, m := c.session, c.node()
	v := c.request(m, c.token, func(ctx context.Context, ses *sojourn.Session) error {
		entries, err := m.Sessions(ctx, s.subject)
		for _, e := range entries {
			if e.Facts.Subject != s.subject {
				c.violation("a list of %q has a session of %q", s.subject, e.Facts.Subject)
			}
		}
		return err
	})
	if !c.judge(v, s, false) && v.ran {
		c.leave()
		return
	}
	c.renewed(v)
}

// leave forgets a session that is gone.
func (c *faultClient) leave() { c.session, c.token = nil, "" }

// renewed takes the cookie of a renewal in time, if one was due.
func (c *faultClient) renewed(v *faultVisit) {
	s := c.session
	if s.jump == c.seen.Load() {
		c.receive(v)
		return
	}
	c.receive(v, "set")
	if v.cookie == "set" {
		s.jump, s.uncertain = c.seen.Load(), false
	}
	if v.unsettled() {
		s.uncertain = true
	}
}

// read looks at the session with nothing else under way, and narrows down what may be true.
func (c *faultClient) read() {
	s := c.session
	ended := s.user != nil && s.user.ended(s)
	v := c.request(c.node(), c.token, faultNothing)
	if !c.judge(v, s, false) {
		if v.ran {
			c.leave()
		}
		return
	}
	if ended {
		c.violation("a session of %q that was ended opens", s.subject)
	}
	c.renewed(v)
	c.compare(v.begun, 0, nil)
	s.low = siteCounterOf(v.begun)
	s.high = s.low
	for i := range s.names {
		s.names[i].may = append(s.names[i].may[:0], faultTabOf(v.begun, i))
	}
}

// compare holds that what a handler saw may be true: growing counts increments, and trying has names, under way.
func (c *faultClient) compare(seen sight, growing int, trying map[int]int) {
	s := c.session
	if n := siteCounterOf(seen); n < s.low || n > s.high+growing {
		c.violation("the counter is %d, but from %d to %d increments were made", n, s.low, s.high+growing)
	}
	for i := range s.names {
		got := faultTabOf(seen, i)
		if try, ok := trying[i]; ok && got == try {
			continue
		}
		if !slices.Contains(s.names[i].may, got) {
			c.violation("tab %d's value is %d, want one of %v", i, got, s.names[i].may)
		}
	}
}

func faultTabOf(v sight, i int) int {
	n, _ := strconv.Atoi(v.values.Get(fmt.Sprint("tab-", i)))
	return n
}

// violation tells what the client did before.
func (c *faultClient) violation(format string, args ...any) {
	c.tb.Helper()
	c.faultTally.violation(format+"\nclient %d, lately:\n\t%v", append(args, c.n, &c.lately)...)
}

// settle reads until the truth is known, with a store that is well again.
func (c *faultClient) settle() {
	if c.session == nil {
		return
	}
	c.read()
}
