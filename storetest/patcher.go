package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/sojourn-go/sojourn"
)

// patchCase is a Patch of generation 1 on a session of generation 1, and what becomes of it.
func patchCase(name, rule, why string, before sojourn.Values, p sojourn.Patch, want error, after sojourn.Values) Case {
	return Case{
		Name: name, Rule: rule, Why: why, Needs: []string{needPatcher},
		run: func(e *env) {
			state := e.login(e.subject, 0)
			state.Values = before
			key := e.save(state, long)
			p.Generation = state.Facts.Generation
			err := e.patcher().Patch(e.ctx, key, p, long)
			if want == nil && err != nil {
				e.Fatalf("Patch: %v", err)
			}
			e.is("Patch", err, want)
			state.Values = after
			e.holds(key, state)
		},
	}
}

func patcherCases() []Case {
	none := sojourn.Values{}
	abc := values("a", `1`, "b", `2`, "c", `3`)
	return []Case{
		patchCase("sets", "Patch sets names and leaves the others.",
			"Two requests that change different values must both win.",
			abc, sojourn.Patch{Set: values("b", `20`, "d", `4`)}, nil, values("a", `1`, "b", `20`, "c", `3`, "d", `4`)),
		patchCase("removes", "Patch removes names, absent ones too.",
			"A right that is kept as a value must go when it is taken away.",
			abc, sojourn.Patch{Remove: []string{"b", "absent"}}, nil, values("a", `1`, "c", `3`)),
		patchCase("removes_the_last", "A session without values lives on.",
			"An engine that drops empty records logs the user out.",
			values("a", `1`), sojourn.Patch{Remove: []string{"a"}}, nil, none),
		patchCase("sets_after_removing", "Set comes after Remove: a name in both is set.",
			"The order of the fields is the order of the work.",
			abc, sojourn.Patch{Remove: []string{"a", "b"}, Set: values("a", `10`)}, nil, values("a", `10`, "c", `3`)),
		patchCase("clears", "Clear removes all names.",
			"What a visitor has planted must not survive a login.",
			abc, sojourn.Patch{Clear: true}, nil, none),
		patchCase("clears_but_keeps", "Clear spares the names in Keep; absent ones do not appear.",
			"The cart that was to cross the login would be gone.",
			abc, sojourn.Patch{Clear: true, Keep: []string{"b", "absent"}}, nil, values("b", `2`)),
		patchCase("removes_what_clear_spared", "Remove comes after Clear: a name in Keep and in Remove is removed.",
			"The order of the fields is the order of the work.",
			abc, sojourn.Patch{Clear: true, Keep: []string{"a", "b"}, Remove: []string{"b"}}, nil, values("a", `1`)),
		patchCase("sets_after_clearing", "Set comes after Clear.",
			"A farewell notice that is set beside Clear would be lost.",
			abc, sojourn.Patch{Clear: true, Set: values("d", `4`)}, nil, values("d", `4`)),
		patchCase("keep_without_clear_is_nothing", "Keep has no meaning without Clear.",
			"Values would vanish at an ordinary change.",
			abc, sojourn.Patch{Keep: []string{"a"}, Set: values("d", `4`)}, nil, values("a", `1`, "b", `2`, "c", `3`, "d", `4`)),
		patchCase("expects", "A Patch passes where every expected name has its text, \"\" meaning absent.",
			"A counter could not be counted.",
			abc, sojourn.Patch{Expect: values("a", `1`, "absent", ""), Set: values("a", `10`)}, nil, values("a", `10`, "b", `2`, "c", `3`)),
		patchCase("expects_another_text", "Another text than the expected one is ErrConflict, and nothing changes.",
			"Two parallel increments count one.",
			abc, sojourn.Patch{Expect: values("a", `9`), Clear: true, Set: values("a", `10`)}, sojourn.ErrConflict, abc),
		patchCase("expects_an_absent_name_that_is_there", "\"\" expects that the name is absent.",
			"Two requests would both be the first.",
			abc, sojourn.Patch{Expect: values("a", ""), Set: values("a", `10`)}, sojourn.ErrConflict, abc),
		patchCase("expects_a_name_that_is_absent", "A text is expected where there is none: ErrConflict.",
			"A voucher that was used and removed is used again.",
			abc, sojourn.Patch{Expect: values("absent", `1`), Set: values("d", `4`)}, sojourn.ErrConflict, abc),
		patchCase("expects_all", "One expected text that differs is enough to refuse all.",
			"A function of two values would see one of them old.",
			abc, sojourn.Patch{Expect: values("a", `1`, "b", `2`, "c", `9`), Remove: []string{"a"}}, sojourn.ErrConflict, abc),
		patchCase("expects_null", "null is a text like any other, and not absent.",
			"An engine that takes the one for the other lets two requests be the first.",
			values("a", `null`), sojourn.Patch{Expect: values("a", ""), Set: values("a", `1`)}, sojourn.ErrConflict, values("a", `null`)),
		patchCase("compares_texts", "Expected texts compare byte for byte, not as numbers or JSON.",
			"What one engine takes for equal another does not.",
			values("a", `1.0`), sojourn.Patch{Expect: values("a", `1`), Set: values("a", `2`)}, sojourn.ErrConflict, values("a", `1.0`)),
		patchCase("expects_before_it_clears", "Expect looks at the values as they were.",
			"The order of the fields is the order of the work.",
			abc, sojourn.Patch{Expect: values("a", `1`), Clear: true, Remove: []string{"a"}, Set: values("d", `4`)}, nil, values("d", `4`)),
		patchCase("nothing_to_do", "An empty Patch of a live session is no error.",
			"A change to the value that is stored already would fail.",
			abc, sojourn.Patch{}, nil, abc),
		patchCase("sets_what_is_there", "Setting the text that is stored is no error.",
			"A change to the value that is stored already would fail.",
			abc, sojourn.Patch{Set: values("a", `1`)}, nil, abc),
		patchCase("names_compare_byte_for_byte", "Names compare byte for byte.",
			"A collation that folds case, accents or blanks changes the neighbour.",
			values("a", `1`, "A", `2`, "a ", `3`, "á", `4`, "a\u0301", `5`),
			sojourn.Patch{Expect: values("A", `2`), Remove: []string{"A"}, Set: values("á", `40`)}, nil,
			values("a", `1`, "a ", `3`, "á", `40`, "a\u0301", `5`)),
		{
			Name: "odd_names_and_texts", Needs: []string{needPatcher},
			Rule: "Names and texts of a Patch never reach the engine as path, pattern or identifier.",
			Why:  "A name such as $.a or a\" changes another value, or the whole record.",
			run:  checkOddPatches,
		}, {
			Name: "missing_is_not_found", Needs: []string{needPatcher},
			Rule: "Patch of an absent session is ErrNotFound and never creates one.",
			Why:  "A late change brings back a session that was logged out.",
			run: func(e *env) {
				key := sojourn.NewID().Key()
				for _, p := range []sojourn.Patch{{}, {Set: values("a", `1`)}, {Clear: true}, {Expect: values("a", `1`)}} {
					e.is("Patch of an absent session", e.patcher().Patch(e.ctx, key, p, long), sojourn.ErrNotFound)
					e.gone(key)
				}
			},
		}, {
			Name: "clear_takes_what_came_since", Needs: []string{needPatcher},
			Rule: "Clear removes all stored names, also ones set since the load.",
			Why:  "Whoever plants a value between load and login has planted it in the user's session.",
			run: func(e *env) {
				key := e.save(e.state("known", `1`), long)
				state := e.load(key)
				e.patch(key, sojourn.Patch{Generation: 1, Set: values("planted", `1`)}, long)
				e.patch(key, sojourn.Patch{Generation: 1, Clear: true, Keep: []string{"known"}}, long)
				e.holds(key, state)
			},
		}, {
			Name: "changes_no_other_session", Needs: []string{needPatcher},
			Rule: "Patch changes the session under its key alone.",
			Why:  "Two visitors would share a cart.",
			run: func(e *env) {
				state := e.state("a", `1`)
				first, second := e.save(state, long), e.save(state, long)
				e.patch(first, sojourn.Patch{Generation: 1, Clear: true, Set: values("a", `2`)}, long)
				e.holds(second, state)
			},
		}, {
			Name: "different_names_both_win", Needs: []string{needPatcher},
			Rule: "Patches of different names at the same time all pass and all stay.",
			Why:  "The tab that was faster loses what it was told is kept.",
			run:  checkParallelPatches,
		}, {
			Name: "counter_by_patch", Needs: []string{needPatcher},
			Rule: "200 parallel increments by Expect and Set count 200.",
			Why:  "Failed attempts that are counted once although there were a hundred are no limit.",
			run:  checkCounterByPatch,
		},
	}
}

func patcherLimitCases() []Case {
	none := sojourn.Values{}
	return []Case{
		patchCase("size_limit_is_of_the_result", "MaxSize limits the values afterwards, not the Patch.",
			"A hundred small changes outgrow what can be loaded: the user is locked out.",
			values("a", quoted(60)), sojourn.Patch{Set: values("b", quoted(60)), MaxSize: 100}, sojourn.ErrTooLarge, values("a", quoted(60))),
		patchCase("size_limit_counts_what_goes", "What a Patch removes does not count against MaxSize.",
			"A full cart could never be exchanged for another.",
			values("a", quoted(60)), sojourn.Patch{Remove: []string{"a"}, Set: values("b", quoted(60)), MaxSize: 100}, nil, values("b", quoted(60))),
		patchCase("size_limit_is_inclusive", "Exactly MaxSize bytes of names and texts are not too large.",
			"The manager counts the same and has let it pass.",
			values("a", quoted(49)), sojourn.Patch{Set: values("b", quoted(49)), MaxSize: 100}, nil, values("a", quoted(49), "b", quoted(49))),
		patchCase("size_limit_lets_shrink", "What was over MaxSize before may still shrink.",
			"A lower limit would lock out whoever has more.",
			values("a", quoted(300), "b", quoted(60)), sojourn.Patch{Remove: []string{"b"}, MaxSize: 100}, nil, values("a", quoted(300))),
		patchCase("size_limit_refuses_what_does_not_shrink", "What was over MaxSize before may not stay as large.",
			"Whoever has too much could exchange it for as much, again and again.",
			values("a", quoted(300)), sojourn.Patch{Set: values("a", quoted(299)+" "), MaxSize: 100}, sojourn.ErrTooLarge, values("a", quoted(300))),
		patchCase("name_limit_lets_shrink", "What was over MaxNames before may still shrink.",
			"A lower limit would lock out whoever has more.",
			values("a", `1`, "b", `2`, "c", `3`, "d", `4`), sojourn.Patch{Remove: []string{"b"}, MaxNames: 2}, nil, values("a", `1`, "c", `3`, "d", `4`)),
		patchCase("size_limit_refuses_all", "Too large: nothing of the Patch happens.",
			"Half a change is worse than none.",
			values("a", `1`, "b", `2`), sojourn.Patch{Remove: []string{"b"}, Set: values("a", quoted(200)), MaxSize: 100},
			sojourn.ErrTooLarge, values("a", `1`, "b", `2`)),
		patchCase("size_0_is_no_limit", "MaxSize and MaxNames 0 are no limits.",
			"A Patch without limits would never pass.",
			none, sojourn.Patch{Set: values("a", quoted(5000))}, nil, values("a", quoted(5000))),
		patchCase("name_limit_is_of_the_result", "MaxNames limits the names afterwards.",
			"A form with made-up field names fills the record.",
			values("a", `1`, "b", `2`), sojourn.Patch{Set: values("c", `3`), MaxNames: 2}, sojourn.ErrTooLarge, values("a", `1`, "b", `2`)),
		patchCase("name_limit_counts_names_once", "Setting a name that is there adds none.",
			"A session with as many names as are allowed could not change.",
			values("a", `1`, "b", `2`), sojourn.Patch{Set: values("b", `20`), MaxNames: 2}, nil, values("a", `1`, "b", `20`)),
		patchCase("conflict_comes_before_too_large", "Expect is looked at before the limits.",
			"The manager would give up where it has only to try again.",
			values("a", `1`), sojourn.Patch{Expect: values("a", `2`), Set: values("a", quoted(200)), MaxSize: 100},
			sojourn.ErrConflict, values("a", `1`)),
		{
			Name: "size_limit_holds_in_parallel", Needs: []string{needPatcher},
			Rule: "The limits hold however many Patches arrive at once.",
			Why:  "A hundred requests of 60 KB each pass a check before the store, and lock the user out together.",
			run: func(e *env) {
				const limit = 2000
				key := e.save(e.state(), long)
				errs := e.together(16, func(i int) error {
					err := capability[sojourn.Patcher](e.node(i%2)).Patch(e.ctx, key, sojourn.Patch{
						Generation: 1, Set: values(fmt.Sprint("name", i), quoted(600)), MaxSize: limit,
					}, long)
					if errors.Is(err, sojourn.ErrTooLarge) {
						return nil
					}
					return err
				})
				if err := errors.Join(errs...); err != nil {
					e.Errorf("Patch: %v", err)
				}
				if got := e.load(key).Values; got.Size() > limit || got.Len() != 3 {
					e.Errorf("got %d bytes in %d names, want 3 names in at most %d bytes", got.Size(), got.Len(), limit)
				}
			},
		},
	}
}

func checkOddPatches(e *env) {
	var pairs []string
	for i, name := range oddNames() {
		pairs = append(pairs, name, strconv.Itoa(i))
	}
	state := e.state(pairs...)
	key := e.save(state, longer)
	texts := oddTexts()
	for i, name := range oddNames() {
		text := texts[i%len(texts)]
		p := sojourn.Patch{Generation: 1, Expect: values(name, strconv.Itoa(i)), Set: values(name, text)}
		if i%3 == 0 {
			p = sojourn.Patch{Generation: 1, Expect: p.Expect, Remove: []string{name}}
		}
		e.patch(key, p, long)
		next, err := state.With(p)
		if err != nil {
			e.Fatalf("the case is wrong: %v", err)
		}
		state = next
		e.holds(key, state)
		e.is("Patch that expects the text before", e.patcher().Patch(e.ctx, key, p, long), sojourn.ErrConflict)
		if e.Failed() {
			return
		}
	}
}

func checkParallelPatches(e *env) {
	const n = 24
	state := e.state("before", `1`, "removed", `1`)
	key := e.save(state, long)
	errs := e.together(n, func(i int) error {
		p := sojourn.Patch{Generation: 1, Set: values(fmt.Sprint("name", i), strconv.Itoa(i))}
		if i == 0 {
			p.Remove = []string{"removed"}
		}
		return capability[sojourn.Patcher](e.node(i%2)).Patch(e.ctx, key, p, long)
	})
	if err := errors.Join(errs...); err != nil {
		e.Fatalf("Patch: %v", err)
	}
	pairs := []string{"before", `1`}
	for i := range n {
		pairs = append(pairs, fmt.Sprint("name", i), strconv.Itoa(i))
	}
	state.Values = values(pairs...)
	e.holds(key, state)
}

func checkCounterByPatch(e *env) {
	const increments = 200
	key := e.save(e.state("n", `0`), long)
	errs := e.together(increments, func(i int) error {
		st := e.node(i % 2)
		for try := 0; ; try++ {
			began := time.Now()
			state, err := st.Load(e.ctx, key)
			if err != nil {
				return err
			}
			n, _ := strconv.Atoi(state.Values.Get("n"))
			err = capability[sojourn.Patcher](st).Patch(e.ctx, key, sojourn.Patch{
				Generation: 1, Expect: values("n", strconv.Itoa(n)), Set: values("n", strconv.Itoa(n+1)),
			}, long)
			if !errors.Is(err, sojourn.ErrConflict) {
				return err
			}
			// The more there are, and the slower the engine, the longer one waits.
			time.Sleep(time.Duration(rand.Float64() * float64(min(1+try, 20)) * float64(time.Since(began))))
		}
	})
	if err := errors.Join(errs...); err != nil {
		e.Fatalf("counting: %v", err)
	}
	if got := e.load(key).Values.Get("n"); got != strconv.Itoa(increments) {
		e.Errorf("got %s after %d increments", got, increments)
	}
}
