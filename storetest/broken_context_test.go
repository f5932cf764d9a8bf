package storetest_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
)

// deaf gives no method its context.
type deaf struct{ base }

var never = context.Background()

func (s deaf) Load(_ context.Context, key sojourn.Key) (sojourn.State, error) {
	return s.base.Load(never, key)
}

func (s deaf) Save(_ context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	return s.base.Save(never, state, ttl)
}

func (s deaf) Update(_ context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	return s.base.Update(never, key, state, ttl)
}

func (s deaf) UpdateTTL(_ context.Context, key sojourn.Key, ttl time.Duration) error {
	return s.base.UpdateTTL(never, key, ttl)
}

func (s deaf) Delete(_ context.Context, key sojourn.Key) error { return s.base.Delete(never, key) }

func (s deaf) Patch(_ context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	return s.base.Patch(never, key, p, ttl)
}

func (s deaf) ListSubject(_ context.Context, realm, subject string) ([]sojourn.Entry, error) {
	return s.base.ListSubject(never, realm, subject)
}

func (s deaf) DeleteSubject(_ context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	return s.base.DeleteSubject(never, realm, subject, keep)
}

func (s deaf) TrimSubject(_ context.Context, realm, subject string, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	return s.base.TrimSubject(never, realm, subject, n, spare)
}

func (s deaf) List(_ context.Context, cursor string, limit int) ([]sojourn.Entry, string, error) {
	return s.base.List(never, cursor, limit)
}

func (s deaf) Sweep(_ context.Context, limit int) (int, error) { return s.base.Sweep(never, limit) }

// worksThenLooks does the work and then looks at the context.
type worksThenLooks struct{ base }

func (s worksThenLooks) Delete(ctx context.Context, key sojourn.Key) error {
	s.base.Delete(never, key)
	return ctx.Err()
}

func (s worksThenLooks) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	n, _ := s.base.DeleteSubject(never, realm, subject, keep)
	return n, ctx.Err()
}

// rollsBack takes a change back when the context of its call ends.
type rollsBack struct {
	base
	open *[]func() // undo what was done under a context that has ended
}

func (s rollsBack) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	s.Lock()
	before := s.Records[key.ID()]
	s.Unlock()
	*s.open = append(*s.open, func() {
		if ctx.Err() != nil {
			s.Records[key.ID()] = before
		}
	})
	return s.base.Update(ctx, key, state, ttl)
}

func (s rollsBack) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	s.Lock()
	for _, undo := range *s.open {
		undo()
	}
	s.Unlock()
	return s.base.Load(ctx, key)
}

// keepsConnections does not give back the connection of a call that was cancelled.
type keepsConnections struct {
	base
	mu   *sync.Mutex
	free *int
}

var errNoConnection = errors.New("all connections are in use")

func (s keepsConnections) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	s.mu.Lock()
	if *s.free == 0 {
		s.mu.Unlock()
		return sojourn.State{}, errNoConnection
	}
	*s.free--
	s.mu.Unlock()
	state, err := s.base.Load(ctx, key)
	gap()
	if ctx.Err() != nil {
		return sojourn.State{}, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	*s.free++
	return state, err
}

// halves writes the facts, looks at the context, and writes the values.
type halves struct{ base }

func (s halves) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	old, err := s.Load(ctx, key)
	if err != nil {
		return key, err
	}
	facts := old
	facts.Facts, facts.Version = state.Facts, state.Version
	if _, err := s.base.Update(ctx, key, facts, ttl); err != nil {
		return key, err
	}
	time.Sleep(time.Millisecond)
	if ctx.Err() != nil {
		return key, ctx.Err()
	}
	state.Version++
	return s.base.Update(ctx, key, state, ttl)
}

func addBrokenContexts(add adder) {
	add("context ignored", func(s base) sojourn.Store { return deaf{s} },
		"context/cancelled_load", "context/cancelled_save", "context/cancelled_update", "context/cancelled_touch", "context/cancelled_delete",
		"context/cancelled_patch", "context/cancelled_list", "context/cancelled_revoke", "context/cancelled_trim", "context/cancelled_all",
		"context/cancelled_sweep", "context/a_deadline_that_has_passed")
	add("context looked at too late", func(s base) sojourn.Store { return worksThenLooks{s} }, "context/cancelled_delete", "context/cancelled_revoke")
	add("rolled back with the context", func(s base) sojourn.Store { return rollsBack{s, new([]func())} }, "context/cancelled_after_the_answer")
	add("connections kept", func(s base) sojourn.Store {
		free := 8
		return keepsConnections{s, new(sync.Mutex), &free}
	}, "context/cancelled_calls_leave_the_store_usable")
	add("cancelled by half", func(s base) sojourn.Store { return halves{s} }, "context/cancelled_on_the_way")
}
