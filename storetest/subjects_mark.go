package storetest

import (
	"math"
	"time"

	"github.com/sojourn-go/sojourn"
)

// clockSkew is how far the engine's clock may be from what the cases take it for.
const clockSkew = 2 * time.Minute

func subjectsMarkCases() []Case {
	cases := []Case{
		{
			Name: "mark_refuses_an_earlier_login",
			Rule: "A Save with the subject whose Authenticated is not later than the mark of DeleteSubject is ErrEnded.",
			Why:  "A login whose password was checked before the change of it survives the change.",
			run: func(e *env) {
				e.revoke(e.subject, sojourn.ID{}, 0)
				for _, ago := range []time.Duration{clockSkew, time.Hour, 100 * 24 * time.Hour, math.MaxInt64} {
					state := e.login(e.subject, -ago)
					if ago == math.MaxInt64 {
						state.Facts.Authenticated = time.Time{}
					}
					key, err := e.st.Save(e.ctx, state, long)
					e.is("Save of a login at "+moment(state.Facts.Authenticated)+", before the mark", err, sojourn.ErrEnded)
					if err != nil && !key.IsZero() {
						e.gone(key)
					}
				}
				e.lists(e.subject)
				if !e.has(needLister) {
					return
				}
				for id, entry := range e.all(1000, nil) {
					if entry.Facts.Realm == e.realm && entry.Facts.Subject == e.subject {
						e.Errorf("the session %v is there although its Save was refused", id)
					}
				}
			},
		}, {
			Name: "mark_refuses_an_earlier_login_by_update",
			Rule: "An Update that changes Subject or Authenticated to an earlier login is ErrEnded, and nothing changes.",
			Why:  "It is how a visitor's session becomes the user's.",
			run: func(e *env) {
				visitor := e.state("cart", `1`)
				key := e.save(visitor, long)
				mine := e.save(e.login(e.subject, -time.Hour), long)
				e.revoke(e.subject, mine.ID(), 0)

				next := renewed(e.load(key))
				next.Facts.Subject, next.Facts.Authenticated = e.subject, e.now().Add(-clockSkew)
				_, err := e.st.Update(e.ctx, key, next, long)
				e.is("Update to an earlier login", err, sojourn.ErrEnded)
				e.holds(key, visitor)

				again := renewed(e.load(mine))
				again.Facts.Authenticated = e.now().Add(-clockSkew)
				_, err = e.st.Update(e.ctx, mine, again, long)
				e.is("Update to an earlier login of the same subject", err, sojourn.ErrEnded)
				e.lists(e.subject, mine.ID())
			},
		}, {
			Name: "mark_is_exact",
			Rule: "The mark is the instant of DeleteSubject: a login at that millisecond is refused, one after the next passes.",
			Why:  "In seconds, rounded down, the thief's login of just before passes; rounded up, the user's own of just after does not.",
			run: func(e *env) {
				if e.opts.Clock == nil {
					e.Skip("it takes Options.Clock: by another one nobody knows the instant of DeleteSubject")
				}
				half := 1500*time.Millisecond - time.Duration(e.opts.Clock.Now().Nanosecond()) // a second that is rounded shows
				e.advance(half)
				visitor := e.save(e.state(), long)
				e.revoke(e.subject, sojourn.ID{}, 0)
				_, err := e.st.Save(e.ctx, e.login(e.subject, 0), long)
				e.is("Save of a login at the instant of the mark", err, sojourn.ErrEnded)
				next := renewed(e.load(visitor))
				next.Facts.Subject, next.Facts.Authenticated = e.subject, e.now()
				_, err = e.st.Update(e.ctx, visitor, next, long)
				e.is("Update to a login at the instant of the mark", err, sojourn.ErrEnded)
				next.Facts.Authenticated = e.now().Add(2 * time.Millisecond)
				visitor = e.update(visitor, next, long)
				later := e.save(e.login(e.subject, 3*time.Millisecond), long)
				e.lists(e.subject, later.ID(), visitor.ID())
			},
		}, {
			Name: "mark_lets_a_later_login_pass",
			Rule: "A login with an Authenticated later than the mark passes.",
			Why:  "Whoever ends all sessions could not log in any more.",
			run: func(e *env) {
				e.revoke(e.subject, sojourn.ID{}, 0)
				saved := e.login(e.subject, clockSkew)
				key := e.save(saved, long)
				e.holds(key, saved)
				visitor := e.save(e.state(), long)
				next := renewed(e.load(visitor))
				next.Facts.Subject, next.Facts.Authenticated = e.subject, e.now().Add(2*clockSkew)
				visitor = e.update(visitor, next, long)
				e.lists(e.subject, visitor.ID(), key.ID())
			},
		}, {
			Name: "mark_leaves_the_spared_session_alone",
			Rule: "An Update that changes neither Subject nor Authenticated is not compared with the mark.",
			Why:  "The session that was spared could never be renewed or changed again.",
			run: func(e *env) {
				key := e.save(e.login(e.subject, -time.Hour), long)
				e.revoke(e.subject, key.ID(), 0)
				next := renewed(e.load(key))
				next.Values, next.Facts.Label = values("a", `1`), "renewed"
				key = e.update(key, next, long)
				e.holds(key, next)
				key = e.touch(key, longer)
				if e.has(needPatcher) {
					e.patch(key, sojourn.Patch{Generation: next.Facts.Generation, Set: values("b", `2`)}, long)
				}
				e.lists(e.subject, key.ID())
			},
		}, {
			Name: "mark_is_of_one_subject_in_one_realm",
			Rule: "A mark refuses logins of its subject in its realm, and of nobody else.",
			Why:  "Whoever ends his sessions would lock out others.",
			run: func(e *env) {
				e.revoke("bob", sojourn.ID{}, 0)
				for _, subject := range []string{"BOB", "bob ", "bo", "bobb", e.subject} {
					e.save(e.login(subject, -clockSkew), long)
				}
				elsewhere := e.login("bob", -clockSkew)
				elsewhere.Facts.Realm += "2"
				e.save(elsewhere, long)
				e.save(e.state(), long)
			},
		}, {
			Name: "mark_outlives_the_sessions",
			Rule: "The mark stays when the last session of the subject is gone, and when others come.",
			Why:  "A login that was under way lands a moment later.",
			run: func(e *env) {
				key := e.save(e.login(e.subject, -time.Hour), long)
				e.revoke(e.subject, sojourn.ID{}, 1)
				e.gone(key)
				late := e.login(e.subject, -clockSkew)
				_, err := e.st.Save(e.ctx, late, long)
				e.is("Save of an earlier login", err, sojourn.ErrEnded)
				e.delete(e.save(e.login(e.subject, clockSkew), long))
				_, err = e.st.Save(e.ctx, late, long)
				e.is("Save of an earlier login after a later one", err, sojourn.ErrEnded)
			},
		}, {
			Name: "mark_moves_forward",
			Rule: "A later DeleteSubject moves the mark to its own instant.",
			Why:  "The second \"end all sessions\" would let pass what the first was too early for.",
			run: func(e *env) {
				if e.opts.Advance == nil {
					e.Skip("it takes hours without Options.Advance")
				}
				e.revoke(e.subject, sojourn.ID{}, 0)
				e.advance(2 * time.Hour)
				between := e.login(e.subject, -time.Hour)
				key := e.save(between, long)
				e.revoke(e.subject, sojourn.ID{}, 1)
				e.gone(key)
				_, err := e.st.Save(e.ctx, between, long)
				e.is("Save of a login before the second mark", err, sojourn.ErrEnded)
			},
		}, {
			Name: "mark_stays_for_a_day",
			Rule: "The mark stays for a day.",
			Why:  "A login that hangs for long is as dangerous as one that does not.",
			run: func(e *env) {
				if e.opts.Advance == nil {
					e.Skip("it takes a day without Options.Advance")
				}
				e.revoke(e.subject, sojourn.ID{}, 0)
				late := e.login(e.subject, -clockSkew)
				day := 23 * time.Hour
				if e.opts.Clock != nil {
					day = 24*time.Hour - time.Second
				}
				e.advance(day)
				if e.has(needSweeper) {
					e.sweeper().Sweep(e.ctx, 1000)
				}
				_, err := e.st.Save(e.ctx, late, long)
				e.is("Save of an earlier login, "+day.String()+" later", err, sojourn.ErrEnded)
			},
		}, {
			Name: "mark_is_seen_by_every_node",
			Rule: "A mark holds on every node.",
			Why:  "The load balancer decides whether a stolen login survives.",
			run: func(e *env) {
				other := e.node(1)
				if !e.apart {
					e.Skip("newStore gives each call an engine of its own")
				}
				e.revoke(e.subject, sojourn.ID{}, 0)
				_, err := other.Save(e.ctx, e.login(e.subject, -clockSkew), long)
				e.is("Save of an earlier login on another node", err, sojourn.ErrEnded)
			},
		}, {
			Name: "trim_leaves_no_mark",
			Rule: "TrimSubject leaves no mark.",
			Why:  "A limit of sessions would refuse the logins it was to make room for.",
			run: func(e *env) {
				e.save(e.login(e.subject, -3*clockSkew), long)
				if _, err := e.subjects().TrimSubject(e.ctx, e.realm, e.subject, 0, sojourn.ID{}); err != nil {
					e.Errorf("TrimSubject: %v", err)
				}
				key := e.save(e.login(e.subject, -2*clockSkew), long)
				e.delete(key)
				e.save(e.login(e.subject, -2*clockSkew), long)
			},
		},
	}
	return needing(needSubjectIndex, cases)
}
