package sojourn

import (
	"context"
	"errors"
	"time"
)

// backend is the store as the manager uses it: capabilities found once, failures wrapped and observed in one place, and
// the changes that a store cannot make itself made here.
type backend struct {
	store   Store
	patcher Patcher
	index   SubjectIndex
	lister  Lister
	sweeper Sweeper
	watcher Watcher
	parser  KeyParser
	leases  leaseLoader
	fail    func(ctx context.Context, err *StoreError)
}

// leaseLoader is what a client-side store may have beside its [KeyParser].
type leaseLoader interface {
	LoadLease(ctx context.Context, id ID) (State, error)
}

func newBackend(st Store) backend {
	b := backend{store: st}
	b.patcher, _ = As[Patcher](st)
	b.index, _ = As[SubjectIndex](st)
	b.lister, _ = As[Lister](st)
	b.sweeper, _ = As[Sweeper](st)
	b.watcher, _ = As[Watcher](st)
	b.parser, _ = As[KeyParser](st)
	b.leases, _ = As[leaseLoader](st)
	return b
}

// failed wraps a store's failure and tells the observer.
func (b *backend) failed(ctx context.Context, op string, id ID, err error) error {
	wrapped := &StoreError{op, id, err}
	b.fail(ctx, wrapped)
	return wrapped
}

// answered reports whether err is one of the contract's answers, so that what happened in the store is known. After any
// other error a write may have been made or not.
func answered(err error) bool {
	for _, answer := range [...]error{nil, ErrNotFound, ErrConflict, ErrTooLarge, ErrEnded, ErrCorrupt, ErrNewer, errors.ErrUnsupported} {
		if errors.Is(err, answer) {
			return true
		}
	}
	return false
}

// load fills state, which is large.
func (b *backend) load(ctx context.Context, key Key, state *State) (err error) {
	*state, err = b.store.Load(ctx, key)
	return b.loaded(ctx, key.ID(), err)
}

// loadByID loads a session of which only the ID is known: of a client-side store, its facts.
func (b *backend) loadByID(ctx context.Context, id ID) (state State, err error) {
	if b.parser == nil {
		err = b.load(ctx, id.Key(), &state)
		return state, err
	}
	if b.leases == nil {
		return State{}, errors.ErrUnsupported
	}
	state, err = b.leases.LoadLease(ctx, id)
	if errors.Is(err, errors.ErrUnsupported) {
		return State{}, errors.ErrUnsupported
	}
	return state, b.loaded(ctx, id, err)
}

// loaded returns what a load's answer means to its caller.
func (b *backend) loaded(ctx context.Context, id ID, err error) error {
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt) {
		return err
	}
	return b.unread(ctx, "load", id, err)
}

// unread is failed for a read: that its client has left is nothing to tell an operator.
func (b *backend) unread(ctx context.Context, op string, id ID, err error) error {
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return &StoreError{op, id, err}
	}
	return b.failed(ctx, op, id, err)
}

func (b *backend) delete(ctx context.Context, key Key) error {
	if err := b.store.Delete(ctx, key); err != nil && !errors.Is(err, ErrNotFound) {
		return b.failed(ctx, "delete", key.ID(), err)
	}
	return nil
}

// patch applies p under ttl. Without a Patcher it does so by Update at the version that was loaded, after a Load if that
// is not known; left returns the TTL to keep then if ttl is shorter. It returns the store's own error, and the key,
// which only a client-side store changes.
func (b *backend) patch(ctx context.Context, key Key, stored *State, p Patch, ttl time.Duration, left func() time.Duration) (Key, error) {
	if b.patcher != nil {
		err := b.patcher.Patch(ctx, key, p, ttl)
		if !errors.Is(err, errors.ErrUnsupported) {
			return key, err
		}
	}
	base, keep := *stored, left()
	if base.Version == 0 {
		fresh, err := b.store.Load(ctx, key)
		if err != nil {
			return key, err
		}
		base, keep = fresh, fresh.TTL
	}
	next, err := base.With(p)
	if err != nil {
		return key, err // base may be another generation's: not for the handler to see
	}
	*stored = base
	return b.store.Update(ctx, key, next, max(ttl, keep))
}
