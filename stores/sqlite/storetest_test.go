package sqlitestore_test

import (
	"path/filepath"
	"sync"
	"testing"

	"github.com/sojourn-go/sojourn"
	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
	"github.com/sojourn-go/sojourn/storetest"
)

// TestRun_sqlite runs the conformance kit; the second handle of a test is another store on the same file.
func TestRun_sqlite(t *testing.T) {
	var clock storetest.Clock
	var paths sync.Map
	path := func(tb testing.TB) string {
		p, ok := paths.Load(tb)
		if !ok {
			p, _ = paths.LoadOrStore(tb, filepath.Join(tb.TempDir(), "sessions.db"))
		}
		return p.(string)
	}
	storetest.Run(t, func(tb testing.TB) sojourn.Store {
		st, err := sqlitestore.Open(tb.Context(), sqlitestore.Config{Path: path(tb), Now: clock.Now})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { st.Close() })
		return st
	}, storetest.Options{Clock: &clock})
}
