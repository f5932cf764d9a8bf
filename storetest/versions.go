package storetest

import (
	"fmt"
	"math"

	"github.com/sojourn-go/sojourn"
)

func versionsCases() []Case {
	return []Case{
		{
			Name: "load_tells_one",
			Rule: "Load returns a version that is never 0, the same until something changes.",
			Why:  "0 is what a state has that was never loaded: an Update with it must not pass.",
			run: func(e *env) {
				key := e.save(e.state("a", `1`), long)
				first, second := e.load(key), e.load(key)
				if first.Version == 0 || first.Version != second.Version {
					e.Errorf("got versions %d and %d, want the same, not 0", first.Version, second.Version)
				}
			},
		}, {
			Name: "update_of_a_stale_state_conflicts",
			Rule: "Update with a version that is not the stored one is ErrConflict, and nothing changed.",
			Why:  "The last writer would win: a right that was taken away comes back with the slower request.",
			run: func(e *env) {
				key := e.save(e.state("a", `1`), long)
				stale := e.load(key)
				fresh := stale
				fresh.Values = values("a", `2`)
				key = e.update(key, fresh, long)
				now := e.holds(key, fresh)
				stale = renewed(stale)
				stale.Values, stale.Facts.Label = values("a", `3`, "b", `3`), "stale"
				_, err := e.st.Update(e.ctx, key, stale, long)
				e.is("Update of a stale state", err, sojourn.ErrConflict)
				if got := e.holds(key, fresh); got.Version != now.Version {
					e.Errorf("a refused Update changed the version from %d to %d", now.Version, got.Version)
				}
			},
		}, {
			Name: "version_0_conflicts",
			Rule: "Version 0 is not the stored one either: Update with it is ErrConflict.",
			Why:  "A state that was made up instead of loaded would overwrite what is there.",
			run: func(e *env) {
				state := e.state("a", `1`)
				key := e.save(state, long)
				next := e.state("a", `2`)
				_, err := e.st.Update(e.ctx, key, next, long)
				e.is("Update at version 0", err, sojourn.ErrConflict)
				e.holds(key, state)
			},
		}, {
			Name: "every_other_version_conflicts",
			Rule: "Versions compare for equality: one that is ahead of the stored one conflicts too.",
			Why:  "\"Not older than\" lets a made-up version through.",
			run: func(e *env) {
				state := e.state("a", `1`)
				key := e.save(state, long)
				stored := e.load(key).Version
				for _, version := range []uint64{stored + 1, stored + 1<<32, stored - 1, math.MaxInt64, math.MaxUint64} {
					if version == stored || version == 0 {
						continue
					}
					next := e.state("a", `2`)
					next.Version = version
					_, err := e.st.Update(e.ctx, key, next, long)
					e.is(fmt.Sprintf("Update at version %d, stored %d", version, stored), err, sojourn.ErrConflict)
					e.holds(key, state)
				}
			},
		}, {
			Name: "update_changes_it",
			Rule: "Every change of the state changes the version.",
			Why:  "Two requests that loaded the same version would both win.",
			run: func(e *env) {
				key := e.save(e.state("a", `1`), long)
				first := e.load(key)
				next := first
				next.Values = values("a", `2`)
				key = e.update(key, next, long)
				second := e.load(key)
				next = renewed(second)
				third := e.load(e.update(key, next, long))
				if first.Version == second.Version || second.Version == third.Version {
					e.Errorf("got versions %d, %d, %d, want three", first.Version, second.Version, third.Version)
				}
			},
		}, {
			Name: "never_comes_back",
			Rule: "A version never comes back for the same ID, also when the state does.",
			Why:  "A request that slept over a change and its reversal would overwrite what came between.",
			run: func(e *env) {
				key := e.save(e.state(), long)
				seen := make(map[uint64]int)
				patches := e.has(needPatcher)
				for i := range 24 {
					state := e.load(key)
					if before, ok := seen[state.Version]; ok {
						e.Fatalf("version %d of change %d is back at change %d", state.Version, before, i)
					}
					seen[state.Version] = i
					text := fmt.Sprint(i / 2 % 2)
					if patches && i%2 == 1 {
						e.patch(key, sojourn.Patch{Generation: 1, Set: values("b", text)}, long)
						continue
					}
					if !patches {
						text = fmt.Sprint(i % 2)
					}
					state, _ = state.With(sojourn.Patch{Generation: 1, Set: values("a", text)})
					key = e.update(key, state, long)
				}
			},
		}, {
			Name: "touch_leaves_it",
			Rule: "UpdateTTL leaves the version alone.",
			Why:  "Every touch would make the parallel requests of its user conflict.",
			run: func(e *env) {
				if _, sealed := sojourn.As[sojourn.KeyParser](e.st); sealed {
					e.Skip("the store's TTL is in its keys")
				}
				key := e.save(e.state(), long)
				before := e.load(key)
				key = e.touch(key, longer)
				e.update(key, before, longer)
			},
		}, {
			Name: "after_a_conflict_load_again",
			Rule: "After ErrConflict a new Load has the version with which Update passes.",
			Why:  "It is how the manager settles a conflict, with and without a Patcher.",
			run: func(e *env) {
				key := e.save(e.state("n", `0`), long)
				stale := e.load(key)
				key = e.update(key, stale, long)
				e.st.Update(e.ctx, key, stale, long)
				state := e.load(key)
				state.Values = values("n", `1`)
				e.holds(e.update(key, state, long), state)
			},
		}, {
			Name: "patch_changes_it", Needs: []string{needPatcher},
			Rule: "A Patch changes the version: an Update that loaded before it conflicts.",
			Why:  "A renewal that was under way would undo an acknowledged change.",
			run: func(e *env) {
				key := e.save(e.state("a", `1`), long)
				before := e.load(key)
				e.patch(key, sojourn.Patch{Generation: 1, Set: values("a", `2`)}, long)
				after := e.load(key)
				if after.Version == before.Version || after.Version == 0 {
					e.Errorf("got version %d after a Patch, before it %d", after.Version, before.Version)
				}
				_, err := e.st.Update(e.ctx, key, renewed(before), long)
				e.is("Update at the version before a Patch", err, sojourn.ErrConflict)
			},
		}, {
			Name: "refused_patch_leaves_it", Needs: []string{needPatcher},
			Rule: "A Patch that is refused leaves the version alone.",
			Why:  "A request with a refused token could hold up its successor for ever.",
			run: func(e *env) {
				key := e.save(e.state("a", `1`), long)
				before := e.load(key)
				err := e.patcher().Patch(e.ctx, key, sojourn.Patch{Generation: 1, Expect: values("a", `9`)}, long)
				e.is("Patch with another text expected", err, sojourn.ErrConflict)
				e.update(key, before, long)
			},
		}, {
			Name: "generation_refuses_a_late_patch", Needs: []string{needPatcher},
			Rule: "A Patch made under another generation than the stored one is ErrConflict.",
			Why:  "The visitor's request that was under way during a login would write into the user's session.",
			run: func(e *env) {
				key := e.save(e.state("a", `1`), long)
				visitor := e.load(key)
				login := renewed(visitor)
				login.Facts.Subject, login.Facts.Authenticated = e.subject, e.now()
				key = e.update(key, login, long)
				for _, generation := range []uint32{0, 1, 3, math.MaxUint32, 2 + 1<<16, 2 + 1<<31} {
					late := sojourn.Patch{Generation: generation, Clear: true, Set: values("planted", `1`)}
					err := e.patcher().Patch(e.ctx, key, late, longer)
					e.is(fmt.Sprintf("Patch of generation %d, stored 2", generation), err, sojourn.ErrConflict)
					e.holds(key, login)
				}
				e.patch(key, sojourn.Patch{Generation: 2, Set: values("a", `2`)}, long)
			},
		}, {
			Name: "generation_0_is_one_too", Needs: []string{needPatcher},
			Rule: "Generation 0 is compared like any other.",
			Why:  "\"0 means any\" would let a late patch through.",
			run: func(e *env) {
				state := e.state("a", `1`)
				state.Facts.Generation = 0
				key := e.save(state, long)
				e.is("Patch of generation 1, stored 0",
					e.patcher().Patch(e.ctx, key, sojourn.Patch{Generation: 1}, long), sojourn.ErrConflict)
				e.patch(key, sojourn.Patch{Set: values("a", `2`)}, long)
				state.Values = values("a", `2`)
				e.holds(key, state)
			},
		}, {
			Name: "periodic_renewal_lets_patches_pass", Needs: []string{needPatcher},
			Rule: "A Patch of the same generation passes after the secret has changed.",
			Why:  "Whoever clicks while the secret is renewed must not lose the click.",
			run: func(e *env) {
				key := e.save(e.state("a", `1`), long)
				next := e.load(key)
				next.Facts.Previous, next.Facts.Digest = next.Facts.Digest, digest("new")
				key = e.update(key, next, long)
				e.patch(key, sojourn.Patch{Generation: 1, Set: values("b", `2`)}, long)
				next.Values = values("a", `1`, "b", `2`)
				e.holds(key, next)
			},
		},
	}
}
