package storetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
)

// The operations, as [Faulty] and [sojourn.StoreError] name them.
const (
	OpLoad   = "load"
	OpSave   = "save"
	OpUpdate = "update"
	OpTouch  = "touch" // UpdateTTL
	OpDelete = "delete"
	OpPatch  = "patch"
	OpList   = "list"   // ListSubject
	OpRevoke = "revoke" // DeleteSubject
	OpTrim   = "trim"   // TrimSubject
	OpAll    = "all"    // List
	OpSweep  = "sweep"
	OpWatch  = "watch"
)

// Faulty is a store that fails when told to. [sojourn.As] finds in it exactly the capabilities of the store it wraps, and
// each of their methods can fail too. It is safe for concurrent use.
type Faulty struct {
	st           sojourn.Store
	before       func(op string, key sojourn.Key) error
	capabilities sojourn.Store

	mu    sync.Mutex
	count map[string]int
	seen  map[sojourn.ID]*history
}

// history is what a session was, for stale reads.
type history struct{ last, before *sojourn.State }

// NewFaulty wraps st. before runs ahead of each call, maybe in several goroutines, with the operation and the key, which is
// zero where there is none. Its error is returned instead of calling st, unless it is one of the faults of this package:
// [AfterCall], [Timeout], [Slow], [Cancelled], [Stale]. A nil before, or a nil error, lets the call pass.
func NewFaulty(st sojourn.Store, before func(op string, key sojourn.Key) error) *Faulty {
	f := &Faulty{st: st, before: before, count: make(map[string]int), seen: make(map[sojourn.ID]*history)}
	f.capabilities = layers(f)
	return f
}

// Count returns how many calls of op there were, those included that never reached the wrapped store. Without an argument
// it counts all.
func (f *Faulty) Count(ops ...string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for op, count := range f.count {
		if len(ops) == 0 {
			n += count
		}
		for _, wanted := range ops {
			if op == wanted {
				n += count
			}
		}
	}
	return n
}

// Reset sets all counts to 0.
func (f *Faulty) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.count)
}

// Unwrap leads [sojourn.As] to the capabilities of the wrapped store, as they fail.
func (f *Faulty) Unwrap() sojourn.Store { return f.capabilities }

// Load implements [sojourn.Store].
func (f *Faulty) Load(ctx context.Context, key sojourn.Key) (state sojourn.State, err error) {
	stale, err := f.call(ctx, OpLoad, key, func(ctx context.Context) error {
		state, err = f.st.Load(ctx, key)
		return err
	})
	if errors.Is(err, sojourn.ErrNotFound) {
		f.forget(key.ID())
	}
	if err != nil {
		return sojourn.State{}, err
	}
	return f.remember(key.ID(), state, stale), nil
}

// Save implements [sojourn.Store].
func (f *Faulty) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (key sojourn.Key, err error) {
	_, err = f.call(ctx, OpSave, sojourn.Key{}, func(ctx context.Context) error {
		key, err = f.st.Save(ctx, state, ttl)
		return err
	})
	if err != nil {
		return sojourn.Key{}, err
	}
	return key, nil
}

// Update implements [sojourn.Store].
func (f *Faulty) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (next sojourn.Key, err error) {
	_, err = f.call(ctx, OpUpdate, key, func(ctx context.Context) error {
		next, err = f.st.Update(ctx, key, state, ttl)
		return err
	})
	if err != nil {
		return sojourn.Key{}, err
	}
	return next, nil
}

// UpdateTTL implements [sojourn.Store].
func (f *Faulty) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	_, err := f.call(ctx, OpTouch, key, func(ctx context.Context) error { return f.st.UpdateTTL(ctx, key, ttl) })
	return err
}

// Delete implements [sojourn.Store].
func (f *Faulty) Delete(ctx context.Context, key sojourn.Key) error {
	_, err := f.call(ctx, OpDelete, key, func(ctx context.Context) error { return f.st.Delete(ctx, key) })
	f.forget(key.ID())
	return err
}

// call counts, asks before, and does what it says. stale tells that the answer is to be an older one.
func (f *Faulty) call(ctx context.Context, op string, key sojourn.Key, do func(context.Context) error) (stale bool, err error) {
	f.mu.Lock()
	f.count[op]++
	f.mu.Unlock()
	if f.before == nil {
		return false, do(ctx)
	}
	switch err := f.before(op, key).(type) {
	case nil:
		return false, do(ctx)
	case *fault:
		return err.stale, err.around(ctx, do)
	default:
		return false, err
	}
}

// remember keeps state and returns it, or the one before it if there was one.
func (f *Faulty) remember(id sojourn.ID, state sojourn.State, stale bool) sojourn.State {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.seen[id]
	if h == nil {
		h = new(history)
		f.seen[id] = h
	}
	if h.last == nil || h.last.Version != state.Version {
		h.before, h.last = h.last, &state
	}
	if stale && h.before != nil {
		return *h.before
	}
	return state
}

// forget drops what a session was.
func (f *Faulty) forget(id sojourn.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.seen, id)
}

var _ sojourn.Store = (*Faulty)(nil)
