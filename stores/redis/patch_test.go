package redisstore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

// The script that patches is a second definition of State.With, in another language: random patches of random values
// must have the same answer and the same result.
func TestPatch_isWhatStateWithSays(t *testing.T) {
	st := deployments[0].openWith(t, redisstore.Config{})
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	answers := make(map[error]int)
	for range 60 {
		state := visitor()
		state.Values = randomValues(random, 12)
		key := save(t, st, state)
		for range 10 {
			p := randomPatch(random, state)
			want, wantErr := state.With(p)
			err := st.Patch(t.Context(), key, p, time.Hour)
			if !errors.Is(err, wantErr) {
				t.Fatalf("seed %d: %+v on %v: got %v, want %v", seed, p, state.Values, err, wantErr)
			}
			got := load(t, st, key)
			if got.Values != want.Values {
				t.Fatalf("seed %d: %+v: got %v of %d bytes, want %v of %d", seed, p,
					got.Values, got.Values.Size(), want.Values, want.Values.Size())
			}
			state = want
			answers[wantErr]++
		}
	}
	for _, answer := range []error{nil, sojourn.ErrConflict, sojourn.ErrTooLarge} {
		if answers[answer] < 8 {
			t.Errorf("%d of %d patches were answered with %v: the test tests little", answers[answer], 60*10, answer)
		}
	}
}

func randomName(random *rand.Rand) string {
	names := []string{"a", "b", "ab", "a\x01", "é", "\xff", "\xfe\xff", "z", "Z", strings.Repeat("n", 200), "0"}
	if random.IntN(3) == 0 {
		return fmt.Sprintf("name %d", random.IntN(30))
	}
	return names[random.IntN(len(names))]
}

func randomText(random *rand.Rand) string {
	return `"` + strings.Repeat(string(rune('a'+random.IntN(3))), []int{0, 1, 5, 130, 300}[random.IntN(5)]) + `"`
}

func randomValues(random *rand.Rand, most int) sojourn.Values {
	var pairs []string
	for range random.IntN(most + 1) {
		pairs = append(pairs, randomName(random), randomText(random))
	}
	return values(pairs...)
}

func randomPatch(random *rand.Rand, state sojourn.State) sojourn.Patch {
	p := sojourn.Patch{Generation: state.Facts.Generation, Set: randomValues(random, 3)}
	var expect, set []string
	for name, text := range state.Values.All() {
		switch random.IntN(16) {
		case 0, 1:
			expect = append(expect, name, text)
		case 2:
			expect = append(expect, name, text+" ")
		case 3, 4:
			p.Remove = append(p.Remove, name)
		case 5, 6, 7:
			p.Keep = append(p.Keep, name)
		case 8:
			set = append(set, name, "") // which removes it
		}
	}
	if len(set) > 0 && random.IntN(2) == 0 {
		p.Set = values(set...)
	}
	switch random.IntN(12) {
	case 0, 1:
		expect = append(expect, randomName(random), "")
	case 2:
		expect = append(expect, randomName(random), randomText(random))
	}
	p.Expect = values(expect...)
	p.Clear = random.IntN(5) == 0
	switch random.IntN(6) {
	case 0:
		p.MaxNames = 1 + random.IntN(12)
	case 1:
		p.MaxSize = 1 + random.IntN(1500)
	case 2:
		p.Generation++
	}
	return p
}

// Only what changes goes over the wire.
func TestPatch_sendsOnlyWhatChanges(t *testing.T) {
	st, proxy := proxied(t, redisstore.Config{})
	key := save(t, st, visitor("large", `"`+strings.Repeat("x", 20_000)+`"`, "n", `1`))
	patch := func() {
		if err := st.Patch(t.Context(), key, sojourn.Patch{Generation: 1, Set: values("n", `2`), MaxSize: 64 << 10}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	patch() // the script is known from here on
	up, down := proxy.Bytes()
	patch()
	upAfter, downAfter := proxy.Bytes()
	if up, down := upAfter-up, downAfter-down; up+down > 500 {
		t.Errorf("a patch of one short value in a session of 20 KB took %d bytes up and %d down", up, down)
	}
}
