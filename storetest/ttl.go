package storetest

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/sojourn-go/sojourn"
)

func ttlCases() []Case {
	return []Case{
		{
			Name: "zero_and_less_are_errors",
			Rule: "A ttl <= 0 is an error of every method, never \"for ever\", and nothing changes.",
			Why:  "Redis, memcached and many a map take 0 for no expiry: a stolen cookie would work for ever.",
			run:  checkBadTTL,
		}, {
			Name: "load_tells_what_remains",
			Rule: "Load returns the TTL that remains, by the engine's clock.",
			Why:  "The manager touches by it: a wrong one is a write at every request, or none and a logout.",
			run: func(e *env) {
				for _, ttl := range []time.Duration{long, longer, e.short() + e.opts.Resolution/2, 90 * time.Minute} {
					began := time.Now()
					key := e.save(e.state(), ttl)
					e.lives(key, ttl, began, e.advanced)
				}
			},
		}, {
			Name: "what_remains_goes_down", waits: true,
			Rule: "The TTL that Load returns goes down as the engine's clock goes on.",
			Why:  "A session that looks fresh for ever is never touched, and dies under its user.",
			run: func(e *env) {
				began, before := time.Now(), e.advanced
				key := e.save(e.state(), long)
				e.advance(e.short())
				e.lives(key, long, began, before)
			},
		}, {
			Name: "expired_is_not_found", waits: true,
			Rule: "A session is dead from the instant now >= expiry by the engine's clock, swept or not.",
			Why:  "An idle timeout that does not time out leaves the session to the next user of the machine.",
			run: func(e *env) {
				key := e.save(e.state(), e.short())
				e.expire(e.short())
				e.gone(key)
			},
		}, {
			Name: "unexpired_is_alive", waits: true,
			Rule: "A session lives until its TTL has run out.",
			Why:  "A TTL read in a smaller unit logs everybody out.",
			run: func(e *env) {
				key := e.saveShort(e.state("a", `1`))
				e.nearEnd()
				if _, err := e.st.Load(e.ctx, key); err != nil {
					e.Errorf("Load before a TTL of %v has run out: %v", e.short(), err)
				}
			},
		}, {
			Name: "expired_is_dead_for_writers", waits: true,
			Rule: "Update, UpdateTTL and Patch of an expired session are ErrNotFound and do not revive it.",
			Why:  "A request that comes too late would open a session whose time was over.",
			run: func(e *env) {
				key := e.saveShort(e.state())
				state := e.load(key)
				e.expire(e.short())
				for _, version := range []uint64{state.Version, 0, state.Version + 1} {
					state.Version = version
					_, err := e.st.Update(e.ctx, key, state, long)
					e.is(fmt.Sprintf("Update of an expired session at version %d", version), err, sojourn.ErrNotFound)
				}
				e.is("UpdateTTL of an expired session", e.st.UpdateTTL(e.ctx, key, long), sojourn.ErrNotFound)
				if e.has(needPatcher) {
					for _, generation := range []uint32{1, 2} {
						err := e.patcher().Patch(e.ctx, key, sojourn.Patch{Generation: generation, Set: values("a", `1`)}, long)
						e.is(fmt.Sprintf("Patch of an expired session of generation %d", generation), err, sojourn.ErrNotFound)
					}
				}
				e.gone(key)
				e.delete(key)
			},
		}, {
			Name: "each_session_has_its_own", waits: true,
			Rule: "Sessions expire one by one.",
			Why:  "A TTL kept for the table instead of the record ends the wrong sessions.",
			run: func(e *env) {
				state := e.state("a", `1`)
				brief, lasting := e.save(state, e.short()), e.save(state, long)
				e.expire(e.short())
				e.gone(brief)
				e.holds(lasting, state)
			},
		}, {
			Name: "touch_extends", waits: true,
			Rule: "UpdateTTL extends the TTL.",
			Why:  "A user who works all day would be logged out in the middle of it.",
			run: func(e *env) {
				state := e.state("a", `1`)
				key := e.saveShort(state)
				began := time.Now()
				key = e.touch(key, long)
				e.lives(key, long, began, e.advanced)
				e.expire(e.short())
				e.holds(key, state)
			},
		}, {
			Name: "touch_never_shortens",
			Rule: "UpdateTTL never shortens the TTL.",
			Why:  "A late request that began before \"remember me\" would take the 30 days back.",
			run: func(e *env) {
				began := time.Now()
				key := e.save(e.state(), longer)
				key = e.touch(key, long)
				e.lives(key, longer, began, e.advanced)
			},
		}, {
			Name: "touch_leaves_the_state",
			Rule: "UpdateTTL leaves facts and values alone.",
			Why:  "A touch that writes what it read takes back what another request has written.",
			run: func(e *env) {
				state := e.login(e.subject, 0, "a", `1`)
				e.holds(e.touch(e.save(state, long), longer), state)
			},
		}, {
			Name: "update_sets_a_longer_one",
			Rule: "Update replaces the TTL.",
			Why:  "A login with \"remember me\" would keep the visitor's hour.",
			run: func(e *env) {
				key := e.save(e.state(), long)
				began := time.Now()
				key = e.update(key, e.load(key), longer)
				e.lives(key, longer, began, e.advanced)
			},
		}, {
			Name: "update_sets_a_shorter_one",
			Rule: "Update replaces the TTL, also by a shorter one.",
			Why:  "A login without \"remember me\" would keep the 30 days of the session before.",
			run: func(e *env) {
				key := e.save(e.state(), longer)
				began := time.Now()
				key = e.update(key, e.load(key), long)
				e.lives(key, long, began, e.advanced)
			},
		}, {
			Name: "update_to_a_short_one_expires", waits: true,
			Rule: "After an Update the session expires by the new TTL.",
			Why:  "An end that only Load's answer shows is no end.",
			run: func(e *env) {
				key := e.save(e.state(), longer)
				key = e.update(key, e.load(key), e.short())
				e.expire(e.short())
				e.gone(key)
			},
		}, {
			Name: "refused_update_leaves_it",
			Rule: "An Update that is refused changes nothing, also not the TTL.",
			Why:  "A stale request would keep a session alive, or end it.",
			run: func(e *env) {
				began := time.Now()
				key := e.save(e.state(), long)
				stale := e.load(key)
				stale.Version += 7
				for _, ttl := range []time.Duration{longer, time.Minute} {
					_, err := e.st.Update(e.ctx, key, stale, ttl)
					e.is("Update at another version", err, sojourn.ErrConflict)
					e.lives(key, long, began, e.advanced)
				}
			},
		}, {
			Name: "patch_extends", Needs: []string{needPatcher},
			Rule: "Patch extends the TTL.",
			Why:  "A user who fills in a long form would be logged out in the middle of it.",
			run: func(e *env) {
				key := e.save(e.state(), long)
				began := time.Now()
				e.patch(key, sojourn.Patch{Generation: 1, Set: values("a", `1`)}, longer)
				e.lives(key, longer, began, e.advanced)
			},
		}, {
			Name: "patch_never_shortens", Needs: []string{needPatcher},
			Rule: "Patch never shortens the TTL.",
			Why:  "A late request that began before \"remember me\" would take the 30 days back.",
			run: func(e *env) {
				began := time.Now()
				key := e.save(e.state(), longer)
				e.patch(key, sojourn.Patch{Generation: 1, Set: values("a", `1`)}, long)
				e.lives(key, longer, began, e.advanced)
			},
		}, {
			Name: "refused_patch_leaves_it", Needs: []string{needPatcher},
			Rule: "A Patch that is refused changes nothing, also not the TTL.",
			Why:  "A request with a refused token could keep the session alive for ever.",
			run: func(e *env) {
				began := time.Now()
				key := e.save(e.state(), long)
				err := e.patcher().Patch(e.ctx, key, sojourn.Patch{Generation: 9}, longer)
				e.is("Patch of another generation", err, sojourn.ErrConflict)
				e.lives(key, long, began, e.advanced)
			},
		}, {
			Name: "less_than_the_resolution_is_rounded_up", waits: true,
			Rule: "A TTL finer than the engine's resolution is rounded up, not down to nothing and not to for ever.",
			Why:  "Down to 0 is an error or for ever, the one a logout, the other a session without an end.",
			run: func(e *env) {
				for _, ttl := range []time.Duration{1, e.opts.Resolution/2 + 1, e.opts.Resolution + 1} {
					key, err := e.st.Save(e.ctx, e.state(), ttl)
					if err != nil {
						e.Fatalf("Save with a TTL of %v: %v", ttl, err)
					}
					e.expire(ttl)
					e.gone(key)
				}
			},
		}, {
			Name: "more_than_a_month_is_a_duration",
			Rule: "A TTL is relative whatever its size.",
			Why:  "memcached reads more than 30 days as a date in 1970: \"remember me\" would forget at once.",
			run: func(e *env) {
				for _, days := range []time.Duration{30, 31, 400} {
					ttl, began := days*24*time.Hour, time.Now()
					key := e.save(e.state(), ttl)
					e.lives(key, ttl, began, e.advanced)
				}
			},
		},
	}
}

func checkBadTTL(e *env) {
	for _, ttl := range []time.Duration{0, -1, -long, math.MinInt64} {
		if key, err := e.st.Save(e.ctx, e.state(), ttl); err == nil {
			e.Errorf("Save with a TTL of %v: got key %v, want an error", ttl, key)
		}
		began, before := time.Now(), e.advanced
		state := e.state("a", `1`)
		key := e.save(state, long)
		loaded := e.load(key)
		next := loaded
		next.Values = values("a", `2`)
		calls := map[string]func() error{
			"Update":    func() error { _, err := e.st.Update(e.ctx, key, next, ttl); return err },
			"UpdateTTL": func() error { return e.st.UpdateTTL(e.ctx, key, ttl) },
		}
		if e.has(needPatcher) {
			calls["Patch"] = func() error {
				return e.patcher().Patch(e.ctx, key, sojourn.Patch{Generation: 1, Set: values("a", `3`)}, ttl)
			}
		}
		for name, call := range calls {
			err := call()
			if err == nil || errors.Is(err, sojourn.ErrNotFound) {
				e.Errorf("%s with a TTL of %v: got error %v, want one about the TTL", name, ttl, err)
			}
			e.holds(key, state)
			e.lives(key, long, began, before)
		}
	}
}
