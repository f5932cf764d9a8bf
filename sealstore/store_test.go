package sealstore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sealstore"
	"github.com/sojourn-go/sojourn/storetest"
)

// Conformance: nothing of the contract is lost by sealing, with all capabilities and with none.

// engines gives each test one engine, so that a second store is another node over the same one.
type engines[T sojourn.Store] struct {
	open func() T

	mu sync.Mutex
	of map[testing.TB]T
}

func (g *engines[T]) engine(tb testing.TB) T {
	g.mu.Lock()
	defer g.mu.Unlock()
	st, ok := g.of[tb]
	if !ok {
		if g.of == nil {
			g.of = make(map[testing.TB]T)
		}
		st = g.open()
		g.of[tb] = st
	}
	return st
}

func TestConformance_memstore(t *testing.T) {
	var clock storetest.Clock
	g := engines[*memstore.Store]{open: func() *memstore.Store { return memstore.New(memstore.Config{Now: clock.Now}) }}
	storetest.Run(t, func(tb testing.TB) sojourn.Store { return newStore(tb, g.engine(tb), sealstore.Config{}) }, storetest.Options{
		Clock: &clock,
		Dump:  func(tb testing.TB) []byte { return dumpOf(tb, g.engine(tb)) },
	})
}

func TestConformance_fiveMethods(t *testing.T) {
	var clock storetest.Clock
	g := engines[*plain]{open: func() *plain { return newPlain(clock.Now) }}
	storetest.Run(t, func(tb testing.TB) sojourn.Store { return newStore(tb, g.engine(tb), sealstore.Config{}) }, storetest.Options{
		Clock: &clock,
		Dump:  func(tb testing.TB) []byte { return g.engine(tb).dump() },
		Rewrite: func(tb testing.TB, key sojourn.Key, change func([]byte) []byte) {
			g.engine(tb).rewrite(key, change)
		},
	})
}

// While values in clear are written too, the rest of the contract holds all the same.
func TestConformance_clearWritten(t *testing.T) {
	var clock storetest.Clock
	storetest.Run(t, func(tb testing.TB) sojourn.Store {
		return newStore(tb, memstore.New(memstore.Config{Now: clock.Now}), sealstore.Config{Clear: sealstore.ClearWritten})
	}, storetest.Options{Clock: &clock, Rounds: 4})
}

func TestRunManager_memstore(t *testing.T) {
	storetest.RunManager(t, func(tb testing.TB) sojourn.Store {
		return newStore(tb, memstore.New(memstore.Config{}), sealstore.Config{})
	}, storetest.ManagerOptions{})
}

func TestRunManager_fiveMethods(t *testing.T) {
	storetest.RunManager(t, func(tb testing.TB) sojourn.Store {
		return newStore(tb, newPlain(time.Now), sealstore.Config{})
	}, storetest.ManagerOptions{})
}

// dumpOf returns all that a store with a Lister has, in its binary form.
func dumpOf(tb testing.TB, st interface {
	sojourn.Store
	sojourn.Lister
}) []byte {
	tb.Helper()
	var all []byte
	for cursor := ""; ; {
		entries, next, err := st.List(context.Background(), cursor, 100)
		if err != nil {
			tb.Fatal(err)
		}
		for _, e := range entries {
			state, err := st.Load(context.Background(), e.ID.Key())
			if err != nil {
				tb.Fatal(err)
			}
			all, _ = state.AppendBinary(all)
		}
		if cursor = next; cursor == "" {
			return all
		}
	}
}

func TestRunFaults_memstore(t *testing.T) {
	storetest.RunFaults(t, func(tb testing.TB) sojourn.Store {
		return newStore(tb, memstore.New(memstore.Config{}), sealstore.Config{})
	}, storetest.FaultOptions{Operations: 2000})
}
