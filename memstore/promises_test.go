package memstore_test

import (
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/storetest"
)

func TestManager_keepsItsPromises(t *testing.T) {
	storetest.RunManager(t, func(testing.TB) sojourn.Store { return memstore.New(memstore.Config{}) }, storetest.ManagerOptions{})
}

func TestManager_keepsItsPromisesUnderFaults(t *testing.T) {
	storetest.RunFaults(t, func(testing.TB) sojourn.Store { return memstore.New(memstore.Config{}) }, storetest.FaultOptions{})
}
