package mysqlstore_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	mysqlstore "github.com/sojourn-go/sojourn/stores/mysql"
	"github.com/sojourn-go/sojourn/storetest"
)

// TestRun_mariadb runs the conformance kit; the second handle of a test is another store with a pool of its own. The server's
// clock is moved for the cases about time, and goes on by itself.
func TestRun_mariadb(t *testing.T) {
	db, addr := raw(t)
	var mu sync.Mutex
	var of testing.TB // whose clock it is
	var ahead time.Duration
	storetest.Run(t, func(tb testing.TB) sojourn.Store {
		cfg := mysqlstore.Config{}
		if strings.Contains(tb.Name(), "/lister/") { // pages through all that there is
			cfg.Table = "listed"
		}
		return open(tb, "mysql://root@"+addr+"/test", cfg)
	}, storetest.Options{
		Advance: func(tb testing.TB, d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			if of != tb {
				of, ahead = tb, 0
				tb.Cleanup(func() { setAhead(tb, 0) })
			}
			ahead += d
			setAhead(tb, ahead)
		},
		Rewrite: func(tb testing.TB, key sojourn.Key, change func([]byte) []byte) {
			id := key.ID()
			var record []byte
			if err := db.QueryRow("SELECT record FROM sojourn_sessions WHERE id = ?", id[:]).Scan(&record); err != nil {
				tb.Fatal(err)
			}
			execute(tb, db, "UPDATE sojourn_sessions SET record = ? WHERE id = ?", change(record), id[:])
		},
	})
}

func setAhead(tb testing.TB, d time.Duration) {
	if err := started.SetAhead(d); err != nil {
		tb.Error(err)
	}
}

func TestManager_keepsItsPromises(t *testing.T) {
	storetest.RunManager(t, onMariaDB(t), storetest.ManagerOptions{})
}

func TestManager_keepsItsPromisesUnderFaults(t *testing.T) {
	storetest.RunFaults(t, onMariaDB(t), storetest.FaultOptions{})
}

func onMariaDB(t *testing.T) func(tb testing.TB) sojourn.Store {
	s, err := server()
	enginetest.Require(t, err)
	return func(tb testing.TB) sojourn.Store {
		return open(tb, "mysql://root@"+s.Addr()+"/test", mysqlstore.Config{})
	}
}

// open opens a store and makes its tables.
func open(tb testing.TB, address string, cfg mysqlstore.Config) *mysqlstore.Store {
	tb.Helper()
	st, err := mysqlstore.Open(tb.Context(), address, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := st.Close(); err != nil {
			tb.Error(err)
		}
	})
	if err := st.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return st
}
