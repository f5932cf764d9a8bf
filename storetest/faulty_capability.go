package storetest

import (
	"context"
	"time"

	"github.com/sojourn-go/sojourn"
)

// layers returns a chain of stores, found by Unwrap, with one capability each: those that f's store has. As stops at the
// first that has what it looks for, so the wrapped store, at the end of the chain, is only reached for capabilities that
// are not of this module, and for what none of the layers has.
func layers(f *Faulty) sojourn.Store {
	chain := f.st
	if inner, ok := sojourn.As[sojourn.Patcher](f.st); ok {
		chain = &faultyPatcher{f, inner, chain}
	}
	if inner, ok := sojourn.As[sojourn.SubjectIndex](f.st); ok {
		chain = &faultyIndex{f, inner, chain}
	}
	if inner, ok := sojourn.As[sojourn.Lister](f.st); ok {
		chain = &faultyLister{f, inner, chain}
	}
	if inner, ok := sojourn.As[sojourn.Sweeper](f.st); ok {
		chain = &faultySweeper{f, inner, chain}
	}
	if inner, ok := sojourn.As[sojourn.Watcher](f.st); ok {
		chain = &faultyWatcher{f, inner, chain}
	}
	return chain
}

type faultyPatcher struct {
	*Faulty
	inner sojourn.Patcher
	next  sojourn.Store
}

func (f *faultyPatcher) Unwrap() sojourn.Store { return f.next }

func (f *faultyPatcher) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	_, err := f.call(ctx, OpPatch, key, func(ctx context.Context) error { return f.inner.Patch(ctx, key, p, ttl) })
	return err
}

type faultyIndex struct {
	*Faulty
	inner sojourn.SubjectIndex
	next  sojourn.Store
}

func (f *faultyIndex) Unwrap() sojourn.Store { return f.next }

func (f *faultyIndex) ListSubject(ctx context.Context, realm, subject string) (entries []sojourn.Entry, err error) {
	_, err = f.call(ctx, OpList, sojourn.Key{}, func(ctx context.Context) error {
		entries, err = f.inner.ListSubject(ctx, realm, subject)
		return err
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

func (f *faultyIndex) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (n int, err error) {
	_, err = f.call(ctx, OpRevoke, sojourn.Key{}, func(ctx context.Context) error {
		n, err = f.inner.DeleteSubject(ctx, realm, subject, keep)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

func (f *faultyIndex) TrimSubject(ctx context.Context, realm, subject string, n int, spare sojourn.ID) (gone []sojourn.ID, err error) {
	_, err = f.call(ctx, OpTrim, sojourn.Key{}, func(ctx context.Context) error {
		gone, err = f.inner.TrimSubject(ctx, realm, subject, n, spare)
		return err
	})
	if err != nil {
		return nil, err
	}
	return gone, nil
}

type faultyLister struct {
	*Faulty
	inner sojourn.Lister
	next  sojourn.Store
}

func (f *faultyLister) Unwrap() sojourn.Store { return f.next }

func (f *faultyLister) List(ctx context.Context, cursor string, limit int) (entries []sojourn.Entry, next string, err error) {
	_, err = f.call(ctx, OpAll, sojourn.Key{}, func(ctx context.Context) error {
		entries, next, err = f.inner.List(ctx, cursor, limit)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return entries, next, nil
}

type faultySweeper struct {
	*Faulty
	inner sojourn.Sweeper
	next  sojourn.Store
}

func (f *faultySweeper) Unwrap() sojourn.Store { return f.next }

func (f *faultySweeper) Sweep(ctx context.Context, limit int) (n int, err error) {
	_, err = f.call(ctx, OpSweep, sojourn.Key{}, func(ctx context.Context) error {
		n, err = f.inner.Sweep(ctx, limit)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

type faultyWatcher struct {
	*Faulty
	inner sojourn.Watcher
	next  sojourn.Store
}

func (f *faultyWatcher) Unwrap() sojourn.Store { return f.next }

func (f *faultyWatcher) Watch(ctx context.Context, notify func(sojourn.ID)) error {
	_, err := f.call(ctx, OpWatch, sojourn.Key{}, func(ctx context.Context) error { return f.inner.Watch(ctx, notify) })
	return err
}
