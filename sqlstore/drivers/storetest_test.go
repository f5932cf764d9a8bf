package drivers_test

import (
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	"github.com/sojourn-go/sojourn/storetest"
)

func TestManager_keepsItsPromises(t *testing.T) {
	storetest.RunManager(t, onPostgres(t), storetest.ManagerOptions{})
}

func TestManager_keepsItsPromisesUnderFaults(t *testing.T) {
	storetest.RunFaults(t, onPostgres(t), storetest.FaultOptions{})
}

func onPostgres(t *testing.T) func(tb testing.TB) sojourn.Store {
	e := postgres()
	_, err := e.server()
	enginetest.Require(t, err)
	return func(tb testing.TB) sojourn.Store {
		_, st := e.open(tb)
		return st
	}
}
