package storetest_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest"
	"github.com/sojourn-go/sojourn/storetest/internal/recorder"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
)

// base is the reference store that the broken ones embed.
type base struct{ *reference.Store }

// gap is where another request gets in between two steps that should be one.
func gap() {
	for range 20 {
		runtime.Gosched()
	}
	time.Sleep(50 * time.Microsecond)
}

// force writes a state whatever is stored.
func force(s base, id sojourn.ID, state sojourn.State, ttl time.Duration) error {
	s.Lock()
	defer s.Unlock()
	state.Version++
	return s.Put(id, state, ttl)
}

// TestBrokenStores runs each store on the cases that must catch it.
func TestBrokenStores(t *testing.T) {
	cases := make(map[string]storetest.Case)
	for _, c := range storetest.Cases() {
		cases[c.Group+"/"+c.Name] = c
	}
	stores := brokenStores()
	if len(stores) < 30 {
		t.Errorf("got %d broken stores, want at least 30", len(stores))
	}
	for _, broken := range stores {
		t.Run(broken.name, func(t *testing.T) {
			for _, name := range broken.caught {
				c, ok := cases[name]
				if !ok {
					t.Fatalf("there is no case %q", name)
				}
				r := checkBroken(t, c, broken.make)
				switch {
				case r.Skipped():
					t.Errorf("%s was skipped: %s", name, r.Text())
				case !r.Failed():
					t.Errorf("%s did not catch it", name)
				default:
					t.Logf("%s caught it:\n%.600s", name, r.Text())
				}
				if name == dumpCase {
					continue // the reference store promises no encryption
				}
				if r := checkBroken(t, c, func(s base) sojourn.Store { return s }); r.Failed() {
					t.Errorf("%s fails on the reference store: %s", name, r.Text())
				}
			}
		})
	}
}

// A case that nothing can fail checks nothing. The races are proved apart, by TestRaces_everyPairCanFail.
func TestBrokenStores_everyCaseCatchesOne(t *testing.T) {
	caught := make(map[string]bool)
	for _, broken := range brokenStores() {
		for _, name := range broken.caught {
			caught[name] = true
		}
	}
	for _, c := range storetest.Cases() {
		if name := c.Group + "/" + c.Name; c.Group != "races" && !caught[name] {
			t.Errorf("no broken store is there for %s to catch", name)
		}
	}
}

// checkBroken checks a rule on a store that make puts over an engine; each handle gets a store of its own.
func checkBroken(t *testing.T, c storetest.Case, make func(s base) sojourn.Store) *recorder.Recorder {
	var clock storetest.Clock
	g := engines{now: clock.Now}
	return recorder.Run(t, func(tb testing.TB) {
		c.Check(tb, func(tb testing.TB) sojourn.Store { return make(base{g.open(tb)}) }, storetest.Options{
			Clock: &clock, Rewrite: g.rewrite, Dump: g.dump, Notice: 200 * time.Millisecond,
		})
	})
}

const dumpCase = "rest/dump_holds_no_value_in_clear"

type brokenStore struct {
	name   string
	make   func(s base) sojourn.Store
	caught []string // by each of these cases
}

func brokenStores() []brokenStore {
	var all []brokenStore
	add := func(name string, make func(s base) sojourn.Store, caught ...string) {
		all = append(all, brokenStore{name, make, caught})
	}
	addBrokenWrites(add)
	addBrokenTimes(add)
	addBrokenInstants(add)
	addBrokenPatches(add)
	addBrokenSubjects(add)
	addBrokenDecorators(add)
	addBrokenContracts(add)
	addBrokenContexts(add)
	addBrokenPatchOrders(add)
	addBrokenIndexes(add)
	addBrokenEntries(add)
	return all
}

type adder = func(name string, make func(s base) sojourn.Store, caught ...string)
