package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/sojourn-go/sojourn"
)

// faultWork is one kind of request, and what may be true after it.
type faultWork struct {
	name string
	// of is whose session the request presents: "" a visitor's, "own" the subject's, "other" somebody else's, "none" none.
	of    string
	due   bool // a periodic renewal is
	brief bool // a touch is due
	limit int  // of sessions per subject
	peers int  // further sessions that the subject has
	do    func(c *faultCase) func(ctx context.Context, ses *sojourn.Session) error
	// want is what the client's token opens after a success, and cookie what it was told: "" nothing, "set", "removed", or
	// "may" if a renewal in time may be left out.
	want, cookie string
	// orElse is what it may open besides, after an error: neither the state before nor the one wanted, but no mix either.
	orElse []string
	// lagging is what it may open instead if the request was shown older values: what Take leaves alone then.
	lagging string
	// partly: an error may come with the cookie of what was acknowledged before it.
	partly bool
	// late: the token that the client had before still opens the session.
	late bool
	// then checks more, after a success and after an error.
	then func(c *faultCase, ok bool)
}

const (
	faultNotice = sojourn.Field[string]("notice")
	faultAll    = ` cart=["tea"] counter=5 notice="hi"`
)

// byIndex reports whether the work needs a SubjectIndex.
func (w *faultWork) byIndex() bool { return w.limit > 0 || w.peers > 0 }

func faultWorks() []faultWork {
	type handle = func(ctx context.Context, ses *sojourn.Session) error
	does := func(f func(c *faultCase, ses *sojourn.Session)) func(*faultCase) handle {
		return func(c *faultCase) handle {
			return func(_ context.Context, ses *sojourn.Session) error {
				f(c, ses)
				return nil
			}
		}
	}
	calls := func(f func(c *faultCase, ctx context.Context, ses *sojourn.Session) error) func(*faultCase) handle {
		return func(c *faultCase) handle {
			return func(ctx context.Context, ses *sojourn.Session) error {
				ctx, cancel := c.within(ctx, c.kind.hasty)
				defer cancel()
				return f(c, ctx, ses)
			}
		}
	}
	nothing := does(func(*faultCase, *sojourn.Session) {})
	set := does(func(_ *faultCase, ses *sojourn.Session) { ses.Set("note", "x") })
	login := does(func(c *faultCase, ses *sojourn.Session) { ses.Login(c.subject, string(siteCart)) })
	renew := does(func(_ *faultCase, ses *sojourn.Session) { ses.Renew() })
	return []faultWork{
		{name: "create", of: "none", do: set, want: `visitor note="x"`, cookie: "set"},
		{name: "read", do: nothing, want: "visitor" + faultAll},
		{name: "set", do: set, want: `visitor cart=["tea"] counter=5 note="x" notice="hi"`},
		{name: "set of a subject's", of: "own", do: set, want: `own cart=["tea"] counter=5 note="x" notice="hi"`},
		{name: "Field.Update", do: does(func(_ *faultCase, ses *sojourn.Session) {
			siteCounter.Update(ses, func(n int) int { return n + 1 })
		}), want: `visitor cart=["tea"] counter=6 notice="hi"`},
		{name: "Take", do: does(func(_ *faultCase, ses *sojourn.Session) { faultNotice.Take(ses) }), want: `visitor cart=["tea"] counter=5`,
			lagging: "visitor" + faultAll},
		{name: "Clear", do: does(func(_ *faultCase, ses *sojourn.Session) { ses.Clear() }), want: "visitor"},
		{name: "several changes", do: does(func(_ *faultCase, ses *sojourn.Session) {
			siteCounter.Update(ses, func(n int) int { return n + 1 })
			faultNotice.Take(ses)
			ses.Set("note", "x")
		}), want: `visitor cart=["tea"] counter=6 note="x"`, lagging: `visitor cart=["tea"] counter=6 note="x" notice="hi"`},

		{name: "login of a visitor", do: login, want: `own cart=["tea"]`, cookie: "set"},
		{name: "login without a session", of: "none", do: login, want: "own", cookie: "set"},
		{name: "login over the own session", of: "own", do: login, want: "own" + faultAll, cookie: "set"},
		{name: "login over another subject's", of: "other", do: login, want: "own", cookie: "set", orElse: []string{"none"}},
		{name: "login over the limit", limit: 2, peers: 2, do: login, want: `own cart=["tea"]`, cookie: "set", orElse: []string{"none"},
			then: func(c *faultCase, _ bool) { c.atMost(2) }},
		{name: "login over another subject's and the limit", of: "other", limit: 2, peers: 2, do: login, want: "own", cookie: "set",
			orElse: []string{"none"}, then: func(c *faultCase, ok bool) {
				if ok {
					c.atMost(2)
				}
			}},

		{name: "logout", of: "own", do: does(func(_ *faultCase, ses *sojourn.Session) { ses.Logout() }), want: "none", cookie: "removed"},
		{name: "logout of a visitor", do: does(func(_ *faultCase, ses *sojourn.Session) { ses.Logout() }), want: "none", cookie: "removed"},
		{name: "logout and a notice", of: "own", do: does(func(_ *faultCase, ses *sojourn.Session) {
			ses.Logout()
			ses.Set("farewell", "bye")
		}), want: `visitor farewell="bye"`, cookie: "set", orElse: []string{"none"}},
		{name: "logout and a login", of: "own", do: does(func(c *faultCase, ses *sojourn.Session) {
			ses.Logout()
			ses.Login(c.subject)
		}), want: "own", cookie: "set", orElse: []string{"none"}},

		{name: "Renew", of: "own", do: renew, want: "own" + faultAll, cookie: "set"},
		{name: "Renew and a value", do: does(func(_ *faultCase, ses *sojourn.Session) {
			ses.Renew()
			siteCounter.Update(ses, func(n int) int { return n + 1 })
		}), want: `visitor cart=["tea"] counter=6 notice="hi"`, cookie: "set"},
		{name: "renewal due", of: "own", due: true, late: true, do: nothing, want: "own" + faultAll, cookie: "may"},
		{name: "renewal due and a value", due: true, late: true, do: set, want: `visitor cart=["tea"] counter=5 note="x" notice="hi"`, cookie: "may"},
		{name: "touch due", of: "own", brief: true, do: nothing, want: "own" + faultAll},
		{name: "touch due and a value", brief: true, do: set, want: `visitor cart=["tea"] counter=5 note="x" notice="hi"`},

		{name: "Revoke", of: "own", peers: 2, do: calls(func(c *faultCase, ctx context.Context, _ *sojourn.Session) error {
			return c.node.Revoke(ctx, c.subject, c.peers[0].id)
		}), want: "own" + faultAll, then: func(c *faultCase, ok bool) {
			c.peerLives(0, !ok, true)
			c.peerLives(1, true, false)
		}},
		{name: "RevokeOthers", of: "own", peers: 2, do: calls(func(c *faultCase, ctx context.Context, ses *sojourn.Session) error {
			_, err := c.node.RevokeOthers(ctx, c.subject, ses.ID())
			return err
		}), want: "own" + faultAll, then: func(c *faultCase, ok bool) {
			c.peerLives(0, !ok, true)
			c.peerLives(1, !ok, true)
		}},
		{name: "RevokeAll", of: "own", peers: 2, do: calls(func(c *faultCase, ctx context.Context, _ *sojourn.Session) error {
			_, err := c.node.RevokeAll(ctx, c.subject)
			return err
		}), want: "none", then: func(c *faultCase, ok bool) {
			c.peerLives(0, !ok, true)
			c.peerLives(1, !ok, true)
			if ok {
				c.atMost(0)
			}
		}},
		{name: "End", peers: 1, do: calls(func(c *faultCase, ctx context.Context, _ *sojourn.Session) error {
			return c.node.End(ctx, c.peers[0].id)
		}), want: "visitor" + faultAll, then: func(c *faultCase, ok bool) { c.peerLives(0, !ok, true) }},
		{name: "Sessions", of: "own", peers: 2, do: calls(func(c *faultCase, ctx context.Context, ses *sojourn.Session) error {
			return c.lists(ctx, ses)
		}), want: "own" + faultAll, then: func(c *faultCase, _ bool) { c.peerLives(0, true, false) }},

		{name: "Commit twice", do: calls(func(_ *faultCase, ctx context.Context, ses *sojourn.Session) error {
			ses.Set("a", 1)
			err := ses.Commit(ctx)
			ses.Set("b", 2)
			return errors.Join(err, ses.Commit(ctx))
		}), want: `visitor a=1 b=2 cart=["tea"] counter=5 notice="hi"`,
			orElse: []string{`visitor a=1 cart=["tea"] counter=5 notice="hi"`, `visitor b=2 cart=["tea"] counter=5 notice="hi"`}},
		{name: "create, Commit, and a value", of: "none", partly: true, do: calls(func(_ *faultCase, ctx context.Context, ses *sojourn.Session) error {
			ses.Set("a", 1)
			err := ses.Commit(ctx)
			if err == nil {
				ses.Set("b", 2)
			}
			return err
		}), want: `visitor a=1 b=2`, cookie: "set", orElse: []string{`visitor a=1`}},
		{name: "login, Commit, and a value", partly: true, do: calls(func(c *faultCase, ctx context.Context, ses *sojourn.Session) error {
			ses.Login(c.subject, string(siteCart))
			err := ses.Commit(ctx)
			if err == nil {
				ses.Set("b", 2)
			}
			return err
		}), want: `own b=2 cart=["tea"]`, cookie: "set", orElse: []string{`own cart=["tea"]`}},
	}
}

// atMost checks how many sessions the subject has.
func (c *faultCase) atMost(limit int) {
	entries, err := c.nodes[1].Sessions(context.Background(), c.subject)
	if err != nil || len(entries) > limit {
		c.errorf("the subject has %d sessions (%v), want %d at most", len(entries), err, limit)
	}
}

// peerLives checks a further session of the subject's, which may be readable, may be gone, or both.
func (c *faultCase) peerLives(i int, may, mayNot bool) {
	peer := c.peers[i]
	got := c.picture(c.look(peer.token))
	if got == "own"+faultAll && may || got == "none" && mayNot {
		return
	}
	c.errorf("the subject's further session %d is %q", i, got)
}

// lists checks a list: nobody else's session, and none missing.
func (c *faultCase) lists(ctx context.Context, ses *sojourn.Session) error {
	entries, err := c.node.Sessions(ctx, c.subject)
	if err != nil {
		return err
	}
	want := []sojourn.ID{ses.ID(), c.peers[0].id, c.peers[1].id}
	for _, e := range entries {
		if e.Facts.Subject != c.subject || e.Facts.Realm != "id" {
			c.errorf("the list has a session of %q in %q", e.Facts.Subject, e.Facts.Realm)
		}
		want = slices.DeleteFunc(want, func(id sojourn.ID) bool { return id == e.ID })
	}
	if len(want) > 0 && !c.kind.evict {
		c.errorf("%d sessions are missing in the list", len(want))
	}
	return nil
}
