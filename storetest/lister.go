package storetest

import (
	"fmt"
	"time"

	"github.com/sojourn-go/sojourn"
)

// maxPages bounds a Lister whose cursor never ends.
const maxPages = 100_000

func listerCases() []Case {
	cases := []Case{
		{
			Name: "pages_through_all",
			Rule: "List pages through all sessions; a page has at most limit entries, the cursor is \"\" at the end.",
			Why:  "A console that does not show a session cannot end it.",
			run: func(e *env) {
				want := make(map[sojourn.ID]sojourn.State)
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
						if entry.TTL < 0 || entry.TTL > long+e.opts.Resolution {
							e.Errorf("got TTL %v, want at most %v, or 0 if unknown", entry.TTL, long)
						}
					}
				}
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
				i := 0
				got := e.all(e.somePages(), func([]sojourn.Entry) {
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
			Name: "gone_is_not_listed", waits: true,
			Rule: "A session that is gone, by Delete or by its TTL, is not listed.",
			Why:  "An operator ends what is dead and takes it for done.",
			run: func(e *env) {
				deleted, brief := e.save(e.state(), long), e.save(e.state(), e.short())
				left := e.save(e.state(), long)
				e.delete(deleted)
				e.expire(e.short())
				got := e.all(10, nil)
				for _, key := range []sojourn.Key{deleted, brief} {
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

// somePages is a limit that makes a dozen pages of all there is, or pages of 3 if there is little.
func (e *env) somePages() int {
	e.Helper()
	return max(3, len(e.all(1000, nil))/12)
}

// all pages through all sessions and calls between with each page but the last.
func (e *env) all(limit int, between func(page []sojourn.Entry)) map[sojourn.ID]sojourn.Entry {
	e.Helper()
	got := make(map[sojourn.ID]sojourn.Entry)
	cursor := ""
	for range maxPages {
		entries, next, err := e.lister().List(e.ctx, cursor, limit)
		if err != nil {
			e.Fatalf("List: %v", err)
		}
		if len(entries) > limit {
			e.Errorf("got a page of %d entries, want at most %d", len(entries), limit)
		}
		for _, entry := range entries {
			got[entry.ID] = entry
		}
		if next == "" {
			return got
		}
		if cursor = next; between != nil {
			between(entries)
		}
	}
	e.Fatalf("List did not end after %d pages", maxPages)
	return nil
}
