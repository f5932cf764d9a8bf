package sealstore_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sealstore"
)

// What sealing costs in allocations, beside the same call of the store below. A value more costs none.
func TestAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	ctx := context.Background()
	for _, names := range []int{1, 5, 40} {
		engine := memstore.New(memstore.Config{})
		sealed := newStore(t, engine, sealstore.Config{})
		var pairs []string
		for i := range names {
			pairs = append(pairs, fmt.Sprintf("name%02d", i), `{"some":"value of a usual length"}`)
		}
		for _, tt := range []struct {
			op   string
			most float64 // beyond the store below
			do   func(st sojourn.Store, key sojourn.Key)
		}{
			{"load", 4, func(st sojourn.Store, key sojourn.Key) {
				if s, err := st.Load(ctx, key); err != nil || s.Values.Len() != names {
					t.Fatal(s.Values, err)
				}
			}},
			{"save", 3, func(st sojourn.Store, key sojourn.Key) {
				if _, err := st.Save(ctx, state(pairs...), hour); err != nil {
					t.Fatal(err)
				}
			}},
			{"patch", 16, func(st sojourn.Store, key sojourn.Key) {
				p, _ := sojourn.As[sojourn.Patcher](st)
				if err := p.Patch(ctx, key, sojourn.Patch{Generation: 1, Set: values("name00", `7`), MaxSize: 64 << 10}, hour); err != nil {
					t.Fatal(err)
				}
			}},
		} {
			plainKey, sealedKey := save(t, engine, state(pairs...)), save(t, sealed, state(pairs...))
			below := testing.AllocsPerRun(200, func() { tt.do(engine, plainKey) })
			got := testing.AllocsPerRun(200, func() { tt.do(sealed, sealedKey) })
			if got-below > tt.most {
				t.Errorf("%s of %d values: got %v allocations, %v below, want at most %v more", tt.op, names, got, below, tt.most)
			}
			t.Logf("%s of %d values: %v allocations, %v of them below", tt.op, names, got, below)
		}
	}
}
