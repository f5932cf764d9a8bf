package cookiestore_test

import (
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/storetest"
)

// Conformance: everything but what a client-side store cannot promise.

func TestConformance_leases(t *testing.T) {
	var clock storetest.Clock
	storetest.Run(t, func(tb testing.TB) sojourn.Store {
		return newStore(tb, cookiestore.Config{Leases: memstore.New(memstore.Config{Now: clock.Now})})
	}, storetest.Options{Clock: &clock, MaxSize: 2000})
}

// plain is a store of the five methods and no more.
type plain struct{ sojourn.Store }

// Leases may be in any server-side store: what it lacks is lacking here.
func TestConformance_leasesInAPlainStore(t *testing.T) {
	var clock storetest.Clock
	storetest.Run(t, func(tb testing.TB) sojourn.Store {
		return newStore(tb, cookiestore.Config{Leases: plain{memstore.New(memstore.Config{Now: clock.Now})}})
	}, storetest.Options{Clock: &clock, MaxSize: 2000})
}

func TestConformance_irrevocable(t *testing.T) {
	var clock storetest.Clock
	storetest.Run(t, func(tb testing.TB) sojourn.Store {
		return newStore(tb, cookiestore.Config{Irrevocable: true, Now: clock.Now})
	}, storetest.Options{Clock: &clock, MaxSize: 2000, Irrevocable: true})
}
