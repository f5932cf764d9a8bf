package postgresstore_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
)

// quick spares the disk: these servers lose nothing that a test looks at, for the machine does not lose its power.
var quick = []string{"fsync = off", "full_page_writes = off"}

// server is the one that most tests share.
var server = sync.OnceValues(func() (*enginetest.Server, error) { return enginetest.Postgres(quick...) })

func TestMain(m *testing.M) {
	code := m.Run()
	for _, pool := range pools.all {
		pool.Close()
	}
	if s, err := server(); err == nil {
		s.Close()
	}
	os.Exit(code)
}

// url is the address of a server's database.
func url(addr, settings string) string {
	return "postgres://postgres@" + addr + "/postgres?" + settings
}

// pools has one pool for each address.
var pools struct {
	mu  sync.Mutex
	all map[string]*pgxpool.Pool
}

// connect returns a pool for an address, which lives as long as the process.
func connect(t testing.TB, address string) *pgxpool.Pool {
	t.Helper()
	pools.mu.Lock()
	defer pools.mu.Unlock()
	if pool := pools.all[address]; pool != nil {
		return pool
	}
	pool, err := pgxpool.New(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	if pools.all == nil {
		pools.all = make(map[string]*pgxpool.Pool)
	}
	pools.all[address] = pool
	return pool
}

// newPool is a pool of the test's own.
func newPool(t testing.TB, address string) *pgxpool.Pool {
	t.Helper()
	settings, err := pgxpool.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	return newPoolWith(t, settings)
}

func newPoolWith(t testing.TB, settings *pgxpool.Config) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.NewWithConfig(context.Background(), settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// long skips a test that takes minutes, unless the environment asks for those.
func long(t testing.TB) {
	t.Helper()
	if os.Getenv("SOJOURN_TEST_LONG") == "" {
		t.Skip("it takes long: set SOJOURN_TEST_LONG")
	}
}

// shared is a pool on the shared server.
func shared(t testing.TB) *pgxpool.Pool {
	t.Helper()
	s, err := server()
	enginetest.Require(t, err)
	return connect(t, url(s.Addr(), "pool_max_conns=20"))
}

// table is a name for a table of a test's own.
func table() string { return "t_" + sojourn.NewID().String()[:16] }

// open returns a store on the shared server with a table of its own.
func open(t testing.TB) (*postgresstore.Store, string) {
	t.Helper()
	name := table()
	return openAt(t, shared(t), postgresstore.Config{Table: name}), name
}

func openAt(t testing.TB, pool *pgxpool.Pool, cfg postgresstore.Config) *postgresstore.Store {
	t.Helper()
	st, err := postgresstore.New(pool, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return st
}

// execute runs SQL beside the store, in which %s stands for the table.
func execute(t testing.TB, query, table string, args ...any) int64 {
	t.Helper()
	tag, err := shared(t).Exec(context.Background(), fmt.Sprintf(query, table), args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return tag.RowsAffected()
}

// ask reads one value beside the store.
func ask[T any](t testing.TB, query, table string, args ...any) T {
	t.Helper()
	var answer T
	if err := shared(t).QueryRow(context.Background(), fmt.Sprintf(query, table), args...).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

// start is when the sessions of tests were created.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

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

// timeless is a state without the TTL, which goes down while one looks.
func timeless(s sojourn.State) sojourn.State {
	s.TTL = 0
	return s
}
