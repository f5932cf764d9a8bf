package storetest_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
)

// withPatch changes each Patch before it is applied.
type withPatch struct {
	base
	change func(p sojourn.Patch, stored sojourn.State) sojourn.Patch
}

func (s withPatch) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	stored, err := s.Load(ctx, key)
	if err != nil {
		return err
	}
	return s.base.Patch(ctx, key, s.change(p, stored), ttl)
}

// patchRewrites applies a Patch to what it loaded and writes that back.
type patchRewrites struct{ base }

func (s patchRewrites) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	state, err := s.Load(ctx, key)
	if err != nil {
		return err
	}
	next, err := state.With(p)
	if err != nil {
		return err
	}
	gap()
	return force(s.base, key.ID(), next, max(ttl, state.TTL))
}

// clearsKnown clears the names that were there at the last Load.
type clearsKnown struct {
	base
	mu    *sync.Mutex
	known map[sojourn.ID]sojourn.Values
}

func (s clearsKnown) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := s.base.Load(ctx, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[key.ID()] = state.Values
	return state, err
}

func (s clearsKnown) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	s.mu.Lock()
	known := s.known[key.ID()]
	s.mu.Unlock()
	if p.Clear {
		p.Clear = false
		for name := range known.All() {
			p.Remove = append(p.Remove, name)
		}
	}
	return s.base.Patch(ctx, key, p, ttl)
}

type patchDoesNothing struct{ base }

func (s patchDoesNothing) Patch(context.Context, sojourn.Key, sojourn.Patch, time.Duration) error {
	return nil
}

type patchKeepsVersion struct{ base }

func (s patchKeepsVersion) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	s.Lock()
	defer s.Unlock()
	state, err := s.Live(key.ID())
	if err != nil {
		return err
	}
	next, err := state.With(p)
	if err != nil {
		return err
	}
	return s.Put(key.ID(), next, max(ttl, state.TTL))
}

// patchesByHalf keeps what it removed when the rest is refused.
type patchesByHalf struct{ base }

func (s patchesByHalf) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	if err := s.base.Patch(ctx, key, sojourn.Patch{Generation: p.Generation, Expect: p.Expect, Remove: p.Remove}, ttl); err != nil {
		return err
	}
	return s.base.Patch(ctx, key, sojourn.Patch{
		Generation: p.Generation, Clear: p.Clear, Keep: p.Keep, Set: p.Set, MaxSize: p.MaxSize, MaxNames: p.MaxNames,
	}, ttl)
}

// withValues changes the values on their way in.
type withValues struct {
	base
	change func(name, text string) (string, string)
}

func (s withValues) changed(v sojourn.Values) sojourn.Values {
	return sojourn.CollectValues(func(yield func(name, text string) bool) {
		for name, text := range v.All() {
			if !yield(s.change(name, text)) {
				return
			}
		}
	})
}

func (s withValues) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	state.Values = s.changed(state.Values)
	return s.base.Save(ctx, state, ttl)
}

// cuts keeps no more than the first kilobytes.
type cuts struct{ base }

func (s cuts) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if state.Values.Size() > 128<<10 {
		state.Values = sojourn.Values{}
	}
	return s.base.Save(ctx, state, ttl)
}

// factsAmongValues lets a value of this name set the subject.
type factsAmongValues struct{ base }

func (s factsAmongValues) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if text := state.Values.Get("subject"); text != "" {
		state.Facts.Subject = strings.Trim(text, `"`)
	}
	return s.base.Update(ctx, key, state, ttl)
}

// trusting reads records without looking at their checksum.
type trusting struct{ base }

func (s trusting) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := s.base.Load(ctx, key)
	if err == sojourn.ErrCorrupt || err == sojourn.ErrNewer {
		err = sojourn.ErrNotFound
	}
	return state, err
}

func addBrokenPatches(add adder) {
	patch := func(change func(p sojourn.Patch, stored sojourn.State) sojourn.Patch) func(s base) sojourn.Store {
		return func(s base) sojourn.Store { return withPatch{s, change} }
	}
	value := func(change func(name, text string) (string, string)) func(s base) sojourn.Store {
		return func(s base) sojourn.Store { return withValues{s, change} }
	}
	add("last writer wins in patch", func(s base) sojourn.Store { return patchRewrites{s} },
		"patcher/different_names_both_win", "patcher/counter_by_patch", "races/patch_and_patch", "races/patch_and_renew")
	add("delete does not win over a concurrent patch", func(s base) sojourn.Store { return patchRewrites{s} },
		"races/patch_and_delete", "races/patch_and_revoke", "concurrency/delete_wins")
	add("expected text ignored", patch(func(p sojourn.Patch, _ sojourn.State) sojourn.Patch {
		p.Expect = sojourn.Values{}
		return p
	}), "patcher/expects_another_text", "races/count_and_count")
	add("expected absence ignored", patch(func(p sojourn.Patch, _ sojourn.State) sojourn.Patch {
		var kept []string
		for name, text := range p.Expect.All() {
			if text != "" {
				kept = append(kept, name, text)
			}
		}
		p.Expect = collect(kept)
		return p
	}), "patcher/expects_an_absent_name_that_is_there")
	add("generation ignored", patch(func(p sojourn.Patch, stored sojourn.State) sojourn.Patch {
		p.Generation = stored.Facts.Generation
		return p
	}), "versions/generation_refuses_a_late_patch", "races/patch_and_renew")
	add("clear of the loaded names", func(s base) sojourn.Store {
		return clearsKnown{s, new(sync.Mutex), make(map[sojourn.ID]sojourn.Values)}
	}, "patcher/clear_takes_what_came_since")
	add("limit on the patch instead of the result", patch(func(p sojourn.Patch, _ sojourn.State) sojourn.Patch {
		if p.Set.Size() <= p.MaxSize {
			p.MaxSize = 0
		}
		return p
	}), "patcher/size_limit_is_of_the_result", "patcher/size_limit_holds_in_parallel")
	add("limit on names ignored", patch(func(p sojourn.Patch, _ sojourn.State) sojourn.Patch {
		p.MaxNames = 0
		return p
	}), "patcher/name_limit_is_of_the_result")
	add("keep without clear clears", patch(func(p sojourn.Patch, _ sojourn.State) sojourn.Patch {
		p.Clear = p.Clear || len(p.Keep) > 0
		return p
	}), "patcher/keep_without_clear_is_nothing")
	add("patch claimed and not honoured", func(s base) sojourn.Store { return patchDoesNothing{s} }, "patcher/sets", "patcher/missing_is_not_found")
	add("patch keeps the version", func(s base) sojourn.Store { return patchKeepsVersion{s} },
		"versions/patch_changes_it", "races/update_and_patch")
	add("patch by half", func(s base) sojourn.Store { return patchesByHalf{s} }, "patcher/size_limit_refuses_all")
	add("texts rewritten as JSON", value(func(name, text string) (string, string) {
		var v any
		json.Unmarshal([]byte(text), &v)
		b, _ := json.Marshal(v)
		return name, string(b)
	}), "values/texts_byte_for_byte", "values/numbers_at_the_edge_of_64_bits")
	add("names folded", value(func(name, text string) (string, string) { return strings.ToLower(name), text }), "values/names_byte_for_byte")
	add("names cut", value(func(name, text string) (string, string) { return name[:min(len(name), 64)], text }), "values/long_names")
	add("large states cut", func(s base) sojourn.Store { return cuts{s} }, "values/too_large_is_refused_or_kept_whole")
	add("facts among the values", func(s base) sojourn.Store { return factsAmongValues{s} }, "values/fact_names_are_only_names")
	add("damage taken for absence", func(s base) sojourn.Store { return trusting{s} }, "rest/damaged_is_corrupt", "rest/newer_is_newer")
}

// collect packs names and texts, given in turn.
func collect(pairs []string) sojourn.Values {
	return sojourn.CollectValues(func(yield func(name, text string) bool) {
		for i := 0; i < len(pairs); i += 2 {
			if !yield(pairs[i], pairs[i+1]) {
				return
			}
		}
	})
}
