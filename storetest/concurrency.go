package storetest

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojourn-go/sojourn"
)

func concurrencyCases() []Case {
	return []Case{
		{
			Name: "one_of_many_updates_wins",
			Rule: "Of Updates at the same version exactly one passes; the others are ErrConflict.",
			Why:  "Two logins in one session, or a change that is lost although it was acknowledged.",
			run:  checkOneUpdateWins,
		}, {
			Name: "counter_by_update",
			Rule: "Load, Update and again after ErrConflict loses no increment.",
			Why:  "Failed attempts that are counted once although there were a hundred are no limit.",
			run:  checkCounterByUpdate,
		}, {
			Name: "delete_wins",
			Rule: "Once Delete returns, every call under way that has not been acknowledged is ErrNotFound, and none revives it.",
			Why:  "A logged-out session comes back with the slowest of its requests.",
			run:  checkDeleteWins,
		}, {
			Name: "touch_takes_nothing_back",
			Rule: "UpdateTTL and a change at the same time both count.",
			Why:  "A touch that reads and writes the record undoes the change in between.",
			run:  checkTouchTakesNothingBack,
		}, {
			Name: "loads_are_whole",
			Rule: "Load returns facts, values and version of one moment.",
			Why:  "New values under an old generation let a visitor's request act for the user.",
			run:  checkWholeLoads,
		}, {
			Name: "acknowledged_is_visible",
			Rule: "Load sees every change acknowledged before it began, from every node.",
			Why:  "The page after the redirect shows the cart without what was just put in.",
			run: func(e *env) {
				key := e.save(e.state("n", `0`), long)
				for i := range 50 {
					state, err := e.node(i%2).Load(e.ctx, key)
					if err != nil {
						e.Fatalf("Load: %v", err)
					}
					if got := state.Values.Get("n"); got != strconv.Itoa(i) {
						e.Fatalf("got n = %s after it was set to %d", got, i)
					}
					state.Values = values("n", strconv.Itoa(i+1))
					if key, err = e.node(i/2%2).Update(e.ctx, key, state, long); err != nil {
						e.Fatalf("Update: %v", err)
					}
				}
			},
		}, {
			Name: "saves_are_separate",
			Rule: "Save at the same time makes as many sessions as there were calls.",
			Why:  "Two visitors in one session.",
			run: func(e *env) {
				states, keys := make([]sojourn.State, 32), make([]sojourn.Key, 32)
				for i := range states {
					states[i] = e.state("visitor", strconv.Itoa(i))
				}
				errs := e.together(len(states), func(i int) (err error) {
					keys[i], err = e.node(i%2).Save(e.ctx, states[i], long)
					return err
				})
				for i, err := range errs {
					if err != nil {
						e.Fatalf("Save: %v", err)
					}
					e.holds(keys[i], states[i])
				}
			},
		}, {
			Name: "sessions_do_not_mix",
			Rule: "Calls for different sessions at the same time do not touch each other.",
			Why:  "A connection or a buffer that two requests share shows one user the other's data.",
			run:  checkSessionsDoNotMix,
		}, {
			Name: "versions_of_racing_writers_differ",
			Rule: "No two changes of one session have the same version, whoever makes them.",
			Why:  "A writer that loaded one of the two overwrites the other.",
			run: func(e *env) {
				key := e.save(e.state("n", `0`), long)
				var seen sync.Map
				e.together(8, func(i int) error {
					for range 10 {
						state, err := e.node(i%2).Load(e.ctx, key)
						if err != nil {
							return err
						}
						state.Values = values("n", quoted(40+i))
						if _, err = e.node(i%2).Update(e.ctx, key, state, long); err != nil {
							continue
						}
						if other, taken := seen.LoadOrStore(state.Version, i); taken {
							e.Errorf("writers %v and %d both replaced version %d", other, i, state.Version)
						}
					}
					return nil
				})
			},
		},
	}
}

// together runs f(0) to f(n-1), each in its own goroutine, released at once, and returns their errors. f must not end the
// test.
func (e *env) together(n int, f func(i int) error) []error {
	e.node(1) // so that no goroutine has to make it
	errs := make([]error, n)
	var ready atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			if ready.Add(1) == int64(n) {
				close(start)
			}
			<-start
			errs[i] = f(i)
		})
	}
	wg.Wait()
	return errs
}

func checkOneUpdateWins(e *env) {
	for range 5 {
		key := e.save(e.state("winner", `null`), long)
		state := e.load(key)
		next := make([]sojourn.State, 12)
		errs := e.together(len(next), func(i int) error {
			next[i] = renewed(state)
			next[i].Values, next[i].Facts.Digest = values("winner", strconv.Itoa(i)), digest(strconv.Itoa(i))
			_, err := e.node(i%2).Update(e.ctx, key, next[i], long)
			return err
		})
		winners := 0
		for i, err := range errs {
			if err == nil {
				winners++
				e.holds(key, next[i])
				continue
			}
			e.is("Update that lost", err, sojourn.ErrConflict)
		}
		if winners != 1 {
			e.Fatalf("%d of %d Updates at one version passed, want 1", winners, len(next))
		}
	}
}

func checkCounterByUpdate(e *env) {
	const writers, each = 8, 10
	key := e.save(e.state("n", `0`), long)
	errs := e.together(writers, func(i int) error {
		for range each {
			for {
				state, err := e.node(i%2).Load(e.ctx, key)
				if err != nil {
					return err
				}
				n, _ := strconv.Atoi(state.Values.Get("n"))
				state.Values = values("n", strconv.Itoa(n+1))
				_, err = e.node(i%2).Update(e.ctx, key, state, long)
				if err == nil {
					break
				}
				if !errors.Is(err, sojourn.ErrConflict) {
					return err
				}
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		e.Fatalf("counting: %v", err)
	}
	if got := e.load(key).Values.Get("n"); got != strconv.Itoa(writers*each) {
		e.Errorf("got %s after %d increments", got, writers*each)
	}
}

// checkDeleteWins has writers of all kinds at work when Delete comes, and looks for a write that was acknowledged although
// it began after Delete returned, and for a session that is back.
func checkDeleteWins(e *env) {
	canPatch := e.has(needPatcher)
	for range 10 {
		key := e.save(e.state("n", `0`), long)
		var deleted atomic.Bool
		e.together(7, func(i int) error {
			if i == 0 {
				time.Sleep(200 * time.Microsecond)
				if err := e.st.Delete(e.ctx, key); err != nil {
					e.Errorf("Delete: %v", err)
				}
				deleted.Store(true)
				e.gone(key)
				return nil
			}
			st := e.node(i % 2)
			for after := 0; after < 3; {
				late := deleted.Load()
				var err error
				switch {
				case i%3 == 0 && canPatch:
					err = capability[sojourn.Patcher](st).Patch(e.ctx, key,
						sojourn.Patch{Generation: 1, Set: values(strconv.Itoa(i), `1`)}, long)
				case i%3 == 1:
					err = st.UpdateTTL(e.ctx, key, longer)
				default:
					var state sojourn.State
					if state, err = st.Load(e.ctx, key); err == nil {
						_, err = st.Update(e.ctx, key, state, long)
					}
				}
				if late {
					after++
					e.is("a call that began after Delete had returned", err, sojourn.ErrNotFound)
				}
			}
			return nil
		})
		e.gone(key)
		if e.Failed() {
			return
		}
	}
}

func checkTouchTakesNothingBack(e *env) {
	const writes, touches = 50, 10
	key := e.save(e.state("n", `0`), long)
	var n int
	var touched atomic.Int64
	var stop atomic.Bool
	e.together(3, func(i int) error {
		for i > 0 && !stop.Load() {
			if err := e.node(i%2).UpdateTTL(e.ctx, key, longer); err != nil {
				e.Errorf("UpdateTTL: %v", err)
				stop.Store(true)
			}
			touched.Add(1)
		}
		if i > 0 {
			return nil
		}
		defer stop.Store(true)
		for ; (n < writes || touched.Load() < touches) && !stop.Load(); n++ {
			state, err := e.st.Load(e.ctx, key)
			if err != nil {
				e.Errorf("Load: %v", err)
				return nil
			}
			if got := state.Values.Get("n"); got != strconv.Itoa(n) {
				e.Errorf("got n = %s after it was set to %d", got, n)
				return nil
			}
			state.Values = values("n", strconv.Itoa(n+1))
			if _, err := e.st.Update(e.ctx, key, state, long); err != nil {
				e.Errorf("Update beside UpdateTTL: %v", err)
				return nil
			}
		}
		return nil
	})
	if got := e.load(key).Values.Get("n"); !e.Failed() && got != strconv.Itoa(n) {
		e.Errorf("got n = %s at the end, after it was set to %d", got, n)
	}
}

// checkWholeLoads changes generation, digest and values together and looks for a Load that saw them apart.
func checkWholeLoads(e *env) {
	whole := func(n int) (facts [32]byte, v sojourn.Values) {
		text := strconv.Itoa(n)
		return digest(text), values("a", text, "b", text)
	}
	state := e.state()
	state.Facts.Generation = 0
	state.Facts.Digest, state.Values = whole(0)
	key := e.save(state, long)
	var done atomic.Bool
	versions := make([]map[uint64]string, 4)
	e.together(4, func(i int) error {
		versions[i] = make(map[uint64]string)
		if i == 0 {
			defer done.Store(true)
			for n := 1; n <= 100; n++ {
				next, err := e.st.Load(e.ctx, key)
				if err != nil {
					e.Errorf("Load: %v", err)
					return nil
				}
				next.Facts.Generation = uint32(n)
				next.Facts.Digest, next.Values = whole(n)
				if _, err := e.st.Update(e.ctx, key, next, long); err != nil {
					e.Errorf("Update: %v", err)
					return nil
				}
			}
			return nil
		}
		for !done.Load() {
			got, err := e.node(i%2).Load(e.ctx, key)
			if err != nil {
				e.Errorf("Load: %v", err)
				return nil
			}
			wantDigest, wantValues := whole(int(got.Facts.Generation))
			if got.Facts.Digest != wantDigest || got.Values != wantValues {
				e.Errorf("Load saw generation %d with the values a = %s, b = %s",
					got.Facts.Generation, got.Values.Get("a"), got.Values.Get("b"))
				return nil
			}
			versions[i][got.Version] = got.Values.Get("a")
		}
		return nil
	})
	all := make(map[uint64]string)
	for _, seen := range versions {
		for version, text := range seen {
			if other, ok := all[version]; ok && other != text {
				e.Errorf("version %d had the values of changes %s and %s", version, other, text)
			}
			all[version] = text
		}
	}
}

func checkSessionsDoNotMix(e *env) {
	errs := e.together(12, func(i int) error {
		st, mine := e.node(i%2), strconv.Itoa(i)
		state := e.state("mine", mine, "n", `0`)
		key, err := st.Save(e.ctx, state, long)
		for n := 1; n <= 12 && err == nil; n++ {
			if state, err = st.Load(e.ctx, key); err != nil {
				break
			}
			if got := state.Values.Get("mine"); got != mine || state.Values.Get("n") != strconv.Itoa(n-1) {
				return fmt.Errorf("session %d has the values of session %s, change %s", i, got, state.Values.Get("n"))
			}
			state.Values = values("mine", mine, "n", strconv.Itoa(n))
			key, err = st.Update(e.ctx, key, state, long)
		}
		return err
	})
	if err := errors.Join(errs...); err != nil {
		e.Errorf("sessions mixed: %v", err)
	}
}
