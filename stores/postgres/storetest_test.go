package postgresstore_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
	"github.com/sojourn-go/sojourn/storetest"
)

// TestRun runs the conformance kit by the server's own clock, on one table for all cases.
func TestRun(t *testing.T) {
	runKit(t, shared(t), postgresstore.Config{Table: table(), Notify: postgresstore.NotifyChanges})
}

// runKit runs the conformance kit on pool.
func runKit(t *testing.T, pool *pgxpool.Pool, cfg postgresstore.Config) {
	t.Helper()
	openAt(t, pool, cfg)
	storetest.Run(t, func(tb testing.TB) sojourn.Store {
		st, err := postgresstore.New(pool, cfg)
		if err != nil {
			tb.Fatal(err)
		}
		return st
	}, storetest.Options{Snapshots: true, Rewrite: rewriter(pool, cfg.Table)})
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

// A server has no clock that can be moved, but a search_path can put another function before its own. The kit's cases
// about hours and days are checked so, and those that are about an instant.
func TestRun_withAClockThatIsMoved(t *testing.T) {
	clock := newMovedClock(t)
	tables := new(perTest)
	storetest.Run(t, func(tb testing.TB) sojourn.Store {
		return openAt(tb, clock.pool, postgresstore.Config{Table: tables.of(tb), Notify: postgresstore.NotifyChanges})
	}, storetest.Options{Snapshots: true, Advance: clock.advance, Rounds: 5})
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
	execute(t, `CREATE FUNCTION %[1]s.clock_timestamp() RETURNS timestamptz VOLATILE LANGUAGE plpgsql AS
		'BEGIN RETURN pg_catalog.clock_timestamp() + (SELECT by FROM %[1]s.ahead); END'`, c.schema)
	c.pool = connect(t, url(s.Addr(), fmt.Sprintf("pool_max_conns=20&search_path=%s,pg_catalog,public", c.schema)))
	return c
}

func (c *movedClock) advance(tb testing.TB, d time.Duration) {
	tb.Helper()
	execute(tb, "UPDATE %s.ahead SET by = by + $1", c.schema, d)
}

// perTest gives each test a table of its own.
type perTest struct{ names sync.Map }

func (p *perTest) of(tb testing.TB) string {
	name, _ := p.names.LoadOrStore(tb, table())
	return name.(string)
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
