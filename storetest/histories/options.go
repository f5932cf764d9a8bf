package histories

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest"
)

// Options says how much is run.
type Options struct {
	storetest.Options

	// Histories is how many are run. Default: SOJOURN_HISTORIES, else 200, or 20 with -short.
	Histories int
	// Soak is how long they are run, whatever their number. Default: SOJOURN_SOAK, else 0.
	Soak time.Duration
	// Seed is that of the first history; the next has the next number. Default: SOJOURN_SEED, else a random one.
	Seed uint64
	// Clients is how many work at once, Calls how many calls each makes. Default: 5 and 20.
	Clients, Calls int
	// Faults is the probability that a call is lost, or its acknowledgement. Default: 0.
	Faults float64
}

func (o Options) withDefaults(tb testing.TB) Options {
	number := func(name string, fallback uint64) uint64 {
		n, err := strconv.ParseUint(os.Getenv(name), 10, 64)
		if err != nil {
			return fallback
		}
		return n
	}
	if o.Histories <= 0 {
		o.Histories = 200
		if testing.Short() {
			o.Histories = 20
		}
		o.Histories = int(number("SOJOURN_HISTORIES", uint64(o.Histories)))
	}
	if soak := os.Getenv("SOJOURN_SOAK"); o.Soak <= 0 && soak != "" {
		d, err := time.ParseDuration(soak)
		if err != nil {
			tb.Fatalf("SOJOURN_SOAK: %v", err)
		}
		o.Soak = d
	}
	if o.Seed == 0 {
		o.Seed = number("SOJOURN_SEED", rand.Uint64()>>16)
	}
	if o.Clients <= 0 {
		o.Clients = 5
	}
	if o.Calls <= 0 {
		o.Calls = 20
	}
	return o
}

// Totals is what was run.
type Totals struct {
	Histories, Calls int
	Unknown          int // calls without an answer
	Unchecked        int // histories too hard to check in time
	Violations       int // histories without an order that the contract allows
}

// plus returns the sum of both.
func (t Totals) plus(other Totals) Totals {
	return Totals{
		t.Histories + other.Histories, t.Calls + other.Calls, t.Unknown + other.Unknown,
		t.Unchecked + other.Unchecked, t.Violations + other.Violations,
	}
}

func (t Totals) String() string {
	return fmt.Sprintf("%d histories, %d calls, %d of them without an answer; %d histories not checked in time; %d violations",
		t.Histories, t.Calls, t.Unknown, t.Unchecked, t.Violations)
}

// nodes returns two handles to one engine, or one twice if newStore cannot make a second.
func nodes(tb testing.TB, newStore func(tb testing.TB) sojourn.Store) [2]sojourn.Store {
	tb.Helper()
	first, second := newStore(tb), newStore(tb)
	key, err := first.Save(tb.Context(), sojourn.State{}, time.Hour)
	if err != nil {
		tb.Fatalf("Save: %v", err)
	}
	if _, err := second.Load(tb.Context(), key); err != nil {
		second = first
	}
	return [2]sojourn.Store{first, second}
}

// teller tells of the first failure: one explains enough, and those of the same moment explain no more.
type teller struct {
	t     testing.TB
	first sync.Once
}

func (f *teller) tell(seed uint64, text func() string) {
	f.t.Helper()
	f.first.Do(func() { f.t.Errorf("SOJOURN_SEED=%d: %s", seed, text()) })
}

// width is how many histories run at once: each has sessions of its own, and waits for its engine.
const width = 4

// until calls f with the seed of each history, as often or as long as opts say, and as long as tb has not failed. It
// returns what was run.
func until(tb testing.TB, opts Options, f func(seed uint64) Totals) (totals Totals) {
	end := time.Now().Add(opts.Soak)
	var mu sync.Mutex
	var all sync.WaitGroup
	next := 0
	more := func() (seed uint64, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		if tb.Failed() || opts.Soak > 0 && !time.Now().Before(end) || opts.Soak <= 0 && next >= opts.Histories {
			return 0, false
		}
		next++
		return opts.Seed + uint64(next-1), true
	}
	for range width {
		all.Go(func() {
			for seed, ok := more(); ok; seed, ok = more() {
				one := f(seed)
				mu.Lock()
				totals = totals.plus(one)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return totals
}
