package histories_test

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
	"github.com/sojourn-go/sojourn/storetest"
	"github.com/sojourn-go/sojourn/storetest/histories"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
)

// all runs everything there is on one store.
func all(t *testing.T, newStore func(tb testing.TB, clock *storetest.Clock) sojourn.Store) {
	var clock storetest.Clock
	open := func(tb testing.TB) sojourn.Store { return newStore(tb, &clock) }
	opts := histories.Options{Options: storetest.Options{Clock: &clock}}
	faulty := opts
	faulty.Faults = 0.1
	t.Run("sessions", func(t *testing.T) { histories.Sessions(t, open, opts) })
	t.Run("sessions_with_faults", func(t *testing.T) { histories.Sessions(t, open, faulty) })
	t.Run("subjects", func(t *testing.T) { histories.Subjects(t, open, opts) })
	t.Run("subjects_with_faults", func(t *testing.T) { histories.Subjects(t, open, faulty) })
	t.Run("sequences", func(t *testing.T) { histories.Sequences(t, open, opts) })
}

func TestReference(t *testing.T) {
	all(t, func(_ testing.TB, clock *storetest.Clock) sojourn.Store { return reference.New(clock.Now) })
}

func TestMemstore(t *testing.T) {
	all(t, func(_ testing.TB, clock *storetest.Clock) sojourn.Store {
		return memstore.New(memstore.Config{Now: clock.Now})
	})
}

func TestSQLite(t *testing.T) {
	// A case opens two handles on one file.
	var paths sync.Map
	all(t, func(tb testing.TB, clock *storetest.Clock) sojourn.Store {
		path, ok := paths.Load(tb)
		if !ok {
			path, _ = paths.LoadOrStore(tb, filepath.Join(tb.TempDir(), "sessions.db"))
		}
		st, err := sqlitestore.Open(tb.Context(), sqlitestore.Config{Path: path.(string), Now: clock.Now})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { st.Close() })
		return st
	})
}

func TestMemstore_inRealTime(t *testing.T) {
	open := func(testing.TB) sojourn.Store { return memstore.New(memstore.Config{Now: time.Now}) }
	histories.Sessions(t, open, histories.Options{})
	histories.Subjects(t, open, histories.Options{})
}
