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

// TestBrokenStores runs each store on the case that must catch it.
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
				var clock storetest.Clock
				opts := storetest.Options{Clock: &clock, Notice: 200 * time.Millisecond}
				var engine base
				open := func(whole bool) func(testing.TB) sojourn.Store {
					return func(testing.TB) sojourn.Store {
						engine = base{reference.New(clock.Now)}
						if whole {
							return engine
						}
						return broken.make(engine)
					}
				}
				opts.Dump = func(testing.TB) []byte {
					engine.Lock()
					defer engine.Unlock()
					var all []byte
					for _, r := range engine.Records {
						all = append(all, r.Bytes...)
					}
					return all
				}
				opts.Rewrite = func(tb testing.TB, key sojourn.Key, change func([]byte) []byte) {
					engine.Lock()
					defer engine.Unlock()
					r := engine.Records[key.ID()]
					r.Bytes = string(change([]byte(r.Bytes)))
					engine.Records[key.ID()] = r
				}
				r := recorder.Run(t, func(tb testing.TB) { c.Check(tb, open(false), opts) })
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
				r = recorder.Run(t, func(tb testing.TB) { c.Check(tb, open(true), opts) })
				if r.Failed() {
					t.Errorf("%s fails on the reference store: %s", name, r.Text())
				}
			}
		})
	}
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
	addBrokenPatches(add)
	addBrokenSubjects(add)
	addBrokenDecorators(add)
	return all
}

type adder = func(name string, make func(s base) sojourn.Store, caught ...string)
