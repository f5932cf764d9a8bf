package storetest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
)

// plainStore has the five methods and nothing else: what the manager promises may need no capability.
type plainStore struct {
	mu      sync.Mutex
	records map[sojourn.ID]plainRecord
}

type plainRecord struct {
	state sojourn.State
	end   time.Time
}

func newPlainStore() *plainStore { return &plainStore{records: make(map[sojourn.ID]plainRecord)} }

func (s *plainStore) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live(ctx, key)
}

func (s *plainStore) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sojourn.NewID().Key()
	state.Version = 1
	return key, s.put(ctx, key, state, ttl)
}

func (s *plainStore) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.live(ctx, key)
	if err != nil {
		return key, err
	}
	if old.Version != state.Version {
		return key, sojourn.ErrConflict
	}
	state.Version++
	return key, s.put(ctx, key, state, ttl)
}

func (s *plainStore) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, err := s.live(ctx, key)
	if err != nil {
		return err
	}
	return s.put(ctx, key, state, max(ttl, state.TTL))
}

func (s *plainStore) Delete(ctx context.Context, key sojourn.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, key.ID())
	return ctx.Err()
}

// live and put run under s.mu.

func (s *plainStore) live(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	r, ok := s.records[key.ID()]
	ttl := time.Until(r.end)
	if !ok || ttl <= 0 {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	r.state.TTL = ttl
	return r.state, ctx.Err()
}

func (s *plainStore) put(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ttl, err := sojourn.RoundTTL(ttl, time.Millisecond)
	if err != nil {
		return err
	}
	s.records[key.ID()] = plainRecord{state, time.Now().Add(ttl)}
	return nil
}

func TestRunManager_plainStore(t *testing.T) {
	storetest.RunManager(t, func(testing.TB) sojourn.Store { return newPlainStore() }, storetest.ManagerOptions{})
}

// A decorator has every capability, and says of those that the inner store lacks that it does not support them.
type cautious struct{ sojourn.Store }

func (cautious) Patch(context.Context, sojourn.Key, sojourn.Patch, time.Duration) error {
	return errors.ErrUnsupported
}

func (cautious) ListSubject(context.Context, string, string) ([]sojourn.Entry, error) {
	return nil, errors.ErrUnsupported
}

func (cautious) DeleteSubject(context.Context, string, string, sojourn.ID) (int, error) {
	return 0, errors.ErrUnsupported
}

func (cautious) TrimSubject(context.Context, string, string, int, sojourn.ID) ([]sojourn.ID, error) {
	return nil, errors.ErrUnsupported
}

func (cautious) List(context.Context, string, int) ([]sojourn.Entry, string, error) {
	return nil, "", errors.ErrUnsupported
}

func (cautious) Sweep(context.Context, int) (int, error) { return 0, errors.ErrUnsupported }

func (cautious) Watch(context.Context, func(sojourn.ID)) error { return errors.ErrUnsupported }

func TestRunManager_unsupportedCapabilities(t *testing.T) {
	storetest.RunManager(t, func(testing.TB) sojourn.Store { return cautious{newPlainStore()} }, storetest.ManagerOptions{Rounds: 1})
}

func TestRunFaults_unsupportedCapabilities(t *testing.T) {
	storetest.RunFaults(t, func(testing.TB) sojourn.Store { return cautious{newPlainStore()} }, storetest.FaultOptions{Operations: 1000})
}

func TestRun_unsupportedCapabilities(t *testing.T) {
	var clock storetest.Clock
	storetest.Run(t, func(testing.TB) sojourn.Store { return cautious{reference.New(clock.Now)} },
		storetest.Options{Clock: &clock, Rounds: 2})
}

func TestRunFaults_plainStore(t *testing.T) {
	storetest.RunFaults(t, func(testing.TB) sojourn.Store { return newPlainStore() }, storetest.FaultOptions{Operations: 5000})
}
