package memstore_test

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// A store is mostly given to sojourn.New. Its own methods are what tests and tools use.
func Example() {
	ctx := context.Background()
	store := memstore.New(memstore.Config{MaxSessions: 100_000})

	state := sojourn.State{Values: sojourn.CollectValues(maps.All(map[string]string{"theme": `"dark"`}))}
	key, err := store.Save(ctx, state, time.Hour)
	if err != nil {
		fmt.Println(err)
		return
	}
	loaded, err := store.Load(ctx, key)
	fmt.Println(loaded.Values.Get("theme"), err)

	err = store.Delete(ctx, key)
	fmt.Println(err)
	_, err = store.Load(ctx, key)
	fmt.Println(err)
	// Output:
	// "dark" <nil>
	// <nil>
	// sojourn: no such session
}
