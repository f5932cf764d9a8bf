package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/sojourn-go/sojourn"
)

// withSave changes each state on its way into Save.
type withSave struct {
	base
	change func(state sojourn.State) sojourn.State
}

func (s withSave) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	return s.base.Save(ctx, s.change(state), ttl)
}

// emptyIsAbsent takes a session without values for none.
type emptyIsAbsent struct{ base }

func (s emptyIsAbsent) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := s.base.Load(ctx, key)
	if err == nil && state.Values.Len() == 0 {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	return state, err
}

// deletesEquals deletes what looks like the session.
type deletesEquals struct{ base }

func (s deletesEquals) Delete(ctx context.Context, key sojourn.Key) error {
	s.Lock()
	bytes := s.Records[key.ID()].Bytes
	for id, r := range s.Records {
		if r.Bytes == bytes {
			delete(s.Records, id)
		}
	}
	s.Unlock()
	return s.base.Delete(ctx, key)
}

// savesAsLoaded gives a new session the TTL and the version that an old one had.
type savesAsLoaded struct{ base }

func (s savesAsLoaded) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if state.TTL > 0 {
		ttl = state.TTL
	}
	return s.base.Save(ctx, state, ttl)
}

// moves files an updated session under a new key.
type moves struct{ base }

func (s moves) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if _, err := s.base.Update(ctx, key, state, ttl); err != nil {
		return key, err
	}
	next, err := s.Save(ctx, state, ttl)
	s.Delete(ctx, key)
	return next, err
}

// everywhere makes a change in all records.
type everywhere struct {
	base
	update, patch bool
}

func (s everywhere) change(state func(old sojourn.State) sojourn.State) {
	s.Lock()
	defer s.Unlock()
	for id := range s.Records {
		if old, err := s.Live(id); err == nil {
			s.Put(id, state(old), old.TTL)
		}
	}
}

func (s everywhere) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	got, err := s.base.Update(ctx, key, state, ttl)
	if err == nil && s.update {
		s.change(func(old sojourn.State) sojourn.State {
			old.Values = state.Values
			return old
		})
	}
	return got, err
}

func (s everywhere) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	err := s.base.Patch(ctx, key, p, ttl)
	if err == nil && s.patch {
		s.change(func(old sojourn.State) sojourn.State {
			next, _ := old.With(sojourn.Patch{Generation: old.Facts.Generation, Set: p.Set})
			return next
		})
	}
	return err
}

// oneBuffer reads every record into the same memory.
type oneBuffer struct {
	base
	buffer *[]byte
}

func (s oneBuffer) Load(_ context.Context, key sojourn.Key) (sojourn.State, error) {
	s.Lock()
	defer s.Unlock()
	if _, err := s.Live(key.ID()); err != nil {
		return sojourn.State{}, err
	}
	*s.buffer = append((*s.buffer)[:0], s.Records[key.ID()].Bytes...)
	return sojourn.ParseState(unsafe.String(&(*s.buffer)[0], len(*s.buffer)))
}

// cachesPerNode loads a session once.
type cachesPerNode struct {
	base
	mu    *sync.Mutex
	cache map[sojourn.ID]sojourn.State
}

func (s cachesPerNode) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if state, ok := s.cache[key.ID()]; ok {
		return state, nil
	}
	state, err := s.base.Load(ctx, key)
	if err == nil {
		s.cache[key.ID()] = state
	}
	return state, err
}

func (s cachesPerNode) forget(key sojourn.Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.cache, key.ID())
}

func (s cachesPerNode) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	defer s.forget(key)
	return s.base.Update(ctx, key, state, ttl)
}

func (s cachesPerNode) Delete(ctx context.Context, key sojourn.Key) error {
	defer s.forget(key)
	return s.base.Delete(ctx, key)
}

type tellsValues struct{ base }

func (s tellsValues) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	got, err := s.base.Update(ctx, key, state, ttl)
	if err != nil {
		err = fmt.Errorf("update %s: %w", state.Values.Get("password"), err)
	}
	return got, err
}

// touchEmpties writes the record back without its values.
type touchEmpties struct{ base }

func (s touchEmpties) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	s.Lock()
	defer s.Unlock()
	state, err := s.Live(key.ID())
	if err != nil {
		return err
	}
	state.Values = sojourn.Values{}
	return s.Put(key.ID(), state, max(ttl, state.TTL))
}

// sulks refuses a session after a conflict.
type sulks struct {
	base
	sulking map[sojourn.ID]bool
}

func (s sulks) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if s.sulking[key.ID()] {
		return key, sojourn.ErrConflict
	}
	got, err := s.base.Update(ctx, key, state, ttl)
	s.sulking[key.ID()] = errors.Is(err, sojourn.ErrConflict)
	return got, err
}

// oneSlot passes what it is about through a place that all calls share.
type oneSlot struct {
	base
	mu   *sync.Mutex
	slot *any
}

func newOneSlot(s base) oneSlot { return oneSlot{s, new(sync.Mutex), new(any)} }

func (s oneSlot) through(v any) any {
	s.mu.Lock()
	*s.slot = v
	s.mu.Unlock()
	gap()
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.slot
}

type savesThroughSlot struct{ oneSlot }

func (s savesThroughSlot) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	return s.base.Save(ctx, s.through(state).(sojourn.State), ttl)
}

type loadsThroughSlot struct{ oneSlot }

func (s loadsThroughSlot) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	return s.base.Load(ctx, s.through(key).(sojourn.Key))
}

func addBrokenContracts(add adder) {
	save := func(change func(state sojourn.State) sojourn.State) func(s base) sojourn.Store {
		return func(s base) sojourn.Store { return withSave{s, change} }
	}
	saveText := func(change func(text string) string) func(s base) sojourn.Store {
		return func(s base) sojourn.Store {
			return withValues{s, func(name, text string) (string, string) { return change(name), change(text) }}
		}
	}
	add("facts dropped", save(func(state sojourn.State) sojourn.State {
		state.Facts.Previous, state.Facts.Remembered = [32]byte{}, false
		return state
	}), "contract/save_then_load_gives_it_back")
	add("empty taken for absent", func(s base) sojourn.Store { return emptyIsAbsent{s} }, "contract/empty_state_is_a_session", "values/no_values")
	add("delete by content", func(s base) sojourn.Store { return deletesEquals{s} }, "contract/delete_ends_no_other_session")
	add("save believes the state", func(s base) sojourn.Store { return savesAsLoaded{s} }, "contract/save_ignores_what_load_answers")
	add("update moves the session", func(s base) sojourn.Store { return moves{s} }, "contract/update_keeps_the_key")
	add("update without a condition", func(s base) sojourn.Store { return everywhere{base: s, update: true} },
		"contract/update_changes_no_other_session", "values/names_do_not_reach_the_neighbours")
	add("patch without a condition", func(s base) sojourn.Store { return everywhere{base: s, patch: true} }, "patcher/changes_no_other_session")
	add("aliasing of a read buffer", func(s base) sojourn.Store { return oneBuffer{s, new([]byte)} }, "contract/answers_belong_to_the_caller")
	add("cache on each node", func(s base) sojourn.Store {
		return cachesPerNode{s, new(sync.Mutex), make(map[sojourn.ID]sojourn.State)}
	}, "contract/nodes_see_each_other", "concurrency/acknowledged_is_visible")
	add("error tells a value", func(s base) sojourn.Store { return tellsValues{s} }, "contract/errors_tell_no_value")
	add("touch empties", func(s base) sojourn.Store { return touchEmpties{s} }, "ttl/touch_leaves_the_state")
	add("conflict for ever", func(s base) sojourn.Store { return sulks{s, make(map[sojourn.ID]bool)} }, "versions/after_a_conflict_load_again")
	add("save through a shared variable", func(s base) sojourn.Store { return savesThroughSlot{newOneSlot(s)} }, "concurrency/saves_are_separate")
	add("load through a shared variable", func(s base) sojourn.Store { return loadsThroughSlot{newOneSlot(s)} }, "concurrency/sessions_do_not_mix")
	add("bytes replaced that are no UTF-8", saveText(func(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }),
		"values/bytes_that_are_no_text")
	add("text ends at NUL", saveText(func(text string) string {
		text, _, _ = strings.Cut(text, "\x00")
		return text
	}), "values/bytes_that_are_no_text")
	add("line separators escaped", saveText(func(text string) string { return strings.ReplaceAll(text, "\u2028", `\u2028`) }),
		"values/names_byte_for_byte", "values/texts_byte_for_byte")
	add("length in 15 bits", saveText(func(text string) string { return text[:len(text)%(1<<15)] }),
		"values/lengths_at_their_edges", "values/the_largest_state")
	add("empty values dropped", save(func(state sojourn.State) sojourn.State {
		state.Values = sojourn.CollectValues(func(yield func(name, text string) bool) {
			for name, text := range state.Values.All() {
				if name != "" && text != "" && !yield(name, text) {
					return
				}
			}
		})
		return state
	}), "values/the_empty_text", "values/the_empty_name")
	add("a hundred names", save(func(state sojourn.State) sojourn.State {
		var pairs []string
		for name, text := range state.Values.All() {
			if len(pairs) < 2*100 {
				pairs = append(pairs, name, text)
			}
		}
		state.Values = collect(pairs)
		return state
	}), "values/many_names")
	add("subject trimmed", save(func(state sojourn.State) sojourn.State {
		state.Facts.Subject = strings.TrimSpace(state.Facts.Subject)
		return state
	}), "values/facts_byte_for_byte")
	add("generation in 31 bits", save(func(state sojourn.State) sojourn.State {
		state.Facts.Generation &= math.MaxInt32
		return state
	}), "values/facts_at_their_edges")
	add("times before 1970 at 0", save(func(state sojourn.State) sojourn.State {
		if at := &state.Facts.Authenticated; !at.IsZero() && at.UnixMilli() < 0 {
			*at = time.UnixMilli(0).UTC()
		}
		return state
	}), "values/facts_at_their_edges")
}
