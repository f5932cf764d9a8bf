package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/sojourn-go/sojourn"
)

func subjectsCases() []Case {
	cases := []Case{
		{
			Name: "nobody_has_no_sessions",
			Rule: "ListSubject of a subject without sessions is empty and no error.",
			Why:  "The page of devices would fail for whoever has none.",
			run: func(e *env) {
				if got := e.list(e.subject); len(got) != 0 {
					e.Errorf("got %d sessions, want none", len(got))
				}
			},
		}, {
			Name: "newest_first",
			Rule: "ListSubject returns the subject's sessions, newest first by Authenticated.",
			Why:  "A limit of sessions ends the wrong ones.",
			run: func(e *env) {
				var want []sojourn.ID
				for _, minutes := range []time.Duration{3, 1, 4, 2, 5} {
					want = append(want, e.save(e.login(e.subject, -minutes*time.Minute), long).ID())
				}
				e.lists(e.subject, want[1], want[3], want[0], want[2], want[4])
			},
		}, {
			Name: "newest_first_to_the_millisecond",
			Rule: "The order is that of Authenticated in milliseconds, before 1970 and after 2038 too.",
			Why:  "A score kept as a float, or in seconds, trims the login that was just made.",
			run: func(e *env) {
				var want []sojourn.ID
				for _, at := range []time.Time{
					time.Date(2255, 1, 1, 0, 0, 0, 2e6, time.UTC), time.Date(2255, 1, 1, 0, 0, 0, 1e6, time.UTC),
					time.Date(2026, 1, 1, 0, 0, 0, 2e6, time.UTC), time.Date(2026, 1, 1, 0, 0, 0, 1e6, time.UTC),
					time.Date(1960, 1, 1, 0, 0, 0, 2e6, time.UTC), time.Date(1960, 1, 1, 0, 0, 0, 1e6, time.UTC),
				} {
					state := e.login(e.subject, 0)
					state.Facts.Authenticated = at
					want = append(want, e.save(state, long).ID())
				}
				e.lists(e.subject, want...)
			},
		}, {
			Name: "entries_tell_the_facts",
			Rule: "An Entry has the session's ID, its facts and the TTL that remains.",
			Why:  "A user cannot tell the thief's device from his own.",
			run: func(e *env) {
				state := renewed(e.login(e.subject, 0, "private", `1`))
				began := time.Now()
				key := e.save(state, long)
				entries := e.list(e.subject)
				if len(entries) != 1 || entries[0].ID != key.ID() {
					e.Fatalf("got %d entries, want the one of %v", len(entries), key.ID())
				}
				if d := differences(sojourn.State{Facts: entries[0].Facts}, sojourn.State{Facts: state.Facts}); d != "" {
					e.Errorf("the entry has other facts: %s", d)
				}
				if ttl := entries[0].TTL; ttl != 0 { // known
					e.remains(" in the entry", ttl, long, began, e.advanced)
				}
			},
		}, {
			Name: "entries_follow_the_session",
			Rule: "An Entry has the facts as they are now, and the TTL that remains, or 0 for unknown.",
			Why:  "A user ends the wrong device, or believes the right one to be logged out.",
			run: func(e *env) {
				checkEntries(e, func(key sojourn.Key) sojourn.Entry {
					if entries := e.list(e.subject); len(entries) == 1 {
						return entries[0]
					}
					return sojourn.Entry{}
				})
			},
		}, {
			Name: "entries_belong_to_the_caller",
			Rule: "Whoever changes what ListSubject returned changes nothing in the store.",
			Why:  "A page that sorts its list would sort the index.",
			run: func(e *env) {
				older, newer := e.save(e.login(e.subject, -time.Minute), long), e.save(e.login(e.subject, 0), long)
				entries := e.list(e.subject)
				for i := range entries {
					entries[i] = sojourn.Entry{}
				}
				_ = append(entries[:0], sojourn.Entry{ID: sojourn.NewID()})
				e.lists(e.subject, newer.ID(), older.ID())
			},
		}, {
			Name: "subjects_compare_byte_for_byte",
			Rule: "Realm and subject compare byte for byte, in lists, deletes and trims.",
			Why:  "A collation takes Bob for bob: the one ends the other's sessions.",
			run:  checkOddSubjects,
		}, {
			Name: "realms_are_apart",
			Rule: "A subject of one realm is another one than that of the same name in the next.",
			Why:  "\"End all sessions\" of a customer would end those of the employee with the same number.",
			run: func(e *env) {
				here, there := e.login(e.subject, 0), e.login(e.subject, 0)
				there.Facts.Realm = e.realm + "2"
				mixed := e.login("2"+e.subject, 0)
				k1, k2, k3 := e.save(here, long), e.save(there, long), e.save(mixed, long)
				e.lists(e.subject, k1.ID())
				e.lists("2"+e.subject, k3.ID())
				e.revoke(e.subject, sojourn.ID{}, 1)
				e.gone(k1)
				e.holds(k2, there)
				e.holds(k3, mixed)
			},
		}, {
			Name: "visitors_are_in_no_index",
			Rule: "Sessions without a subject are in no index: neither listed nor ended under the empty name.",
			Why:  "An empty name from a failed look-up would end every visitor's session.",
			run: func(e *env) {
				state := e.state("a", `1`)
				key := e.save(state, long)
				if entries, err := e.subjects().ListSubject(e.ctx, e.realm, ""); err == nil && len(entries) != 0 {
					e.Errorf("got %d sessions of nobody", len(entries))
				}
				e.subjects().DeleteSubject(e.ctx, e.realm, "", sojourn.ID{})
				e.subjects().TrimSubject(e.ctx, e.realm, "", 0, sojourn.ID{})
				e.holds(key, state)
				e.save(e.state(), long)
			},
		}, {
			Name: "login_by_update_is_listed",
			Rule: "Update keeps the index: a visitor's session that gets a subject is listed.",
			Why:  "\"End all sessions\" would miss the one that matters.",
			run: func(e *env) {
				key := e.save(e.state("cart", `1`), long)
				key = e.logIn(key, e.subject)
				e.lists(e.subject, key.ID())
				e.revoke(e.subject, sojourn.ID{}, 1)
				e.gone(key)
			},
		}, {
			Name: "order_follows_the_login",
			Rule: "Update keeps the order: a session that logs in again is the newest.",
			Why:  "A limit of sessions would end the one that is in use.",
			run: func(e *env) {
				first, second := e.save(e.login(e.subject, -3*time.Minute), long), e.save(e.login(e.subject, -2*time.Minute), long)
				e.lists(e.subject, second.ID(), first.ID())
				state := e.load(first)
				state.Facts.Authenticated = e.now().Add(-time.Minute)
				e.update(first, state, long)
				e.lists(e.subject, first.ID(), second.ID())
			},
		}, {
			Name: "gone_is_not_listed", waits: true,
			Rule: "The index never answers a session that is gone, by Delete or by its TTL.",
			Why:  "A list of devices with dead ones in it, and a limit that counts them.",
			run: func(e *env) {
				deleted, left := e.save(e.login(e.subject, -1*time.Minute), long), e.save(e.login(e.subject, -3*time.Minute), long)
				shortened := e.save(e.login(e.subject, -4*time.Minute), long)
				brief := e.saveShort(e.login(e.subject, -2*time.Minute))
				shortened = e.update(shortened, e.load(shortened), e.short())
				if got := len(e.list(e.subject)); got != 4 {
					e.Errorf("got %d sessions, want 4", got)
				}
				e.delete(deleted)
				e.expire(e.short())
				e.gone(brief)
				e.gone(shortened)
				e.lists(e.subject, left.ID())
				e.trims(e.subject, 1, sojourn.ID{})
				e.revoke(e.subject, sojourn.ID{}, 1)
			},
		}, {
			Name: "index_lives_as_long_as_its_sessions", waits: true,
			Rule: "A session that was extended stays in the index, and one that ends early takes nothing with it.",
			Why:  "An index that expires on its own leaves sessions that \"end all\" does not find.",
			run: func(e *env) {
				touched := e.saveShort(e.login(e.subject, -1*time.Minute))
				updated := e.saveShort(e.login(e.subject, -2*time.Minute))
				touched = e.touch(touched, longer)
				updated = e.update(updated, e.load(updated), longer)
				visitor := e.saveShort(e.state())
				visitor = e.logIn(visitor, e.subject)
				want := []sojourn.ID{visitor.ID(), touched.ID(), updated.ID()}
				if e.has(needPatcher) {
					patched := e.saveShort(e.login(e.subject, -3*time.Minute))
					e.patch(patched, sojourn.Patch{Generation: 1, Set: values("a", `1`)}, longer)
					want = append(want, patched.ID())
				}
				e.save(e.login(e.subject, 0), e.short())
				e.expire(e.short())
				e.lists(e.subject, want...)
				e.revoke(e.subject, sojourn.ID{}, len(want))
				e.gone(touched)
				e.gone(updated)
			},
		}, {
			Name: "refused_login_is_not_listed",
			Rule: "An Update that is refused changes nothing, also not the index.",
			Why:  "\"End all sessions\" would end a visitor's whose login did not happen.",
			run: func(e *env) {
				visitor := e.save(e.state(), long)
				stale := e.load(visitor)
				visitor = e.update(visitor, stale, long)
				stale = renewed(stale)
				stale.Facts.Subject, stale.Facts.Authenticated = e.subject, e.now()
				_, err := e.st.Update(e.ctx, visitor, stale, long)
				e.is("Update of a stale state", err, sojourn.ErrConflict)
				e.lists(e.subject)
				e.trims(e.subject, 0, sojourn.ID{})
				e.revoke(e.subject, sojourn.ID{}, 0)
				e.load(visitor)
			},
		}, {
			Name: "another_subject_is_refused_or_moved",
			Rule: "A subject that is set never changes; an Update that changes it all the same must not leave a wrong index.",
			Why:  "A session listed under the one and used by the other.",
			run: func(e *env) {
				state := e.login(e.subject, 0)
				key := e.save(state, long)
				next := renewed(e.load(key))
				next.Facts.Subject = e.subject + "-other"
				if _, err := e.st.Update(e.ctx, key, next, long); err != nil {
					e.holds(key, state)
					e.lists(e.subject, key.ID())
					e.lists(next.Facts.Subject)
					return
				}
				e.holds(key, next)
				e.lists(e.subject)
				e.lists(next.Facts.Subject, key.ID())
			},
		}, {
			Name: "lists_hundreds",
			Rule: "All sessions of a subject are listed and ended, however many.",
			Why:  "A page of the engine's is not the whole list.",
			run: func(e *env) {
				var want []sojourn.ID
				state := e.login(e.subject, 0)
				for range 300 {
					want = append(want, e.save(state, long).ID())
					state.Facts.Authenticated = state.Facts.Authenticated.Add(-time.Millisecond)
				}
				e.lists(e.subject, want...)
				e.revoke(e.subject, want[7], 299)
				e.lists(e.subject, want[7])
			},
		}, {
			Name: "delete_spares_one",
			Rule: "DeleteSubject deletes all of the subject's sessions but keep, and says how many.",
			Why:  "After a new password the thief's session lives, or the user's own is gone.",
			run: func(e *env) {
				state := e.login(e.subject, -time.Minute, "a", `1`)
				k1, k2, k3 := e.save(state, long), e.save(state, long), e.save(state, long)
				e.revoke(e.subject, k2.ID(), 2)
				e.gone(k1)
				e.gone(k3)
				e.holds(k2, state)
				e.lists(e.subject, k2.ID())
				e.revoke(e.subject, sojourn.ID{}, 1)
				e.revoke(e.subject, sojourn.ID{}, 0)
				e.lists(e.subject)
			},
		}, {
			Name: "delete_keeps_only_the_subjects_own",
			Rule: "A keep that is not one of the subject's sessions keeps none, and is left alone.",
			Why:  "Whoever names a foreign ID would spare, or end, what is not his.",
			run: func(e *env) {
				other := e.login(e.subject+"-other", 0)
				mine, foreign := e.save(e.login(e.subject, 0), long), e.save(other, long)
				e.revoke(e.subject, foreign.ID(), 1)
				e.gone(mine)
				e.holds(foreign, other)
			},
		}, {
			Name: "trim_ends_the_oldest",
			Rule: "TrimSubject deletes the oldest by Authenticated until n are left, and returns them.",
			Why:  "A limit that ends the newest locks the user out and leaves the thief in.",
			run: func(e *env) {
				var ids []sojourn.ID
				for _, minutes := range []time.Duration{4, 1, 5, 2, 3} {
					ids = append(ids, e.save(e.login(e.subject, -minutes*time.Minute), long).ID())
				}
				e.trims(e.subject, 3, sojourn.ID{}, ids[0], ids[2])
				e.gone(ids[0].Key())
				e.gone(ids[2].Key())
				e.lists(e.subject, ids[1], ids[3], ids[4])
				e.trims(e.subject, 3, sojourn.ID{})
				e.trims(e.subject, 10, sojourn.ID{})
				e.trims(e.subject, 0, sojourn.ID{}, ids[1], ids[3], ids[4])
				e.lists(e.subject)
			},
		}, {
			Name: "trim_counts_equals",
			Rule: "TrimSubject leaves n also where sessions have the same Authenticated: any of them go, spare does not.",
			Why:  "A condition such as \"older than the third\" ends all of a crowd's logins, or none.",
			run: func(e *env) {
				state := e.login(e.subject, 0)
				var keys []sojourn.Key
				for range 6 {
					keys = append(keys, e.save(state, long))
				}
				for _, n := range []int{4, 4, 2, 1} {
					before := len(e.list(e.subject))
					gone, err := e.subjects().TrimSubject(e.ctx, e.realm, e.subject, n, keys[2].ID())
					if left := len(e.list(e.subject)); err != nil || left != n || len(gone) != before-n {
						e.Fatalf("TrimSubject to %d of %d equals: got %d left, %d returned, error %v", n, before, left, len(gone), err)
					}
					for _, id := range gone {
						e.gone(id.Key())
					}
					e.holds(keys[2], state)
				}
			},
		}, {
			Name: "trim_spares_one",
			Rule: "TrimSubject never deletes spare, and counts it.",
			Why:  "A login that ends itself.",
			run: func(e *env) {
				oldest := e.save(e.login(e.subject, -3*time.Minute), long).ID()
				middle := e.save(e.login(e.subject, -2*time.Minute), long).ID()
				newest := e.save(e.login(e.subject, -1*time.Minute), long).ID()
				e.trims(e.subject, 2, oldest, middle)
				e.lists(e.subject, newest, oldest)
				e.trims(e.subject, 1, sojourn.NewID(), oldest)
				e.lists(e.subject, newest)
			},
		},
	}
	return needing(needSubjectIndex, cases)
}

// needing adds a need to each case.
func needing(need string, cases []Case) []Case {
	for i := range cases {
		cases[i].Needs = append(cases[i].Needs, need)
	}
	return cases
}

// lists checks the IDs of ListSubject, in order.
func (e *env) lists(subject string, want ...sojourn.ID) {
	e.Helper()
	got := ids(e.list(subject))
	if len(got) > 10 || len(want) > 10 {
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				e.Errorf("ListSubject: got ID %v in place %d, want %v", got[i], i, want[i])
				return
			}
		}
		if len(got) != len(want) {
			e.Errorf("ListSubject: got %d IDs, want %d", len(got), len(want))
		}
		return
	}
	if !slices.Equal(got, want) {
		e.Errorf("ListSubject: got %v, want %v", got, want)
	}
}

// revoke calls DeleteSubject and checks its count.
func (e *env) revoke(subject string, keep sojourn.ID, want int) {
	e.Helper()
	got, err := e.subjects().DeleteSubject(e.ctx, e.realm, subject, keep)
	if err != nil || got != want {
		e.Errorf("DeleteSubject: got %d, error %v, want %d", got, err, want)
	}
}

// trims calls TrimSubject and checks what it returns, in any order.
func (e *env) trims(subject string, n int, spare sojourn.ID, want ...sojourn.ID) {
	e.Helper()
	got, err := e.subjects().TrimSubject(e.ctx, e.realm, subject, n, spare)
	order := func(a, b sojourn.ID) int { return slices.Compare(a[:], b[:]) }
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	if err != nil || !slices.Equal(got, want) {
		e.Errorf("TrimSubject to %d: got %v, error %v, want %v", n, got, err, want)
	}
}

// logIn does what a login does to a visitor's session.
func (e *env) logIn(key sojourn.Key, subject string) sojourn.Key {
	e.Helper()
	state := renewed(e.load(key))
	state.Facts.Subject, state.Facts.Authenticated = subject, e.now()
	return e.update(key, state, long)
}

func checkOddSubjects(e *env) {
	all := oddSubjects()
	keys := make([]sojourn.Key, len(all))
	for i, subject := range all {
		keys[i] = e.save(e.login(subject, -time.Minute, "n", fmt.Sprint(i)), long)
	}
	for i, subject := range all {
		e.lists(subject, keys[i].ID())
		e.trims(subject, 1, sojourn.ID{})
	}
	for i, subject := range all {
		e.revoke(subject, sojourn.ID{}, 1)
		e.gone(keys[i])
		if i+1 < len(all) {
			e.load(keys[i+1])
		}
		if e.Failed() {
			return
		}
	}
}
