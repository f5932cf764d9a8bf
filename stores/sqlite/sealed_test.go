package sqlitestore_test

import (
	"crypto/sha256"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sealstore"
	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
	"github.com/sojourn-go/sojourn/storetest"
)

// TestRun_sealed runs the kit with values sealed: nothing of the contract is lost, and no byte of the file or of the log
// beside it shows a value.
func TestRun_sealed(t *testing.T) {
	var clock storetest.Clock
	var paths sync.Map
	path := func(tb testing.TB) string {
		p, ok := paths.Load(tb)
		if !ok {
			p, _ = paths.LoadOrStore(tb, filepath.Join(tb.TempDir(), "sessions.db"))
		}
		return p.(string)
	}
	secret := sha256.Sum256([]byte("of this test"))
	storetest.Run(t, func(tb testing.TB) sojourn.Store {
		inner, err := sqlitestore.Open(tb.Context(), sqlitestore.Config{Path: path(tb), Now: clock.Now})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { inner.Close() })
		st, err := sealstore.New(inner, sealstore.Config{Secrets: [][]byte{secret[:]}})
		if err != nil {
			tb.Fatal(err)
		}
		return st
	}, storetest.Options{Clock: &clock, Rounds: 4, Dump: func(tb testing.TB) (all []byte) {
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(path(tb) + suffix)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				tb.Fatal(err)
			}
			all = append(all, b...)
		}
		return all
	}})
}
