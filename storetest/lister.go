package storetest

import (
	"fmt"
	"time"

	"github.com/sojourn-go/sojourn"
)

// A Lister that does not come to an end is stopped after maxPages, or after barrenPages in a row without a session that was
// not listed before: there may be many sessions of others, and an engine may have much else to go through.
const (
	maxPages    = 100_000
	barrenPages = 5_000
)

// busyPages is for how many pages others go on writing. A listing that follows what they write would have no end.
const busyPages = 100

func listerCases() []Case {
	cases := []Case{
		{
			Name: "comes_to_an_end",
			Rule: "The cursor moves on from page to page, and is \"\" after the last.",
			Why:  "Whoever pages through all sessions would page for ever.",
			run: func(e *env) {
				for range 20 {
					e.save(e.state(), long)
				}
				e.all(e.somePages(), nil)
			},
		}, {
			Name: "pages_through_all",
			Rule: "List pages through all sessions; a page has at most limit entries, the cursor is \"\" at the end.",
			Why:  "A console that does not show a session cannot end it.",
			run: func(e *env) {
				want, began := make(map[sojourn.ID]sojourn.State), time.Now()
				for i := range 23 {
					state := e.login(fmt.Sprint(e.subject, i%3), 0, "private", `1`)
					if i%4 == 0 {
						state = e.state()
					}
					want[e.save(state, long).ID()] = state
				}
				limits := []int{1000}
				if n := len(e.all(1000, nil)); n < 100 { // the engine may be full of others
					limits = []int{1, 7, 23, n, n + 1, 1000}
				}
				for _, limit := range limits {
					got := e.all(limit, nil)
					for id, state := range want {
						entry, ok := got[id]
						if !ok {
							e.Errorf("with pages of %d the session %v is missing", limit, id)
							continue
						}
						if d := differences(sojourn.State{Facts: entry.Facts}, sojourn.State{Facts: state.Facts}); d != "" {
							e.Errorf("the entry has other facts: %s", d)
						}
						if entry.TTL != 0 { // known
							e.remains(" in the entry", entry.TTL, long, began, e.advanced)
						}
					}
				}
			},
		}, {
			Name: "entries_follow_the_session",
			Rule: "An Entry has the facts as they are now, and the TTL that remains, or 0 for unknown.",
			Why:  "An operator ends the wrong session, or believes the right one to be over.",
			run: func(e *env) {
				checkEntries(e, func(key sojourn.Key) sojourn.Entry { return e.all(1000, nil)[key.ID()] })
			},
		}, {
			Name: "misses_nobody_while_others_come_and_go",
			Rule: "A session that lives from the first page to the last is listed at least once.",
			Why:  "Pages by offset skip a session for each that is deleted before it.",
			run: func(e *env) {
				var stay []sojourn.Key
				leave := make(map[sojourn.ID]sojourn.Key)
				for range 20 {
					stay = append(stay, e.save(e.state(), long))
					key := e.save(e.state(), long)
					leave[key.ID()] = key
				}
				got := e.all(e.somePages(), func(page []sojourn.Entry) {
					for _, entry := range page {
						if key, ok := leave[entry.ID]; ok {
							e.delete(key)
						}
					}
				})
				for _, key := range stay {
					if _, ok := got[key.ID()]; !ok {
						e.Errorf("the session %v lived all the time and was not listed", key.ID())
					}
				}
			},
		}, {
			Name: "misses_nobody_who_is_touched",
			Rule: "A session that is changed between two pages is listed all the same.",
			Why:  "An order by expiry or by change moves those who are active past the cursor.",
			run: func(e *env) {
				var keys []sojourn.Key
				for range 20 {
					keys = append(keys, e.save(e.state(), long))
				}
				i, pages := 0, 0
				got := e.all(e.somePages(), func([]sojourn.Entry) {
					if pages++; pages > busyPages {
						return
					}
					e.save(e.state(), long)
					for range 4 {
						state := e.load(keys[i%len(keys)])
						e.touch(e.update(keys[i%len(keys)], state, long+time.Duration(i)*time.Minute), 2*long)
						i++
					}
				})
				for _, key := range keys {
					if _, ok := got[key.ID()]; !ok {
						e.Errorf("the session %v lived all the time and was not listed", key.ID())
					}
				}
			},
		}, {
			Name: "lists_what_was_extended", waits: true,
			Rule: "A session that was extended, by whichever method, is listed as long as it lives.",
			Why:  "A list that expires by itself hides the sessions that are in use.",
			run: func(e *env) {
				var keys []sojourn.Key
				for _, x := range e.extensions() {
					keys = append(keys, e.extend(x, e.saveShort(e.state()), long))
				}
				e.expire(e.short())
				got := e.all(1000, nil)
				for _, key := range keys {
					if _, ok := got[key.ID()]; !ok {
						e.Errorf("the session %v was extended and is not listed", key.ID())
					}
				}
			},
		}, {
			Name: "gone_is_not_listed", waits: true,
			Rule: "A session that is gone, by Delete or by its TTL, is not listed.",
			Why:  "An operator ends what is dead and takes it for done.",
			run: func(e *env) {
				deleted, brief := e.save(e.state(), long), e.save(e.state(), e.short())
				left, shortened := e.save(e.state(), long), e.save(e.state(), long)
				shortened = e.update(shortened, e.load(shortened), e.short())
				e.delete(deleted)
				e.expire(e.short())
				got := e.all(10, nil)
				for _, key := range []sojourn.Key{deleted, brief, shortened} {
					if _, ok := got[key.ID()]; ok {
						e.Errorf("the session %v is gone and was listed", key.ID())
					}
				}
				if _, ok := got[left.ID()]; !ok {
					e.Errorf("the session %v lives and was not listed", left.ID())
				}
			},
		},
	}
	return needing(needLister, cases)
}

// checkEntries changes a session in each way there is, and looks at its entry.
func checkEntries(e *env, find func(key sojourn.Key) sojourn.Entry) {
	state := e.login(e.subject, 0, "a", `1`)
	began := time.Now()
	key := e.save(state, long/2)
	looks := func(after string, ttl time.Duration) {
		e.Helper()
		entry := find(key)
		if entry.ID != key.ID() {
			e.Fatalf("after %s: there is no entry of the session", after)
		}
		if d := differences(sojourn.State{Facts: entry.Facts}, sojourn.State{Facts: state.Facts}); d != "" {
			e.Errorf("after %s the entry has other facts: %s", after, d)
		}
		if entry.TTL != 0 { // known
			e.remains(" in the entry after "+after, entry.TTL, ttl, began, e.advanced)
		}
	}
	looks("Save", long/2)

	state = renewed(e.load(key))
	state.Facts.Label, state.Facts.Remembered = "another device", true
	state.Facts.Deadline = state.Facts.Deadline.Add(time.Hour)
	began = time.Now()
	key = e.update(key, state, long)
	looks("Update", long)

	began = time.Now()
	key = e.touch(key, 2*long)
	looks("UpdateTTL", 2*long)

	if e.has(needPatcher) {
		began = time.Now()
		e.patch(key, sojourn.Patch{Generation: state.Facts.Generation, Set: values("a", `2`)}, 3*long)
		looks("Patch", 3*long)
	}
	state = e.load(key)
	state.Facts.Label = "this device"
	began = time.Now()
	key = e.update(key, state, long/4)
	looks("Update to a shorter TTL", long/4)
}

// somePages is a limit that makes a dozen pages of all there is, or pages of 3 if there is little.
func (e *env) somePages() int {
	e.Helper()
	return max(3, len(e.all(1000, nil))/12)
}

// all pages through all sessions and calls between with each page but the last.
func (e *env) all(limit int, between func(page []sojourn.Entry)) map[sojourn.ID]sojourn.Entry {
	e.Helper()
	got := make(map[sojourn.ID]sojourn.Entry)
	cursor, barren := "", 0
	for range maxPages {
		entries, next, err := e.lister().List(e.ctx, cursor, limit)
		if err != nil {
			e.Fatalf("List: %v", err)
		}
		if len(entries) > limit {
			e.Errorf("got a page of %d entries, want at most %d", len(entries), limit)
		}
		barren++
		for _, entry := range entries {
			if _, again := got[entry.ID]; !again {
				barren = 0
			}
			got[entry.ID] = entry
		}
		switch {
		case next == "":
			return got
		case next == cursor:
			e.Fatalf("List returned the cursor that it was given, %q: whoever goes on from there gets this page for ever", next)
		case barren == barrenPages:
			e.Fatalf("List did not end: %d pages in a row had a cursor to go on from, and no session that was not listed before", barren)
		}
		if cursor = next; between != nil {
			between(entries)
		}
	}
	e.Fatalf("List did not end after %d pages", maxPages)
	return nil
}
