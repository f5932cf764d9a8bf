package storetest_test

import (
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/storetest"
)

func TestRun_memstoreWithAClock(t *testing.T) {
	var clock storetest.Clock
	storetest.Run(t, func(testing.TB) sojourn.Store { return memstore.New(memstore.Config{Now: clock.Now}) },
		storetest.Options{Clock: &clock})
}

func TestRun_memstoreInRealTime(t *testing.T) {
	if testing.Short() {
		t.Skip("it sleeps")
	}
	storetest.Run(t, func(testing.TB) sojourn.Store { return memstore.New(memstore.Config{}) }, storetest.Options{})
}

func BenchmarkMemstore(b *testing.B) {
	storetest.Bench(b, func(testing.TB) sojourn.Store { return memstore.New(memstore.Config{Now: time.Now}) })
}
