package storetest_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn"
)

type upsert struct{ base }

func (s upsert) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	got, err := s.base.Update(ctx, key, state, ttl)
	if errors.Is(err, sojourn.ErrNotFound) {
		return key, force(s.base, key.ID(), state, ttl)
	}
	return got, err
}

type savesInstead struct{ base }

func (s savesInstead) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	got, err := s.base.Update(ctx, key, state, ttl)
	if errors.Is(err, sojourn.ErrNotFound) {
		return s.Save(ctx, state, ttl)
	}
	return got, err
}

type touchCreates struct{ base }

func (s touchCreates) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	err := s.base.UpdateTTL(ctx, key, ttl)
	if errors.Is(err, sojourn.ErrNotFound) {
		return force(s.base, key.ID(), sojourn.State{}, ttl)
	}
	return err
}

// withVersion gives each Update the version that choose picks.
type withVersion struct {
	base
	choose func(given, stored uint64) uint64
}

func (s withVersion) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if old, err := s.Load(ctx, key); err == nil {
		state.Version = s.choose(state.Version, old.Version)
	}
	return s.base.Update(ctx, key, state, ttl)
}

type versionOfContent struct{ base }

func (s versionOfContent) number(state sojourn.State) uint64 {
	n := uint64(1)
	for _, text := range state.Values.All() {
		for _, c := range []byte(text) {
			n = n*31 + uint64(c)
		}
	}
	return n
}

func (s versionOfContent) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := s.base.Load(ctx, key)
	state.Version = s.number(state)
	return state, err
}

func (s versionOfContent) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	old, err := s.base.Load(ctx, key)
	if err != nil {
		return key, err
	}
	if state.Version != s.number(old) {
		return key, sojourn.ErrConflict
	}
	state.Version = old.Version
	return s.base.Update(ctx, key, state, ttl)
}

// versionZero answers version 0 for a session that was never changed.
type versionZero struct{ base }

func (s versionZero) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := s.base.Load(ctx, key)
	state.Version--
	return state, err
}

func (s versionZero) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	state.Version++
	return s.base.Update(ctx, key, state, ttl)
}

// patchTakesBack has a Patch that takes the version back.
type patchTakesBack struct{ base }

func (s patchTakesBack) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	err := s.base.Patch(ctx, key, p, ttl)
	s.Lock()
	defer s.Unlock()
	if r := s.Records[key.ID()]; err == nil && r.Version > 2 {
		r.Version -= 2
		s.Records[key.ID()] = r
	}
	return err
}

// softDelete keeps what it deleted and forgets to look whether it did.
type softDelete struct {
	base
	deleted map[sojourn.ID]bool
}

func (s softDelete) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	if s.deleted[key.ID()] {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	return s.base.Load(ctx, key)
}

func (s softDelete) Delete(ctx context.Context, key sojourn.Key) error {
	s.deleted[key.ID()] = true
	return nil
}

func (s softDelete) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	got, err := s.base.Update(ctx, key, state, ttl)
	if err == nil {
		delete(s.deleted, key.ID())
	}
	return got, err
}

type deleteMisses struct{ base }

func (s deleteMisses) Delete(context.Context, sojourn.Key) error { return nil }

type deleteAsks struct{ base }

func (s deleteAsks) Delete(ctx context.Context, key sojourn.Key) error {
	if _, err := s.Load(ctx, key); err != nil {
		return err
	}
	return s.base.Delete(ctx, key)
}

// checkThenWrite compares the version in one step and writes in another.
type checkThenWrite struct{ base }

func (s checkThenWrite) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	old, err := s.Load(ctx, key)
	if err != nil {
		return key, err
	}
	if old.Version != state.Version {
		return key, sojourn.ErrConflict
	}
	gap()
	return key, force(s.base, key.ID(), state, ttl)
}

// touchRewrites reads the record and writes it back with a new TTL.
type touchRewrites struct{ base }

func (s touchRewrites) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	state, err := s.Load(ctx, key)
	if err != nil {
		return err
	}
	gap()
	state.Version--
	return force(s.base, key.ID(), state, max(ttl, state.TTL))
}

type touchBumps struct{ base }

func (s touchBumps) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	s.Lock()
	defer s.Unlock()
	state, err := s.Live(key.ID())
	if err != nil {
		return err
	}
	state.Version++
	return s.Put(key.ID(), state, max(ttl, state.TTL))
}

// byPrefix finds a session by the beginning of its ID.
type byPrefix struct{ base }

func (s byPrefix) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	s.Lock()
	defer s.Unlock()
	want := key.ID()
	for id := range s.Records {
		if string(id[:8]) == string(want[:8]) {
			return s.Live(id)
		}
	}
	return sojourn.State{}, sojourn.ErrNotFound
}

// byCase files under base64, in a column that ignores case.
type byCase struct{ base }

func (s byCase) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	s.Lock()
	defer s.Unlock()
	text := func(id sojourn.ID) string { return base64.RawURLEncoding.EncodeToString(id[:]) }
	for id := range s.Records {
		if strings.EqualFold(text(id), text(key.ID())) {
			return s.Live(id)
		}
	}
	return sojourn.State{}, sojourn.ErrNotFound
}

// countsIDs makes IDs that can be foretold.
type countsIDs struct {
	base
	next *byte
}

func (s countsIDs) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	*s.next++
	id := sojourn.ID{15: *s.next}
	return id.Key(), force(s.base, id, state, ttl)
}

// onePerSubject files a second login of a subject over the first.
type onePerSubject struct{ base }

func (s onePerSubject) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if entries, _ := s.ListSubject(ctx, state.Facts.Realm, state.Facts.Subject); len(entries) > 0 {
		return entries[0].ID.Key(), force(s.base, entries[0].ID, state, ttl)
	}
	return s.base.Save(ctx, state, ttl)
}

type swallows struct{ base }

func (s swallows) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	got, err := s.base.Update(ctx, key, state, ttl)
	if errors.Is(err, sojourn.ErrConflict) {
		return key, nil
	}
	return got, err
}

type notFoundAsText struct{ base }

func (s notFoundAsText) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := s.base.Load(ctx, key)
	if err != nil {
		err = errors.New(err.Error())
	}
	return state, err
}

// conflictsByHalf writes the facts before it compares the version.
type conflictsByHalf struct{ base }

func (s conflictsByHalf) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	got, err := s.base.Update(ctx, key, state, ttl)
	if errors.Is(err, sojourn.ErrConflict) {
		old, _ := s.Load(ctx, key)
		old.Facts.Label = state.Facts.Label
		old.Version--
		force(s.base, key.ID(), old, old.TTL)
	}
	return got, err
}

// mergesValues keeps the names that an Update left out.
type mergesValues struct{ base }

func (s mergesValues) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if old, err := s.Load(ctx, key); err == nil {
		merged, _ := old.With(sojourn.Patch{Generation: old.Facts.Generation, Set: state.Values})
		state.Values = merged.Values
	}
	return s.base.Update(ctx, key, state, ttl)
}

// torn answers the facts of one moment and the values of another.
type torn struct{ base }

func (s torn) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := s.base.Load(ctx, key)
	if err != nil {
		return state, err
	}
	gap()
	if later, err := s.base.Load(ctx, key); err == nil {
		state.Values = later.Values
	}
	return state, nil
}

func addBrokenWrites(add adder) {
	add("upsert on update", func(s base) sojourn.Store { return upsert{s} },
		"contract/update_missing_is_not_found", "contract/deleted_session_stays_dead", "races/update_and_delete", "concurrency/delete_wins")
	add("update falls back to save", func(s base) sojourn.Store { return savesInstead{s} }, "contract/update_missing_is_not_found")
	add("touch creates", func(s base) sojourn.Store { return touchCreates{s} },
		"contract/touch_missing_is_not_found", "races/touch_and_delete")
	add("version ignored", func(s base) sojourn.Store {
		return withVersion{s, func(given, stored uint64) uint64 { return stored }}
	}, "versions/update_of_a_stale_state_conflicts", "races/update_and_renew")
	add("version 0 means any", func(s base) sojourn.Store {
		return withVersion{s, func(given, stored uint64) uint64 {
			if given == 0 {
				return stored
			}
			return given
		}}
	}, "versions/version_0_conflicts")
	add("version compared by not older than", func(s base) sojourn.Store {
		return withVersion{s, func(given, stored uint64) uint64 {
			if given > stored {
				return stored
			}
			return given
		}}
	}, "versions/every_other_version_conflicts")
	add("version comes back", func(s base) sojourn.Store { return versionOfContent{s} }, "versions/never_comes_back")
	add("version comes back after a patch", func(s base) sojourn.Store { return patchTakesBack{s} }, "versions/never_comes_back")
	add("version 0 answered", func(s base) sojourn.Store { return versionZero{s} }, "versions/load_tells_one")
	add("version used again after delete", func(s base) sojourn.Store { return softDelete{s, make(map[sojourn.ID]bool)} },
		"contract/deleted_session_stays_dead")
	add("version compared in a step of its own", func(s base) sojourn.Store { return checkThenWrite{s} },
		"concurrency/one_of_many_updates_wins", "concurrency/counter_by_update", "concurrency/versions_of_racing_writers_differ",
		"races/update_and_delete", "races/renew_and_revoke")
	add("delete misses", func(s base) sojourn.Store { return deleteMisses{s} }, "contract/delete_ends_it_for_every_method")
	add("delete of an absent session is an error", func(s base) sojourn.Store { return deleteAsks{s} }, "contract/delete_missing_is_no_error")
	add("touch rewrites the record", func(s base) sojourn.Store { return touchRewrites{s} },
		"concurrency/touch_takes_nothing_back", "races/touch_and_delete", "races/update_and_touch")
	add("touch changes the version", func(s base) sojourn.Store { return touchBumps{s} }, "versions/touch_leaves_it")
	add("leak by prefix", func(s base) sojourn.Store { return byPrefix{s} }, "contract/ids_compare_whole")
	add("leak by case", func(s base) sojourn.Store { return byCase{s} }, "contract/ids_compare_whole")
	add("IDs that can be foretold", func(s base) sojourn.Store { return countsIDs{s, new(byte)} }, "contract/save_makes_a_fresh_key")
	add("save overwrites", func(s base) sojourn.Store { return onePerSubject{s} }, "contract/save_never_overwrites")
	add("errors swallowed", func(s base) sojourn.Store { return swallows{s} }, "versions/update_of_a_stale_state_conflicts")
	add("not found as error text", func(s base) sojourn.Store { return notFoundAsText{s} }, "contract/load_missing_is_not_found")
	add("conflict changes half", func(s base) sojourn.Store { return conflictsByHalf{s} }, "versions/update_of_a_stale_state_conflicts")
	add("update merges", func(s base) sojourn.Store { return mergesValues{s} }, "contract/update_replaces_everything")
	add("load is torn", func(s base) sojourn.Store { return torn{s} }, "concurrency/loads_are_whole")
}
