package storetest

import (
	"sync/atomic"

	"github.com/sojourn-go/sojourn"
)

func sweeperCases() []Case {
	cases := []Case{
		{
			Name: "removes_what_has_expired",
			Rule: "Sweep deletes expired records, at most limit at a time, and says how many.",
			Why:  "A table that only grows; or a sweep that holds its locks for minutes.",
			run: func(e *env) {
				const n, limit = 10, 3
				e.sweepAll(1000) // what others have left
				live := e.save(e.state(), long)
				for range n {
					e.save(e.state(), e.short())
				}
				e.expire(e.short())
				if got := e.sweepAll(limit); got < n {
					e.Errorf("got %d records swept, want %d", got, n)
				}
				e.load(live)
			},
		}, {
			Name: "leaves_what_lives",
			Rule: "Sweep deletes no session that lives.",
			Why:  "Every sweep would log somebody out.",
			run: func(e *env) {
				state := e.login(e.subject, 0, "a", `1`)
				key, visitor := e.save(state, long), e.save(e.state(), long)
				e.sweepAll(100)
				e.holds(key, state)
				e.load(visitor)
				if e.has(needSubjectIndex) {
					e.lists(e.subject, key.ID())
				}
			},
		}, {
			Name: "leaves_the_last_moment",
			Rule: "Sweep deletes no session before its TTL has run out, however little is left.",
			Why:  "A sweep that is a minute early ends the sessions of those who are about to click.",
			run: func(e *env) {
				state := e.login(e.subject, 0, "a", `1`)
				key, visitor := e.saveShort(state), e.saveShort(e.state())
				e.nearEnd()
				e.sweepAll(100)
				e.holds(key, state)
				e.load(visitor)
				if e.has(needSubjectIndex) {
					e.lists(e.subject, key.ID())
				}
			},
		}, {
			Name: "leaves_what_was_extended",
			Rule: "Sweep never deletes a session that was extended, by whichever method.",
			Why:  "A queue of old expiries ends those who are active.",
			run: func(e *env) {
				state := e.state("a", `1`)
				touched, updated, patched := e.saveShort(state), e.saveShort(state), e.saveShort(state)
				touched = e.touch(touched, long)
				updated = e.update(updated, e.load(updated), long)
				if e.has(needPatcher) {
					e.patch(patched, sojourn.Patch{Generation: 1}, long)
				}
				e.expire(e.short())
				e.sweepAll(100)
				e.holds(touched, state)
				e.holds(updated, state)
				if e.has(needPatcher) {
					e.holds(patched, state)
				}
			},
		}, {
			Name: "many_nodes_at_once",
			Rule: "Many nodes may sweep at once: each record counts once, and nothing fails.",
			Why:  "Every node runs a sweeper of its own.",
			run: func(e *env) {
				const n = 40
				e.sweepAll(1000)
				for range n {
					e.save(e.state(), e.short())
				}
				live := e.save(e.state(), long)
				e.expire(e.short())
				var total atomic.Int64
				e.together(4, func(i int) error {
					for range 30 {
						got, err := capability[sojourn.Sweeper](e.node(i%2)).Sweep(e.ctx, 5)
						if err != nil || got > 5 {
							e.Errorf("Sweep: got %d, error %v, want at most 5", got, err)
							return nil
						}
						total.Add(int64(got))
					}
					return nil
				})
				if total.Load() < n || e.opts.Advance != nil && total.Load() > n+1 {
					e.Errorf("got %d records swept, want %d", total.Load(), n)
				}
				e.load(live)
			},
		}, {
			Name: "takes_the_index_along", Needs: []string{needSubjectIndex},
			Rule: "What is swept is in no index, and what is left still is.",
			Why:  "A list of devices that grows for ever.",
			run: func(e *env) {
				for range 3 {
					e.save(e.login(e.subject, 0), e.short())
				}
				left := e.save(e.login(e.subject, 0), long)
				e.expire(e.short())
				e.sweepAll(100)
				e.lists(e.subject, left.ID())
			},
		},
	}
	return needing(needSweeper, cases)
}

// sweepAll sweeps until nothing is left and returns how many there were.
func (e *env) sweepAll(limit int) int {
	e.Helper()
	total := 0
	for range maxPages {
		n, err := e.sweeper().Sweep(e.ctx, limit)
		if err != nil {
			e.Fatalf("Sweep: %v", err)
		}
		if n < 0 || n > limit {
			e.Fatalf("Sweep deleted %d records, want at most %d", n, limit)
		}
		if total += n; n == 0 {
			return total
		}
	}
	e.Fatalf("Sweep did not end after %d calls", maxPages)
	return total
}
