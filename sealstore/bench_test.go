package sealstore_test

import (
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sealstore"
	"github.com/sojourn-go/sojourn/storetest"
)

func BenchmarkSealed(b *testing.B) {
	storetest.Bench(b, func(tb testing.TB) sojourn.Store {
		return newStore(tb, memstore.New(memstore.Config{}), sealstore.Config{})
	})
}

// BenchmarkClear is the same without sealing, to compare with.
func BenchmarkClear(b *testing.B) {
	storetest.Bench(b, func(testing.TB) sojourn.Store { return memstore.New(memstore.Config{}) })
}
