package sqlitestore_test

import (
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
	"modernc.org/sqlite"
)

// childVar makes the test binary another process for the tests that need one: its value is the child's work, its
// argument the file.
const childVar = "SOJOURN_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childVar) {
	case "":
		os.Exit(m.Run())
	case "write":
		writeUntilKilled(os.Args[1])
	case "count":
		countForParent(os.Args[1])
	case "migrate":
		openOnce(os.Args[1])
	}
}

// child is the command of another process that does work on the file.
func child(t testing.TB, work, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], path)
	cmd.Env = append(os.Environ(), childVar+"="+work)
	cmd.Stderr = os.Stderr
	return cmd
}

// start is the time of every test clock at first.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// clock is a clock that tests move.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(start.UnixMilli())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()) }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// open opens a store in a new file, with the clock.
func open(t testing.TB, c *clock) (*sqlitestore.Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sessions.db")
	return openAt(t, path, c), path
}

func openAt(t testing.TB, path string, c *clock) *sqlitestore.Store {
	t.Helper()
	cfg := sqlitestore.Config{Path: path}
	if c != nil {
		cfg.Now = c.now
	}
	st, err := sqlitestore.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// raw opens the file beside the store, as another program would.
func raw(t testing.TB, path string) *sql.DB {
	t.Helper()
	connector, err := sqlite.NewConnector("file:" + path + "?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	return db
}

func executeOne(t testing.TB, db *sql.DB, query string, args ...any) {
	t.Helper()
	result, err := db.Exec(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := result.RowsAffected(); n != 1 {
		t.Fatalf("%s: changed %d rows, want 1", query, n)
	}
}

// visitor is a state of nobody's.
func visitor(names ...string) sojourn.State {
	return sojourn.State{
		Facts:  sojourn.Facts{Realm: "app", Created: start, Deadline: start.Add(24 * time.Hour), Digest: [32]byte{1}},
		Values: values(names...),
	}
}

// member is a state of a subject's, logged in at an instant.
func member(subject string, at time.Time) sojourn.State {
	s := visitor("n", "0")
	s.Facts.Subject, s.Facts.Authenticated, s.Facts.Generation = subject, at, 1
	return s
}

// values makes values of names and texts in turn.
func values(pairs ...string) sojourn.Values {
	return sojourn.CollectValues(func(yield func(string, string) bool) {
		for i := 0; i < len(pairs); i += 2 {
			if !yield(pairs[i], pairs[i+1]) {
				return
			}
		}
	})
}

func save(t testing.TB, st sojourn.Store, s sojourn.State) sojourn.Key {
	t.Helper()
	key, err := st.Save(context.Background(), s, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func load(t testing.TB, st sojourn.Store, key sojourn.Key) sojourn.State {
	t.Helper()
	s, err := st.Load(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// execute changes the file beside the store.
func execute(t testing.TB, path, query string, args ...any) {
	t.Helper()
	if _, err := raw(t, path).Exec(query, args...); err != nil {
		t.Fatal(err)
	}
}
