package storetest_test

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
)

// withTTL changes the TTL of each write.
type withTTL struct {
	base
	change func(ttl time.Duration) time.Duration
}

func (s withTTL) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	return s.base.Save(ctx, state, s.change(ttl))
}

func (s withTTL) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	return s.base.Update(ctx, key, state, s.change(ttl))
}

func (s withTTL) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	return s.base.UpdateTTL(ctx, key, s.change(ttl))
}

// setsTTL has methods that set the TTL where they must only extend it.
type setsTTL struct {
	base
	touch, patch, refused bool
}

func (s setsTTL) set(key sojourn.Key, ttl time.Duration) {
	s.Lock()
	defer s.Unlock()
	if r, ok := s.Records[key.ID()]; ok {
		r.Expires = s.Now().Add(ttl)
		s.Records[key.ID()] = r
	}
}

func (s setsTTL) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	err := s.base.UpdateTTL(ctx, key, ttl)
	if err == nil && s.touch {
		s.set(key, ttl)
	}
	return err
}

func (s setsTTL) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	err := s.base.Patch(ctx, key, p, ttl)
	if s.patch && err == nil || s.refused && err == sojourn.ErrConflict {
		s.set(key, ttl)
	}
	return err
}

func (s setsTTL) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	got, err := s.base.Update(ctx, key, state, ttl)
	if s.refused && err == sojourn.ErrConflict {
		s.set(key, ttl)
	}
	return got, err
}

type updateKeepsTTL struct{ base }

func (s updateKeepsTTL) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	old, _ := s.Load(ctx, key)
	return s.base.Update(ctx, key, state, max(ttl, old.TTL))
}

// leavesTTL has methods that do not extend the TTL, or do not replace it.
type leavesTTL struct {
	base
	touch, patch, update, version bool
}

func (s leavesTTL) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	if s.touch {
		_, err := s.Load(ctx, key)
		return err
	}
	return s.base.UpdateTTL(ctx, key, ttl)
}

func (s leavesTTL) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	if s.patch {
		ttl = min(ttl, 1)
	}
	return s.base.Patch(ctx, key, p, ttl)
}

func (s leavesTTL) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	old, _ := s.Load(ctx, key)
	if s.update && old.TTL > 0 {
		ttl = old.TTL
	}
	got, err := s.base.Update(ctx, key, state, ttl)
	if s.version && err == nil {
		s.Lock()
		defer s.Unlock()
		r := s.Records[key.ID()]
		r.Version--
		s.Records[key.ID()] = r
	}
	return got, err
}

// oneEnd has one expiry for all records: the last one given.
type oneEnd struct{ base }

func (s oneEnd) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	key, err := s.base.Save(ctx, state, ttl)
	s.Lock()
	defer s.Unlock()
	for id, r := range s.Records {
		r.Expires = s.Records[key.ID()].Expires
		s.Records[id] = r
	}
	return key, err
}

// answersGiven answers the TTL that was given, not what is left of it.
type answersGiven struct {
	base
	given map[sojourn.ID]time.Duration
}

func (s answersGiven) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	key, err := s.base.Save(ctx, state, ttl)
	s.given[key.ID()] = ttl
	return key, err
}

func (s answersGiven) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := s.base.Load(ctx, key)
	if err == nil {
		state.TTL = s.given[key.ID()]
	}
	return state, err
}

// sweepsInSteps looks for what has expired, and then removes it and counts.
type sweepsInSteps struct{ base }

func (s sweepsInSteps) Sweep(ctx context.Context, limit int) (int, error) {
	var expired []sojourn.ID
	s.Lock()
	for id, r := range s.Records {
		if len(expired) < limit && !r.Expires.After(s.Now()) {
			expired = append(expired, id)
		}
	}
	s.Unlock()
	gap()
	for _, id := range expired {
		s.Delete(ctx, id.Key())
	}
	return len(expired), nil
}

// noTTL answers no TTL.
type noTTL struct{ base }

func (s noTTL) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := s.base.Load(ctx, key)
	state.TTL = 0
	return state, err
}

// lazy takes a record for live until it was swept.
type lazy struct{ base }

func (s lazy) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	s.Lock()
	defer s.Unlock()
	r, ok := s.Records[key.ID()]
	if !ok {
		return sojourn.ErrNotFound
	}
	r.Expires = s.Now().Add(ttl)
	s.Records[key.ID()] = r
	return nil
}

// waits looks at the clock when a call arrives, and then waits for its turn.
type waits struct{ base }

func (s waits) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	arrived := s.Now()
	gap()
	s.Lock()
	defer s.Unlock()
	r, ok := s.Records[key.ID()]
	if !ok || !r.Expires.After(arrived) {
		return sojourn.ErrNotFound
	}
	r.Expires = arrived.Add(max(ttl, r.Expires.Sub(arrived)))
	s.Records[key.ID()] = r
	return nil
}

// sweepsQueue sweeps by the expiries that sessions had when they were saved.
type sweepsQueue struct {
	base
	mu    *sync.Mutex
	queue map[sojourn.ID]time.Time
}

func (s sweepsQueue) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	key, err := s.base.Save(ctx, state, ttl)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue[key.ID()] = s.Now().Add(ttl)
	return key, err
}

func (s sweepsQueue) Sweep(ctx context.Context, limit int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for id, expires := range s.queue {
		if n < limit && !expires.After(s.Now()) {
			s.Delete(ctx, id.Key())
			delete(s.queue, id)
			n++
		}
	}
	return n, nil
}

// sweepsWith changes the limit and the answer of Sweep.
type sweepsWith struct {
	base
	limit, answer func(n int) int
}

func (s sweepsWith) Sweep(ctx context.Context, limit int) (int, error) {
	n, err := s.base.Sweep(ctx, s.limit(limit))
	return s.answer(n), err
}

func addBrokenTimes(add adder) {
	ttl := func(change func(time.Duration) time.Duration) func(s base) sojourn.Store {
		return func(s base) sojourn.Store { return withTTL{s, change} }
	}
	same := func(n int) int { return n }
	add("TTL ignored", ttl(func(time.Duration) time.Duration { return math.MaxInt64 / 2 }), "ttl/expired_is_not_found")
	add("TTL in a larger unit", ttl(func(d time.Duration) time.Duration { return d * 1000 }), "ttl/load_tells_what_remains", "ttl/expired_is_not_found")
	add("TTL in a smaller unit", ttl(func(d time.Duration) time.Duration { return d/1000 + 1 }), "ttl/unexpired_is_alive")
	add("TTL 0 is for ever", ttl(func(d time.Duration) time.Duration {
		if d <= 0 {
			return math.MaxInt64 / 2
		}
		return d
	}), "ttl/zero_and_less_are_errors")
	add("TTL over 30 days is a date", ttl(func(d time.Duration) time.Duration {
		if d > 30*24*time.Hour {
			return time.Nanosecond
		}
		return d
	}), "ttl/more_than_a_month_is_a_duration")
	add("TTL wraps", ttl(func(d time.Duration) time.Duration {
		if d == math.MaxInt64 {
			return time.Nanosecond
		}
		return d
	}), "ttl/the_longest_does_not_wrap")
	add("TTL shortened by a patch", func(s base) sojourn.Store { return setsTTL{base: s, patch: true} }, "ttl/patch_never_shortens")
	add("TTL shortened by a touch", func(s base) sojourn.Store { return setsTTL{base: s, touch: true} }, "ttl/touch_never_shortens")
	add("TTL set by what was refused", func(s base) sojourn.Store { return setsTTL{base: s, refused: true} },
		"ttl/refused_update_leaves_it", "ttl/refused_patch_leaves_it")
	add("update keeps the longer TTL", func(s base) sojourn.Store { return updateKeepsTTL{s} }, "ttl/update_sets_a_shorter_one")
	add("TTL rounded down", ttl(func(d time.Duration) time.Duration { return d.Truncate(time.Millisecond) }),
		"ttl/less_than_the_resolution_is_rounded_up")
	add("TTL of the last session for all", func(s base) sojourn.Store { return oneEnd{s} }, "ttl/each_session_has_its_own")
	add("TTL answered as it was given", func(s base) sojourn.Store { return answersGiven{s, make(map[sojourn.ID]time.Duration)} },
		"ttl/what_remains_goes_down")
	add("touch does nothing", func(s base) sojourn.Store { return leavesTTL{base: s, touch: true} }, "ttl/touch_extends")
	add("patch leaves the TTL", func(s base) sojourn.Store { return leavesTTL{base: s, patch: true} }, "ttl/patch_extends")
	add("update leaves the TTL", func(s base) sojourn.Store { return leavesTTL{base: s, update: true} },
		"ttl/update_sets_a_longer_one", "ttl/update_to_a_short_one_expires")
	add("update keeps the version", func(s base) sojourn.Store { return leavesTTL{base: s, version: true} }, "versions/update_changes_it")
	add("sweep in steps", func(s base) sojourn.Store { return sweepsInSteps{s} }, "sweeper/many_nodes_at_once")
	add("TTL not answered", func(s base) sojourn.Store { return noTTL{s} }, "ttl/load_tells_what_remains")
	add("expired is live until swept", func(s base) sojourn.Store { return lazy{s} }, "ttl/expired_is_dead_for_writers")
	add("a write that waited across the expiry revives", func(s base) sojourn.Store { return waits{s} }, "races/touch_and_expire")
	add("sweep deletes what was extended", func(s base) sojourn.Store {
		return sweepsQueue{s, new(sync.Mutex), make(map[sojourn.ID]time.Time)}
	}, "sweeper/leaves_what_was_extended")
	add("sweep without a limit", func(s base) sojourn.Store {
		return sweepsWith{s, func(int) int { return math.MaxInt }, same}
	}, "sweeper/removes_what_has_expired")
	add("sweep claimed and not honoured", func(s base) sojourn.Store {
		return sweepsWith{s, func(int) int { return 0 }, func(int) int { return 0 }}
	}, "sweeper/removes_what_has_expired")
}
