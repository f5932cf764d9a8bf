package sojourn_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// errDriver is what a driver says when its server is down. Its text must reach no client and no log of a StoreError.
var errDriver = errors.New("dial tcp 10.1.2.3:5432: user=app password=canary-driver-text")

// spyStore counts the calls of a store and fails those it is told to. Other capabilities than Patcher are found through
// Unwrap and not counted.
type spyStore struct {
	inner sojourn.Store

	mu     sync.Mutex
	calls  []string
	before func(op string, key sojourn.Key) error
}

var _ sojourn.Patcher = (*spyStore)(nil)

func newSpy(st sojourn.Store) *spyStore { return &spyStore{inner: st} }

func (s *spyStore) Unwrap() sojourn.Store { return s.inner }

// fail makes each call of these operations fail, all if none is named; fail() again with nil ends that.
func (s *spyStore) fail(err error, ops ...string) {
	s.hook(func(op string, _ sojourn.Key) error {
		for _, o := range ops {
			if o == op {
				return err
			}
		}
		if len(ops) == 0 {
			return err
		}
		return nil
	})
}

// hook runs f before each call, which does not happen if f returns an error.
func (s *spyStore) hook(f func(op string, key sojourn.Key) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = f
}

// take returns the operations since the last take, in order.
func (s *spyStore) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// wantCalls fails the test unless exactly these operations ran since the last look.
func (s *spyStore) wantCalls(tb testing.TB, want ...string) {
	tb.Helper()
	got := s.take()
	if len(got) != len(want) {
		tb.Errorf("got store calls %v, want %v", got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			tb.Errorf("got store calls %v, want %v", got, want)
			return
		}
	}
}

func (s *spyStore) begin(op string, key sojourn.Key) error {
	s.mu.Lock()
	s.calls = append(s.calls, op)
	f := s.before
	s.mu.Unlock()
	if f != nil {
		return f(op, key)
	}
	return nil
}

func (s *spyStore) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	if err := s.begin("load", key); err != nil {
		return sojourn.State{}, err
	}
	state, err := s.inner.Load(ctx, key)
	return state, err
}

func (s *spyStore) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if err := s.begin("save", sojourn.Key{}); err != nil {
		return sojourn.Key{}, err
	}
	key, err := s.inner.Save(ctx, state, ttl)
	return key, err
}

func (s *spyStore) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if err := s.begin("update", key); err != nil {
		return key, err
	}
	next, err := s.inner.Update(ctx, key, state, ttl)
	return next, err
}

func (s *spyStore) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	if err := s.begin("touch", key); err != nil {
		return err
	}
	return s.inner.UpdateTTL(ctx, key, ttl)
}

func (s *spyStore) Delete(ctx context.Context, key sojourn.Key) error {
	if err := s.begin("delete", key); err != nil {
		return err
	}
	return s.inner.Delete(ctx, key)
}

func (s *spyStore) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	if err := s.begin("patch", key); err != nil {
		return err
	}
	patcher, ok := sojourn.As[sojourn.Patcher](s.inner)
	if !ok {
		return errors.ErrUnsupported
	}
	return patcher.Patch(ctx, key, p, ttl)
}

// fiveMethods hides every capability of a store.
type fiveMethods struct{ sojourn.Store }

// eventLog is an observer that remembers.
type eventLog struct {
	mu  sync.Mutex
	all []sojourn.Event
}

func (l *eventLog) observe(_ context.Context, e sojourn.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, e)
}

// take returns the events since the last take.
func (l *eventLog) take() []sojourn.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.all
	l.all = nil
	return all
}

func (l *eventLog) count(kind sojourn.EventKind) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, e := range l.all {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// wantEvents fails the test unless exactly these kinds were seen since the last look.
func (l *eventLog) wantEvents(tb testing.TB, want ...sojourn.EventKind) {
	tb.Helper()
	var got []sojourn.EventKind
	for _, e := range l.take() {
		got = append(got, e.Kind)
	}
	if len(got) != len(want) {
		tb.Errorf("got events %v, want %v", got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			tb.Errorf("got events %v, want %v", got, want)
			return
		}
	}
}
