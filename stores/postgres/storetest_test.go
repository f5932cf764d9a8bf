package postgresstore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
	"github.com/sojourn-go/sojourn/storetest"
)

// TestRun runs the conformance kit by the server's own clock.
func TestRun(t *testing.T) {
	runKit(t, shared(t), postgresstore.Config{Table: table(), Notify: postgresstore.NotifyChanges}, 0)
}

// With the default, a Patch is another statement. All but the case about telling of it must hold.
func TestCasesAboutPatches_withTheDefault(t *testing.T) {
	st, name := open(t)
	for _, c := range storetest.Cases() {
		if c.Group != "watcher" && (slices.Contains(c.Needs, "Patcher") || c.Group == "rest" || c.Group == "concurrency") {
			t.Run(c.Group+"/"+c.Name, func(t *testing.T) {
				c.Check(t, func(testing.TB) sojourn.Store { return st },
					storetest.Options{Snapshots: true, Rewrite: rewriter(shared(t), name), Rounds: 5})
			})
		}
	}
}

// runKit runs the conformance kit on pool. The cases share a table, but for those that page through all of it.
func runKit(t *testing.T, pool *pgxpool.Pool, cfg postgresstore.Config, rounds int) {
	t.Helper()
	openAt(t, pool, cfg)
	tables := new(perTest)
	storetest.Run(t, func(tb testing.TB) sojourn.Store {
		cfg := cfg
		if strings.Contains(tb.Name(), "/lister/") {
			cfg.Table, _ = tables.of(tb)
		}
		return openAt(tb, pool, cfg)
	}, storetest.Options{Snapshots: true, Rewrite: rewriter(pool, cfg.Table), Rounds: rounds})
}

// rewriter changes the stored form of the facts.
func rewriter(pool *pgxpool.Pool, table string) func(tb testing.TB, key sojourn.Key, change func([]byte) []byte) {
	return func(tb testing.TB, key sojourn.Key, change func([]byte) []byte) {
		tb.Helper()
		var facts []byte
		ctx, id := context.Background(), key.ID().String()
		err := pool.QueryRow(ctx, "SELECT facts FROM "+table+" WHERE id = $1", id).Scan(&facts)
		if err == nil {
			_, err = pool.Exec(ctx, "UPDATE "+table+" SET facts = $2 WHERE id = $1", id, change(facts))
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

// A server has no clock that can be moved, but a search_path can put another function before its own. So the kit's cases
// about hours and days are checked, and those about an instant.
func TestCasesAboutTime_withAClockThatIsMoved(t *testing.T) {
	clock := newMovedClock(t)
	tables := new(perTest)
	newStore := func(tb testing.TB) sojourn.Store {
		name, known := tables.of(tb)
		if !known {
			clock.set(tb, 0)
		}
		return openAt(tb, clock.pool, postgresstore.Config{Table: name})
	}
	for _, c := range storetest.Cases() {
		switch {
		case c.Group == "ttl", c.Group == "sweeper", strings.HasPrefix(c.Name, "mark_"), strings.Contains(c.Name, "expire"):
			t.Run(c.Group+"/"+c.Name, func(t *testing.T) {
				c.Check(t, newStore, storetest.Options{Snapshots: true, Advance: clock.advance, Rounds: 5})
			})
		}
	}
}

// movedClock is a pool whose server's clock is ahead of the time by what was advanced.
type movedClock struct {
	pool   *pgxpool.Pool
	schema string
}

func newMovedClock(t testing.TB) *movedClock {
	t.Helper()
	s, err := server()
	enginetest.Require(t, err)
	c := &movedClock{schema: table()}
	execute(t, "CREATE SCHEMA %s", c.schema)
	execute(t, "CREATE TABLE %s.ahead (by interval NOT NULL)", c.schema)
	execute(t, "INSERT INTO %s.ahead VALUES ('0')", c.schema)
	for _, function := range []string{"clock_timestamp", "statement_timestamp"} {
		execute(t, `CREATE FUNCTION %[1]s.`+function+`() RETURNS timestamptz VOLATILE LANGUAGE plpgsql AS
			'BEGIN RETURN pg_catalog.`+function+`() + (SELECT by FROM %[1]s.ahead); END'`, c.schema)
	}
	c.pool = connect(t, url(s.Addr(), fmt.Sprintf("pool_max_conns=20&search_path=%s,pg_catalog,public", c.schema)))
	return c
}

func (c *movedClock) set(tb testing.TB, ahead time.Duration) {
	tb.Helper()
	execute(tb, "UPDATE %s.ahead SET by = $1", c.schema, ahead)
}

func (c *movedClock) advance(tb testing.TB, d time.Duration) {
	tb.Helper()
	execute(tb, "UPDATE %s.ahead SET by = by + $1", c.schema, d)
}

// perTest gives each test a table of its own.
type perTest struct{ names sync.Map }

func (p *perTest) of(tb testing.TB) (name string, known bool) {
	found, known := p.names.LoadOrStore(tb, table())
	return found.(string), known
}

func TestManager_keepsItsPromises(t *testing.T) {
	storetest.RunManager(t, onSharedServer, storetest.ManagerOptions{})
}

func TestManager_keepsItsPromisesUnderFaults(t *testing.T) {
	storetest.RunFaults(t, onSharedServer, storetest.FaultOptions{})
}

// onSharedServer returns a store with a table of its own.
func onSharedServer(tb testing.TB) sojourn.Store {
	st, _ := open(tb)
	return st
}
