package storetest_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest"
	"github.com/sojourn-go/sojourn/storetest/internal/recorder"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
)

// twoSteps compares the version in one step and writes in the next, with nothing but a look at the context in between: too
// short a time for a race to hit, unless somebody stops there.
type twoSteps struct{ base }

func (s twoSteps) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	old, err := s.Load(ctx, key)
	if err != nil {
		return key, err
	}
	if old.Version != state.Version {
		return key, sojourn.ErrConflict
	}
	if err := ctx.Err(); err != nil {
		return key, err
	}
	return key, force(s.base, key.ID(), state, ttl)
}

// worn has sessions that die of the third look at them.
type worn struct {
	base
	mu    *sync.Mutex
	looks map[sojourn.ID]int
}

func (s worn) look(id sojourn.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looks[id]++; s.looks[id] == 3 {
		s.base.Delete(context.Background(), id.Key())
	}
}

func (s worn) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	s.look(key.ID())
	return s.base.Load(ctx, key)
}

func (s worn) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	entries, _ := s.base.ListSubject(ctx, realm, subject)
	for _, entry := range entries {
		s.look(entry.ID)
	}
	return s.base.ListSubject(ctx, realm, subject)
}

func (s worn) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	s.look(key.ID())
	return s.base.UpdateTTL(ctx, key, ttl)
}

// undead has sessions that can still be loaded when they are gone.
type undead struct {
	base
	mu   *sync.Mutex
	last map[sojourn.ID]sojourn.State
}

func (s undead) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := s.base.Load(ctx, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, ok := s.last[key.ID()]; ok && err != nil {
		return last, nil
	}
	s.last[key.ID()] = state
	return state, err
}

// Each pair fails on a store that loses what it should keep, or keeps what it should lose.
func TestRaces_everyPairCanFail(t *testing.T) {
	fails := func(c storetest.Case, make func(s base) sojourn.Store) bool {
		var clock storetest.Clock
		return recorder.Run(t, func(tb testing.TB) {
			c.Check(tb, func(testing.TB) sojourn.Store { return make(base{reference.New(clock.Now)}) },
				storetest.Options{Clock: &clock, Rounds: 1})
		}).Failed()
	}
	n := 0
	for _, c := range storetest.Cases() {
		if c.Group != "races" {
			continue
		}
		n++
		loses := fails(c, func(s base) sojourn.Store { return worn{s, new(sync.Mutex), make(map[sojourn.ID]int)} })
		keeps := fails(c, func(s base) sojourn.Store { return undead{s, new(sync.Mutex), make(map[sojourn.ID]sojourn.State)} })
		if !loses && !keeps {
			t.Errorf("%s catches neither", c.Name)
		}
	}
	t.Logf("%d pairs", n)
}

// remote takes a moment for every call, as a server across a network does.
func remote(s sojourn.Store) sojourn.Store {
	return storetest.NewFaulty(s, func(string, sojourn.Key) error {
		time.Sleep(3 * time.Millisecond)
		return nil
	})
}

func TestRaces_holdUp_needsNoLuck(t *testing.T) {
	near := func(s sojourn.Store) sojourn.Store { return s }
	pairs := []string{"update_and_delete", "update_and_update", "update_and_patch", "renew_and_revoke"}
	for _, c := range storetest.Cases() {
		if !slices.Contains(pairs, c.Name) {
			continue
		}
		for i := range 6 {
			where := near
			if i%2 == 1 {
				where = remote // the other one takes longer than a moment, and must get it
			}
			var clock storetest.Clock
			r := recorder.Run(t, func(tb testing.TB) {
				c.Check(tb, func(testing.TB) sojourn.Store { return where(twoSteps{base{reference.New(clock.Now)}}) },
					storetest.Options{Clock: &clock, Rounds: 1})
			})
			if !r.Failed() {
				t.Errorf("%s did not catch it, remote: %t", c.Name, i%2 == 1)
			}
		}
	}
}
