package sealstore

import (
	"context"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Load implements [sojourn.Store]. It opens all values. One that is damaged, that was moved here from another session,
// realm or name, or that is in clear, makes the session [sojourn.ErrCorrupt]; one under a secret that this node does not
// know, or of a newer release, makes it [sojourn.ErrNewer]. Either way the record stays as it is.
func (s *Store) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := s.inner.Load(ctx, key)
	if err != nil {
		s.memory.forget(key.ID())
		return sojourn.State{}, err
	}
	b := box{store: s, bound: bindingOf(key.ID(), &state.Facts)}
	sealed := state.Values
	if state.Values, err = b.openAll(sealed); err != nil {
		s.memory.forget(key.ID())
		return sojourn.State{}, err
	}
	s.remember(&b.bound, sealed)
	return state, nil
}

// Save implements [sojourn.Store].
func (s *Store) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	b := box{store: s, bound: bindingOf(sojourn.ID{}, &state.Facts)}
	sealed, err := b.sealAll(formSaved, state.Values, 0)
	if err != nil {
		return sojourn.Key{}, err
	}
	state.Values = sealed
	key, err := s.inner.Save(ctx, state, ttl)
	if err != nil {
		return sojourn.Key{}, err
	}
	b.bound.id = key.ID()
	s.remember(&b.bound, sealed)
	return key, nil
}

// Update implements [sojourn.Store]. It seals all values anew, under the first secret.
func (s *Store) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	b := box{store: s, bound: bindingOf(key.ID(), &state.Facts)}
	sealed, err := b.sealAll(formKept, state.Values, 0)
	if err != nil {
		return sojourn.Key{}, err
	}
	state.Values = sealed
	next, err := s.inner.Update(ctx, key, state, ttl)
	if err != nil {
		s.memory.forget(key.ID())
		return next, err
	}
	s.remember(&b.bound, sealed)
	return next, nil
}

// UpdateTTL implements [sojourn.Store].
func (s *Store) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	return s.inner.UpdateTTL(ctx, key, ttl)
}

// Delete implements [sojourn.Store].
func (s *Store) Delete(ctx context.Context, key sojourn.Key) error {
	s.memory.forget(key.ID())
	return s.inner.Delete(ctx, key)
}
