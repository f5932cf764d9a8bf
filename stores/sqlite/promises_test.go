package sqlitestore_test

import (
	"path/filepath"
	"testing"

	"github.com/sojourn-go/sojourn"
	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
	"github.com/sojourn-go/sojourn/storetest"
)

func TestManager_keepsItsPromises(t *testing.T) {
	storetest.RunManager(t, newFile, storetest.ManagerOptions{})
}

func TestManager_keepsItsPromisesUnderFaults(t *testing.T) {
	storetest.RunFaults(t, newFile, storetest.FaultOptions{})
}

// newFile opens a store in a file of its own.
func newFile(tb testing.TB) sojourn.Store {
	st, err := sqlitestore.Open(tb.Context(), sqlitestore.Config{Path: filepath.Join(tb.TempDir(), "sessions.db")})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := st.Close(); err != nil {
			tb.Error(err)
		}
	})
	return st
}
