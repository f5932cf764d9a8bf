package storetest

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojourn-go/sojourn"
)

// fault is an error that tells a Faulty what to do.
type fault struct {
	err     error         // the answer, nil for that of the call
	call    bool          // call the store
	cancel  bool          // with a context that has ended
	stale   bool          // and answer an older state
	delay   time.Duration // wait before the call
	forever bool          // wait until the context ends, and answer its error
}

func (f *fault) Error() string {
	if f.err != nil {
		return f.err.Error()
	}
	return "storetest: a fault for a Faulty store"
}

func (f *fault) Unwrap() error { return f.err }

func (f *fault) around(ctx context.Context, do func(context.Context) error) error {
	if f.delay > 0 {
		timer := time.NewTimer(f.delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if f.call {
		inner := ctx
		if f.cancel {
			cancelled, cancel := context.WithCancel(ctx)
			cancel()
			inner = cancelled
		}
		if err := do(inner); err != nil || f.err == nil && !f.forever {
			return err
		}
	}
	if f.forever {
		<-ctx.Done()
		return ctx.Err()
	}
	return f.err
}

// AfterCall is a lost acknowledgement: the store is called, and err is the answer although it did what it was asked. Where
// the store fails its own error is the answer. Of [Timeout] it makes one that comes after the call.
func AfterCall(err error) error {
	if f, ok := err.(*fault); ok {
		later := *f
		later.call = true
		return &later
	}
	return &fault{err: err, call: true}
}

// Timeout is a store that does not answer: the call waits until its context ends, and returns the context's error. A
// context without an end waits for ever.
func Timeout() error { return &fault{forever: true} }

// Slow calls the store after d, or returns the context's error if that ends first.
func Slow(d time.Duration) error { return &fault{call: true, delay: d} }

// Cancelled calls the store with a context that is cancelled.
func Cancelled() error { return &fault{call: true, cancel: true} }

// Stale makes a Load answer the state before the last change that this Faulty has seen loaded, as a replica or a cache that
// lags would. If it has seen none, if the session is gone, and for other operations, it lets the call pass.
func Stale() error { return &fault{call: true, stale: true} }

// AtCall returns a before for [NewFaulty] that answers err to call number n, the first being 1, among those of the given
// operations, or of all if none is given, and lets the others pass.
func AtCall(n int, err error, ops ...string) func(op string, key sojourn.Key) error {
	var calls atomic.Int64
	return func(op string, _ sojourn.Key) error {
		if (len(ops) == 0 || slices.Contains(ops, op)) && calls.Add(1) == int64(n) {
			return err
		}
		return nil
	}
}

// Sometimes returns a before for [NewFaulty] that answers, with probability p, one of errs. The same seed makes the same
// sequence of answers.
func Sometimes(p float64, seed uint64, errs ...error) func(op string, key sojourn.Key) error {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	return func(string, sojourn.Key) error {
		mu.Lock()
		defer mu.Unlock()
		if random.Float64() >= p {
			return nil
		}
		return errs[random.IntN(len(errs))]
	}
}
