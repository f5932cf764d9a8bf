package storetest_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn"
)

// withRule has a Patch of its own: rule is what it takes State.With for.
type withRule struct {
	base
	rule func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error)
}

func (s withRule) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := sojourn.RoundTTL(ttl, 0); err != nil {
		return err
	}
	s.Lock()
	defer s.Unlock()
	stored, err := s.Live(key.ID())
	if err != nil {
		return err
	}
	next, err := s.rule(stored, p)
	if err != nil {
		return err
	}
	next.Version++
	return s.Put(key.ID(), next, max(ttl, stored.TTL))
}

// without returns values but the names.
func without(v sojourn.Values, names []string) sojourn.Values {
	var kept []string
	for name, text := range v.All() {
		if !slices.Contains(names, name) {
			kept = append(kept, name, text)
		}
	}
	return collect(kept)
}

// expecting looks at the expected texts with same, and does the rest right.
func expecting(same func(stored, expected string) bool) func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
	return func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
		for name, text := range p.Expect.All() {
			if !same(stored.Values.Get(name), text) {
				return stored, sojourn.ErrConflict
			}
		}
		p.Expect = sojourn.Values{}
		return stored.With(p)
	}
}

func sameNumber(stored, expected string) bool {
	a, err1 := strconv.ParseFloat(stored, 64)
	b, err2 := strconv.ParseFloat(expected, 64)
	return stored == expected || err1 == nil && err2 == nil && a == b
}

func addBrokenPatchOrders(add adder) {
	changed := func(name string, change func(p sojourn.Patch) sojourn.Patch, caught ...string) {
		add(name, func(s base) sojourn.Store {
			return withPatch{s, func(p sojourn.Patch, _ sojourn.State) sojourn.Patch { return change(p) }}
		}, caught...)
	}
	ruled := func(name string, rule func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error), caught ...string) {
		add(name, func(s base) sojourn.Store { return withRule{s, rule} }, caught...)
	}
	changed("remove ignored", func(p sojourn.Patch) sojourn.Patch {
		p.Remove = nil
		return p
	}, "patcher/removes", "patcher/removes_the_last", "patcher/size_limit_counts_what_goes")
	changed("clear ignored", func(p sojourn.Patch) sojourn.Patch {
		p.Clear = false
		return p
	}, "patcher/clears")
	changed("keep ignored", func(p sojourn.Patch) sojourn.Patch {
		p.Keep = nil
		return p
	}, "patcher/clears_but_keeps")
	changed("set before remove", func(p sojourn.Patch) sojourn.Patch {
		p.Set = without(p.Set, p.Remove)
		return p
	}, "patcher/sets_after_removing")
	changed("set before clear", func(p sojourn.Patch) sojourn.Patch {
		if p.Clear {
			p.Set = sojourn.Values{}
		}
		return p
	}, "patcher/sets_after_clearing")
	changed("remove before clear", func(p sojourn.Patch) sojourn.Patch {
		if p.Clear {
			p.Remove = slices.DeleteFunc(slices.Clone(p.Remove), func(name string) bool { return slices.Contains(p.Keep, name) })
		}
		return p
	}, "patcher/removes_what_clear_spared")
	changed("limit exclusive", func(p sojourn.Patch) sojourn.Patch {
		p.MaxSize = max(0, p.MaxSize-1)
		return p
	}, "patcher/size_limit_is_inclusive")
	changed("limit 0 is a limit", func(p sojourn.Patch) sojourn.Patch {
		if p.MaxSize == 0 {
			p.MaxSize = 1
		}
		return p
	}, "patcher/size_0_is_no_limit")
	ruled("stored generation 0 takes any", func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
		if stored.Facts.Generation == 0 {
			p.Generation = 0
		}
		return stored.With(p)
	}, "versions/generation_0_is_one_too")
	ruled("generation compared with the secret", func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
		if stored.Facts.Previous != [32]byte{} && !stored.Facts.Refused {
			return stored, sojourn.ErrConflict
		}
		return stored.With(p)
	}, "versions/periodic_renewal_lets_patches_pass")
	ruled("expect after the work", func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
		expect := p.Expect
		p.Expect = sojourn.Values{}
		next, err := stored.With(p)
		if err != nil {
			return stored, err
		}
		return next.With(sojourn.Patch{Generation: p.Generation, Expect: expect})
	}, "patcher/expects", "patcher/expects_before_it_clears", "patcher/conflict_comes_before_too_large")
	ruled("first expected text only", func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
		for name, text := range p.Expect.All() {
			p.Expect = collect([]string{name, text})
			break
		}
		return stored.With(p)
	}, "patcher/expects_all")
	ruled("expected text of absent names ignored", expecting(func(stored, expected string) bool {
		return stored == "" || stored == expected
	}), "patcher/expects_a_name_that_is_absent")
	ruled("null expected for absent", expecting(func(stored, expected string) bool {
		return stored == expected || expected == "" && stored == "null"
	}), "patcher/expects_null")
	ruled("expected numbers compared as numbers", expecting(sameNumber), "patcher/compares_texts")
	ruled("limit forbids to shrink", func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
		limit := p.MaxSize
		p.MaxSize = 0
		next, err := stored.With(p)
		if err == nil && limit > 0 && next.Values.Size() > limit {
			return stored, sojourn.ErrTooLarge
		}
		return next, err
	}, "patcher/size_limit_lets_shrink")
	ruled("limit lets stay what is over it", func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
		limit := p.MaxSize
		p.MaxSize = 0
		next, err := stored.With(p)
		if err == nil && limit > 0 && next.Values.Size() > max(limit, stored.Values.Size()) {
			return stored, sojourn.ErrTooLarge
		}
		return next, err
	}, "patcher/size_limit_refuses_what_does_not_shrink")
	ruled("limit on names forbids to shrink", func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
		limit := p.MaxNames
		p.MaxNames = 0
		next, err := stored.With(p)
		if err == nil && limit > 0 && next.Values.Len() > limit {
			return stored, sojourn.ErrTooLarge
		}
		return next, err
	}, "patcher/name_limit_lets_shrink")
	ruled("limit before expect", func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
		if p.MaxSize > 0 && p.Set.Size() > p.MaxSize {
			return stored, sojourn.ErrTooLarge
		}
		return stored.With(p)
	}, "patcher/conflict_comes_before_too_large")
	ruled("names counted twice", func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
		if p.MaxNames > 0 && stored.Values.Len()+p.Set.Len() > p.MaxNames {
			return stored, sojourn.ErrTooLarge
		}
		return stored.With(p)
	}, "patcher/name_limit_counts_names_once")
	ruled("nothing changed taken for not found", func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
		next, err := stored.With(p)
		if err == nil && next.Values == stored.Values {
			return stored, sojourn.ErrNotFound
		}
		return next, err
	}, "patcher/nothing_to_do", "patcher/sets_what_is_there")
	ruled("refused patch changes the version", func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
		next, err := stored.With(p)
		if err != nil {
			return stored, nil
		}
		return next, nil
	}, "versions/refused_patch_leaves_it")
	ruled("names folded in a patch", func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
		var names []string
		for name := range stored.Values.All() {
			if slices.ContainsFunc(p.Remove, func(remove string) bool { return strings.EqualFold(name, remove) }) {
				names = append(names, name)
			}
		}
		p.Remove = names
		return stored.With(p)
	}, "patcher/names_compare_byte_for_byte")
	ruled("name as a path", func(stored sojourn.State, p sojourn.Patch) (sojourn.State, error) {
		var pairs []string
		for name, text := range p.Set.All() {
			pairs = append(pairs, strings.TrimPrefix(name, "$."), text)
		}
		p.Set = collect(pairs)
		return stored.With(p)
	}, "patcher/odd_names_and_texts")
}
