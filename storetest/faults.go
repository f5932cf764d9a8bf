package storetest

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// FaultOptions tells RunFaults how thorough to be.
type FaultOptions struct {
	// Operations is how many store calls the random part makes while the store fails. 1,000,000 is the long form.
	// Default: what the environment variable SOJOURN_TEST_OPERATIONS says, else 10,000; 2,000 with -short.
	Operations int

	// Seed chooses what clients do and which calls fail. Default: what SOJOURN_TEST_SEED says, else a fresh one, printed.
	Seed uint64

	// Clients is how many clients there are, each with up to four requests at once. With 1 a seed repeats its run exactly,
	// one request after the other, as far as the store under test repeats itself. Default: 16.
	Clients int

	// Rate is the probability that a store call fails. Default: 0.1.
	Rate float64
}

func (o FaultOptions) withDefaults(t *testing.T) FaultOptions {
	if o.Operations <= 0 {
		o.Operations = 10_000
		if testing.Short() {
			o.Operations = 2_000
		}
		if n := envNumber(t, "SOJOURN_TEST_OPERATIONS"); n > 0 {
			o.Operations = int(n)
		}
	}
	if o.Seed == 0 {
		o.Seed = envNumber(t, "SOJOURN_TEST_SEED")
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64() >> 1
	}
	if o.Clients <= 0 {
		o.Clients = 16
	}
	if o.Rate <= 0 {
		o.Rate = 0.1
	}
	return o
}

// RunFaults checks what Sojourn promises while the store fails, end to end over HTTP: a client sees an error or the truth,
// never silent success, never somebody else's session, never one that has ended; and when the store is well again, so is
// everything else.
//
// First it takes each kind of request, and has each of its store calls fail in each way that an engine can fail: before it
// did what it was asked, after, with and without the time running out, and so on. What the client and the next requests
// see is compared with what may be true. Then many clients of several users and two realms make requests at once while
// calls fail at random, and each answer is compared with all that was acknowledged before.
//
// newStore returns a server-side store for the test tb; it may share its engine with other tests. Cases about subjects
// need a [sojourn.SubjectIndex] and are left out without. The store's clock must be the real one.
func RunFaults(t *testing.T, newStore func(tb testing.TB) sojourn.Store, opts FaultOptions) {
	t.Helper()
	opts = opts.withDefaults(t)
	for _, c := range []struct {
		name  string
		check func(t *testing.T, st sojourn.Store, opts FaultOptions)
	}{
		{"EveryFault_atEveryCall", checkEachFault},
		{"RandomFaults_loseNothing", checkFaultCrowd},
	} {
		t.Run(c.name, func(t *testing.T) {
			st := newStore(t)
			if _, ok := sojourn.As[sojourn.KeyParser](st); ok {
				t.Fatal("a client-side store cannot keep these promises: its keys change with its values")
			}
			c.check(t, st, opts)
		})
	}
}

// errDriver is what a driver says. Its text must not reach a client or a log line of ours.
var errDriver = errors.New("dial tcp 192.0.2.1:6379: password hunter2 refused")

// faultSwitch decides what a Faulty does while it runs.
type faultSwitch struct {
	before atomic.Pointer[func(op string, key sojourn.Key) error]
}

func (s *faultSwitch) decide(op string, key sojourn.Key) error {
	if before := s.before.Load(); before != nil {
		return (*before)(op, key)
	}
	return nil
}

func (s *faultSwitch) set(before func(op string, key sojourn.Key) error) { s.before.Store(&before) }
func (s *faultSwitch) off()                                              { s.before.Store(nil) }
