package sealstore_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sealstore"
)

// secretFromVault stands for wherever an application keeps its secrets.
func secretFromVault(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return sum[:]
}

func Example() {
	inner := memstore.New(memstore.Config{}) // or any other server-side store
	st, err := sealstore.New(inner, sealstore.Config{
		Secrets: [][]byte{secretFromVault("2026-07")},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	key, err := st.Save(ctx, sojourn.State{
		Values: sojourn.CollectValues(func(yield func(name, text string) bool) { yield("city", `"Reykjavík"`) }),
	}, time.Hour)
	if err != nil {
		log.Fatal(err)
	}
	opened, err := st.Load(ctx, key)
	if err != nil {
		log.Fatal(err)
	}
	stored, err := inner.Load(ctx, key)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(opened.Values.Get("city"))
	fmt.Println(stored.Values, strings.Contains(stored.Values.Get("city"), "Reykjavík"))
	// Output:
	// "Reykjavík"
	// [city] false
}

// To finish a rotation at once, update every session as it is: that seals its values with the first secret. Sessions that
// change meanwhile are sealed with it anyway, and are loaded again.
func ExampleStore_Update() {
	inner := memstore.New(memstore.Config{})
	before, err := sealstore.New(inner, sealstore.Config{Secrets: [][]byte{secretFromVault("2026-07")}})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	for n := range 250 {
		text := fmt.Sprint(n)
		values := sojourn.CollectValues(func(yield func(name, text string) bool) { yield("n", text) })
		if _, err := before.Save(ctx, sojourn.State{Values: values}, time.Hour); err != nil {
			log.Fatal(err)
		}
	}

	st, err := sealstore.New(inner, sealstore.Config{
		Secrets: [][]byte{secretFromVault("2027-01"), secretFromVault("2026-07")},
	})
	if err != nil {
		log.Fatal(err)
	}
	n := 0
	for cursor := ""; ; {
		entries, next, err := st.List(ctx, cursor, 100)
		if err != nil {
			log.Fatal(err)
		}
		for _, e := range entries {
			switch err := reseal(ctx, st, e.ID.Key()); {
			case err == nil:
				n++
			case !errors.Is(err, sojourn.ErrNotFound): // it may have ended meanwhile
				log.Fatal(err)
			}
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	fmt.Println(n, "sessions sealed anew: the old secret can go")
	// Output: 250 sessions sealed anew: the old secret can go
}

func reseal(ctx context.Context, st *sealstore.Store, key sojourn.Key) error {
	for {
		state, err := st.Load(ctx, key)
		if err != nil {
			return err
		}
		if _, err = st.Update(ctx, key, state, state.TTL); !errors.Is(err, sojourn.ErrConflict) {
			return err
		}
	}
}
