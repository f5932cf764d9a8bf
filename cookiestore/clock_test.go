package cookiestore_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
)

// Under Irrevocable lifetimes end by the clocks of nodes, and those differ.

// nodeAt returns a store whose clock is ahead of time by an offset.
func nodeAt(t *testing.T, clock *fakeClock, offset time.Duration) *cookiestore.Store {
	return newStore(t, cookiestore.Config{Irrevocable: true, Now: func() time.Time { return clock.Now().Add(offset) }})
}

func save(t *testing.T, st sojourn.Store, ttl time.Duration) sojourn.Key {
	t.Helper()
	key, err := st.Save(t.Context(), sojourn.State{}, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// lives reports whether the state is alive for the node, and for how long it says.
func lives(t *testing.T, st sojourn.Store, key sojourn.Key) (time.Duration, bool) {
	t.Helper()
	state, err := st.Load(t.Context(), key)
	if err != nil && !errors.Is(err, sojourn.ErrNotFound) {
		t.Fatal(err)
	}
	return state.TTL, err == nil
}

func TestClock_theFastestThatWasMetCounts(t *testing.T) {
	clock := newClock()
	slow, fast := nodeAt(t, clock, 0), nodeAt(t, clock, 50*time.Second)
	key := save(t, slow, time.Hour)
	if ttl, _ := lives(t, slow, key); ttl != time.Hour {
		t.Errorf("got %v left, want an hour", ttl)
	}
	if ttl, _ := lives(t, fast, key); ttl != time.Hour-50*time.Second {
		t.Errorf("got %v left by the fast node's clock, want 50 s less than an hour", ttl)
	}
	if _, ok := lives(t, slow, save(t, fast, time.Hour)); !ok {
		t.Fatal("a state of the fast node opens nothing at the slow one")
	}
	// Now the slow node knows, and goes on knowing when the fast one has fallen silent.
	for _, passed := range []time.Duration{0, 30 * time.Minute} {
		clock.advance(passed)
		if ttl, _ := lives(t, slow, key); ttl != time.Hour-50*time.Second-passed {
			t.Errorf("after %v: got %v left, want 50 s less than by its own clock", passed, ttl)
		}
	}
	clock.advance(29*time.Minute + 10*time.Second)
	if _, ok := lives(t, slow, key); ok {
		t.Error("the state outlived its TTL by the fast clock")
	}
}

// A node that knows of a faster clock still seals by its own: what it seals must not live longer than its TTL by any clock,
// its own after a restart included.
func TestClock_statesAreSealedByTheNodesOwn(t *testing.T) {
	clock := newClock()
	slow, fast := nodeAt(t, clock, 0), nodeAt(t, clock, 50*time.Second)
	lives(t, slow, save(t, fast, time.Hour))
	key := save(t, slow, time.Hour)
	if ttl, _ := lives(t, nodeAt(t, clock, 0), key); ttl != time.Hour {
		t.Errorf("got %v left, want an hour by the clock that sealed", ttl)
	}
	clock.advance(time.Hour)
	for name, st := range map[string]sojourn.Store{"the sealing node": slow, "the fast one": fast, "one that just started": nodeAt(t, clock, 0)} {
		if _, ok := lives(t, st, key); ok {
			t.Errorf("%s: the state outlived its TTL", name)
		}
	}
}

// One wild clock neither ends the others' sessions nor makes a node of sound clock seal what the others refuse.
func TestClock_aWildOneIsRefusedAndSpreadsNothing(t *testing.T) {
	clock := newClock()
	a, b, wild := nodeAt(t, clock, 0), nodeAt(t, clock, 30*time.Second), nodeAt(t, clock, 85*time.Second)
	own := save(t, a, time.Hour)
	far := save(t, wild, time.Hour)
	if _, ok := lives(t, a, far); ok {
		t.Error("a state sealed 85 s ahead opens")
	}
	if ttl, _ := lives(t, a, own); ttl != time.Hour {
		t.Errorf("got %v left of a's own after a wild clock's state, want an hour", ttl)
	}
	if _, ok := lives(t, b, far); !ok {
		t.Error("a state sealed 55 s ahead opens nothing")
	}
	if _, ok := lives(t, a, save(t, b, time.Hour)); !ok {
		t.Error("what b sealed after it had met the wild clock opens nothing at a")
	}
	for _, tt := range []struct {
		ahead time.Duration
		opens bool
	}{{time.Minute, true}, {time.Minute + time.Millisecond, false}, {24 * time.Hour, false}, {-24 * time.Hour, false}} {
		if _, ok := lives(t, nodeAt(t, clock, 0), save(t, nodeAt(t, clock, tt.ahead), time.Hour)); ok != tt.opens {
			t.Errorf("a state sealed %v ahead opens: %v, want %v", tt.ahead, ok, tt.opens)
		}
	}
}

// Nodes at random: whatever they have met, none serves a state past its end by its own clock, nor by that of a node whose
// fresh state it has met; and none refuses one that is alive by the clocks of all.
func TestClock_nodesAtRandom(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		clock := newClock()
		const nodes = 4
		var st [nodes]*cookiestore.Store
		var offset, known [nodes]time.Duration // known: of the fastest node met
		for i := range st {
			offset[i] = time.Duration(rng.IntN(60_000)) * time.Millisecond
			known[i] = offset[i]
			st[i] = nodeAt(t, clock, offset[i])
		}
		type sealed struct {
			key sojourn.Key
			end time.Time // by the clock that sealed
		}
		var all []sealed
		for range 200 {
			clock.advance(time.Duration(rng.IntN(5_000)) * time.Millisecond)
			by := rng.IntN(nodes)
			ttl := time.Duration(1+rng.IntN(300_000)) * time.Millisecond
			fresh := sealed{save(t, st[by], ttl), clock.Now().Add(offset[by] + ttl)}
			all = append(all, fresh)
			// Somebody meets it at once, and somebody looks at an old one.
			met := rng.IntN(nodes)
			known[met] = max(known[met], offset[by])
			for _, look := range []struct {
				node int
				s    sealed
			}{{met, fresh}, {rng.IntN(nodes), all[rng.IntN(len(all))]}} {
				_, ok := lives(t, st[look.node], look.s.key)
				if met := clock.Now().Add(known[look.node]); ok && !met.Before(look.s.end) {
					t.Fatalf("seed %d: alive at %v of the fastest clock met, the end is %v", seed, met, look.s.end)
				}
				if fastest := clock.Now().Add(slices.Max(offset[:])); !ok && fastest.Before(look.s.end) {
					t.Fatalf("seed %d: dead at %v of the fastest clock of all, the end is %v", seed, fastest, look.s.end)
				}
			}
		}
	}
}
