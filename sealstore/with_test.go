package sealstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sealstore"
)

// What a Patch does to sealed values is what State.With does to plain ones, to the byte of each limit, whatever other
// nodes do in between.

// meddled lets another node in before each Load and Patch of the store below, and keeps what the session was then.
type meddled struct {
	*memstore.Store
	peek   *sealstore.Store
	key    sojourn.Key
	before func()
	last   sojourn.State // when the store below was last asked
	asked  int
}

func (m *meddled) ask(tb testing.TB) {
	m.before()
	m.asked++
	m.last = load(tb, m.peek, m.key)
}

type meddler struct {
	*meddled
	tb testing.TB
}

func (m meddler) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	m.ask(m.tb)
	return m.Store.Load(ctx, key)
}

func (m meddler) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	m.ask(m.tb)
	return m.Store.Patch(ctx, key, p, ttl)
}

func TestPatch_isStateWithWhateverOthersDo(t *testing.T) {
	rounds := 40
	if text := os.Getenv("SOJOURN_TEST_ROUNDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("SOJOURN_TEST_ROUNDS: %v", err)
		}
		rounds *= n
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	passed, refused, direct := 0, 0, 0
	for range rounds {
		engine := memstore.New(memstore.Config{})
		between := &meddled{Store: engine, peek: newStore(t, engine, sealstore.Config{}), before: func() {}}
		own := newStore(t, meddler{between, t}, sealstore.Config{})
		other := newStore(t, engine, sealstore.Config{})
		between.key = save(t, own, state())
		for range 60 {
			busy := rng.IntN(3) == 0
			between.before = func() {
				if busy && rng.IntN(2) == 0 {
					_ = other.Patch(context.Background(), between.key, randomPatch(rng, load(t, other, between.key)), hour)
				}
			}
			if rng.IntN(8) == 0 {
				load(t, own, between.key)
			}
			between.last, between.asked = sojourn.State{}, 0
			p := randomPatch(rng, load(t, between.peek, between.key))
			err := own.Patch(context.Background(), between.key, p, hour)
			want, wantErr := between.last.With(p)
			if !errors.Is(err, wantErr) || wantErr == nil && err != nil {
				t.Fatalf("got %v, want %v\n%s", err, wantErr, describe(between.last, p))
			}
			if got := load(t, between.peek, between.key); got.Values != want.Values {
				t.Fatalf("got %v, want %v\n%s", sizes(got.Values), sizes(want.Values), describe(between.last, p))
			}
			switch {
			case err != nil:
				refused++
			case between.asked == 1:
				direct++
				passed++
			default:
				passed++
			}
		}
	}
	t.Logf("%d patches passed, %d of them in one call, %d were refused", passed, direct, refused)
	if passed < rounds*10 || refused < rounds || direct < rounds*5 {
		t.Error("the test has not tried enough of each")
	}
}

var someNames = []string{"a", "b", "cart", "notice", strings.Repeat("long", 30), "é", ""}

func randomPatch(rng *rand.Rand, now sojourn.State) sojourn.Patch {
	p := sojourn.Patch{
		Generation: 1, MaxSize: []int{0, 150, 300, 300, 500, 500, 800, 2000}[rng.IntN(8)], MaxNames: []int{0, 0, 3, 5}[rng.IntN(4)],
	}
	if rng.IntN(30) == 0 {
		p.Generation = 2
	}
	name := func() string { return someNames[rng.IntN(len(someNames))] }
	names := func(most int) (some []string) {
		for range rng.IntN(most + 1) {
			some = append(some, name())
		}
		return some
	}
	text := func() string {
		switch n := rng.IntN(12); {
		case n == 0:
			return ""
		case n < 8:
			return strings.Repeat("7", 1+rng.IntN(20))
		}
		return strings.Repeat("7", 1+rng.IntN(220))
	}
	set := func(most int, text func(name string) string) sojourn.Values {
		var pairs []string
		for _, n := range names(most) {
			pairs = append(pairs, n, text(n))
		}
		return values(pairs...)
	}
	p.Set = set(3, func(string) string { return text() })
	if rng.IntN(3) == 0 {
		p.Remove = names(4)
	}
	if rng.IntN(6) == 0 {
		p.Clear, p.Keep = true, names(4)
	}
	if rng.IntN(3) == 0 {
		p.Expect = set(2, func(name string) string {
			if rng.IntN(8) == 0 {
				return text()
			}
			return now.Values.Get(name)
		})
	}
	return p
}

func sizes(v sojourn.Values) string {
	var b strings.Builder
	for name, text := range v.All() {
		fmt.Fprintf(&b, " %q:%d", name, len(text))
	}
	return fmt.Sprintf("%d bytes:%s", v.Size(), &b)
}

func describe(before sojourn.State, p sojourn.Patch) string {
	return fmt.Sprintf("before: %s\npatch: generation %d, expect %s, clear %t, keep %q, remove %q, set %s, at most %d bytes and %d names",
		sizes(before.Values), p.Generation, sizes(p.Expect), p.Clear, p.Keep, p.Remove, sizes(p.Set), p.MaxSize, p.MaxNames)
}
