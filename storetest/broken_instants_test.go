package storetest_test

import (
	"context"
	"math"
	"time"

	"github.com/sojourn-go/sojourn"
)

// wrongTTL has methods, those named, that change the TTL they are given.
type wrongTTL struct {
	base
	method string
	change func(s base, key sojourn.Key, ttl time.Duration) time.Duration
}

func (s wrongTTL) ttl(method string, key sojourn.Key, ttl time.Duration) time.Duration {
	if method != s.method || ttl <= 0 {
		return ttl
	}
	return s.change(s.base, key, ttl)
}

func (s wrongTTL) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	return s.base.Save(ctx, state, s.ttl("Save", sojourn.Key{}, ttl))
}

func (s wrongTTL) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	return s.base.Update(ctx, key, state, s.ttl("Update", key, ttl))
}

func (s wrongTTL) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	return s.base.UpdateTTL(ctx, key, s.ttl("UpdateTTL", key, ttl))
}

func (s wrongTTL) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	return s.base.Patch(ctx, key, p, s.ttl("Patch", key, ttl))
}

// remembersSaves knows when each session was saved, and with what TTL.
type remembersSaves struct {
	base
	saved map[sojourn.ID]time.Time
	given map[sojourn.ID]time.Duration
}

func newRemembersSaves(s base) remembersSaves {
	return remembersSaves{s, make(map[sojourn.ID]time.Time), make(map[sojourn.ID]time.Duration)}
}

func (s remembersSaves) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	key, err := s.base.Save(ctx, state, ttl)
	s.Lock()
	defer s.Unlock()
	s.saved[key.ID()], s.given[key.ID()] = s.Now(), ttl
	return key, err
}

// extend gives a session again the TTL that it was saved with.
func (s remembersSaves) extend(id sojourn.ID) {
	s.Lock()
	defer s.Unlock()
	if r, ok := s.Records[id]; ok && r.Expires.After(s.Now()) {
		r.Expires = s.Now().Add(max(s.given[id], 1))
		s.Records[id] = r
	}
}

// countsFromSave has a method whose TTL counts from the Save.
type countsFromSave struct {
	remembersSaves
	method string
}

func (s countsFromSave) ttl(method string, key sojourn.Key, ttl time.Duration) time.Duration {
	s.Lock()
	defer s.Unlock()
	if saved, ok := s.saved[key.ID()]; ok && method == s.method && ttl > 0 {
		return max(1, ttl-s.Now().Sub(saved))
	}
	return ttl
}

func (s countsFromSave) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	return s.base.Update(ctx, key, state, s.ttl("Update", key, ttl))
}

func (s countsFromSave) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	return s.base.UpdateTTL(ctx, key, s.ttl("UpdateTTL", key, ttl))
}

func (s countsFromSave) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	return s.base.Patch(ctx, key, p, s.ttl("Patch", key, ttl))
}

// setsLonger compares the TTL with the one that was given before, and not with what remains of it.
type setsLonger struct {
	remembersSaves
	method string
}

func (s setsLonger) ttl(method string, key sojourn.Key, ttl time.Duration) time.Duration {
	s.Lock()
	defer s.Unlock()
	if method != s.method || ttl <= 0 {
		return ttl
	}
	return max(ttl, s.given[key.ID()])
}

func (s setsLonger) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	return s.base.UpdateTTL(ctx, key, s.ttl("UpdateTTL", key, ttl))
}

func (s setsLonger) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	return s.base.Patch(ctx, key, p, s.ttl("Patch", key, ttl))
}

// looksExtend has a method that extends what it reads.
type looksExtend struct {
	remembersSaves
	method string
}

func (s looksExtend) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	if s.method == "Load" {
		s.extend(key.ID())
	}
	return s.base.Load(ctx, key)
}

func (s looksExtend) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	entries, err := s.base.ListSubject(ctx, realm, subject)
	for _, entry := range entries {
		if s.method == "ListSubject" {
			s.extend(entry.ID)
		}
	}
	return entries, err
}

func (s looksExtend) List(ctx context.Context, cursor string, limit int) ([]sojourn.Entry, string, error) {
	entries, next, err := s.base.List(ctx, cursor, limit)
	for _, entry := range entries {
		if s.method == "List" {
			s.extend(entry.ID)
		}
	}
	return entries, next, err
}

// diesEarly takes a session for dead whose end is near.
type diesEarly struct{ base }

func (s diesEarly) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := s.base.Load(ctx, key)
	if err == nil && state.TTL < 100*time.Millisecond {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	return state, err
}

// comparesFirst compares version and patch with an expired record that was not swept.
type comparesFirst struct{ base }

func (s comparesFirst) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	s.Lock()
	r, ok := s.Records[key.ID()]
	s.Unlock()
	if ok && r.Version != state.Version {
		return key, sojourn.ErrConflict
	}
	return s.base.Update(ctx, key, state, ttl)
}

func addBrokenInstants(add adder) {
	wrong := func(method string, change func(s base, key sojourn.Key, ttl time.Duration) time.Duration) func(s base) sojourn.Store {
		return func(s base) sojourn.Store { return wrongTTL{s, method, change} }
	}
	floor := func(_ base, _ sojourn.Key, ttl time.Duration) time.Duration {
		return max(ttl.Truncate(time.Minute), min(ttl, time.Minute))
	}
	wraps := func(_ base, _ sojourn.Key, ttl time.Duration) time.Duration {
		if ttl == math.MaxInt64 {
			return time.Nanosecond
		}
		return ttl
	}
	for _, method := range []string{"Save", "Update", "UpdateTTL", "Patch"} {
		add("TTL of "+method+" in minutes, rounded down", wrong(method, floor), "ttl/rounded_up_to_the_resolution")
		add("TTL of "+method+" in minutes, rounded up", wrong(method, func(_ base, _ sojourn.Key, ttl time.Duration) time.Duration {
			ttl, _ = sojourn.RoundTTL(ttl, time.Minute)
			return ttl
		}), "ttl/rounded_up_to_the_resolution")
		add("TTL of "+method+" wraps", wrong(method, wraps), "ttl/the_longest_does_not_wrap")
	}
	add("TTL in milliseconds, rounded down", wrong("Save", func(_ base, _ sojourn.Key, ttl time.Duration) time.Duration {
		return max(ttl.Truncate(time.Millisecond), time.Nanosecond)
	}), "ttl/rounded_up_to_the_resolution")
	for _, method := range []string{"Update", "UpdateTTL", "Patch"} {
		add("TTL of "+method+" counted from the save", func(s base) sojourn.Store {
			return countsFromSave{newRemembersSaves(s), method}
		}, "ttl/counts_from_its_own_call")
	}
	for _, method := range []string{"UpdateTTL", "Patch"} {
		add(method+" sets the longest TTL given", func(s base) sojourn.Store {
			return setsLonger{newRemembersSaves(s), method}
		}, "ttl/less_than_what_remains_leaves_it")
	}
	for _, method := range []string{"Load", "ListSubject", "List"} {
		add(method+" extends", func(s base) sojourn.Store { return looksExtend{newRemembersSaves(s), method} }, "ttl/reading_leaves_it")
	}
	add("dead before the end", func(s base) sojourn.Store { return diesEarly{s} }, "ttl/unexpired_is_alive")
	add("conflict with the expired", func(s base) sojourn.Store { return comparesFirst{s} }, "ttl/expired_is_dead_for_writers")
}
