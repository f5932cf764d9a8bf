package storetest_test

import (
	"context"
	"slices"
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

func TestRaces_holdUp_needsNoLuck(t *testing.T) {
	pairs := []string{"update_and_delete", "update_and_update", "update_and_patch", "renew_and_revoke"}
	for _, c := range storetest.Cases() {
		if !slices.Contains(pairs, c.Name) {
			continue
		}
		for range 5 {
			var clock storetest.Clock
			r := recorder.Run(t, func(tb testing.TB) {
				c.Check(tb, func(testing.TB) sojourn.Store { return twoSteps{base{reference.New(clock.Now)}} },
					storetest.Options{Clock: &clock, Rounds: 1})
			})
			if !r.Failed() {
				t.Errorf("%s did not catch it", c.Name)
			}
		}
	}
}
