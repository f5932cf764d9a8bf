package redisstore_test

import (
	"testing"

	"github.com/sojourn-go/sojourn/storetest"
)

func TestRun_redis(t *testing.T) {
	onEach(t, func(t *testing.T, d *deployment) { storetest.Run(t, d.open, storetest.Options{}) })
}

func TestManager_keepsItsPromises(t *testing.T) {
	onEach(t, func(t *testing.T, d *deployment) { storetest.RunManager(t, d.open, storetest.ManagerOptions{}) })
}

func TestManager_keepsItsPromisesUnderFaults(t *testing.T) {
	onEach(t, func(t *testing.T, d *deployment) { storetest.RunFaults(t, d.open, storetest.FaultOptions{}) })
}
