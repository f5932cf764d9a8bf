package histories_test

import (
	"context"
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest"
	"github.com/sojourn-go/sojourn/storetest/histories"
	"github.com/sojourn-go/sojourn/storetest/internal/recorder"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
)

type base struct{ *reference.Store }

func gap() { time.Sleep(20 * time.Microsecond) }

// patchesInSteps loads, and then writes.
type patchesInSteps struct{ base }

func (s patchesInSteps) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	state, err := s.Load(ctx, key)
	if err != nil {
		return err
	}
	next, err := state.With(p)
	if err != nil {
		return err
	}
	gap()
	s.Lock()
	defer s.Unlock()
	if _, err := s.Live(key.ID()); err != nil {
		return err
	}
	next.Version++
	return s.Put(key.ID(), next, max(ttl, state.TTL))
}

// remembers answers some loads from a cache.
type remembers struct {
	base
	cache chan sojourn.State
}

func (s remembers) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	select {
	case state := <-s.cache:
		if seed := state.Values.Get("seed"); seed != "" {
			if now, err := s.base.Load(ctx, key); err == nil && now.Values.Get("seed") == seed {
				return state, nil
			}
		}
	default:
	}
	state, err := s.base.Load(ctx, key)
	select {
	case s.cache <- state:
	default:
	}
	return state, err
}

// trimsInSteps lists, and then deletes.
type trimsInSteps struct{ base }

func (s trimsInSteps) TrimSubject(ctx context.Context, realm, subject string, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	entries, err := s.ListSubject(ctx, realm, subject)
	gap()
	var gone []sojourn.ID
	for _, entry := range slices.Backward(entries) {
		if len(entries)-len(gone) > n && entry.ID != spare {
			s.Delete(ctx, entry.ID.Key())
			gone = append(gone, entry.ID)
		}
	}
	return gone, err
}

// marksLate deletes, and then marks.
type marksLate struct{ base }

func (s marksLate) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	entries, err := s.ListSubject(ctx, realm, subject)
	n := 0
	for _, entry := range entries {
		if entry.ID != keep {
			s.Delete(ctx, entry.ID.Key())
			n++
		}
	}
	gap()
	s.Lock()
	defer s.Unlock()
	s.Mark(realm, subject)
	return n, err
}

// shortens sets the TTL where it must only extend it.
type shortens struct{ base }

func (s shortens) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	err := s.base.UpdateTTL(ctx, key, ttl)
	if err == nil {
		s.Lock()
		defer s.Unlock()
		r := s.Records[key.ID()]
		r.Expires = s.Now().Add(ttl)
		s.Records[key.ID()] = r
	}
	return err
}

// folds takes subjects that differ in case for one.
type folds struct{ base }

func (s folds) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	n, err := s.base.DeleteSubject(ctx, realm, subject, keep)
	more, _ := s.base.DeleteSubject(ctx, realm, strings.ToLower(subject), keep)
	return n + more, err
}

func TestBrokenStores(t *testing.T) {
	// What is broken on purpose leaves no file to repeat it, and is not worth half a minute of shrinking.
	for name, value := range map[string]string{"rapid.nofailfile": "true", "rapid.shrinktime": "2s"} {
		before := flag.Lookup(name).Value.String()
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { flag.Set(name, before) })
	}
	sessions := func(tb testing.TB, open func(testing.TB) sojourn.Store, opts histories.Options) {
		histories.Sessions(tb, open, opts)
	}
	subjects := func(tb testing.TB, open func(testing.TB) sojourn.Store, opts histories.Options) {
		histories.Subjects(tb, open, opts)
	}
	for _, broken := range []struct {
		name string
		make func(s base) sojourn.Store
		look func(tb testing.TB, open func(testing.TB) sojourn.Store, opts histories.Options)
	}{
		{"patch in steps", func(s base) sojourn.Store { return patchesInSteps{s} }, sessions},
		{"load from a cache", func(s base) sojourn.Store { return remembers{s, make(chan sojourn.State, 4)} }, sessions},
		{"trim in steps", func(s base) sojourn.Store { return trimsInSteps{s} }, subjects},
		{"mark after delete", func(s base) sojourn.Store { return marksLate{s} }, subjects},
		{"touch shortens", func(s base) sojourn.Store { return shortens{s} }, histories.Sequences},
		{"subjects folded", func(s base) sojourn.Store { return folds{s} }, histories.Sequences},
	} {
		t.Run(broken.name, func(t *testing.T) {
			var clock storetest.Clock
			open := func(testing.TB) sojourn.Store { return broken.make(base{reference.New(clock.Now)}) }
			opts := histories.Options{Options: storetest.Options{Clock: &clock}, Histories: 300}
			r := recorder.Run(t, func(tb testing.TB) {
				// One run of rapid finds most of them, not all.
				for range 20 {
					if !tb.Failed() {
						broken.look(tb, open, opts)
					}
				}
			})
			if !r.Failed() {
				t.Errorf("it was not caught: %s", r.Text())
			}
			text := r.Text()
			replay := strings.Contains(text, "SOJOURN_SEED=") && strings.Contains(text, "before: ") || strings.Contains(text, "-rapid.seed=")
			if !replay {
				t.Errorf("it is not said how to see it again: %s", text)
			}
			t.Logf("caught:\n%.1200s", text)
		})
	}
}
