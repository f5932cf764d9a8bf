package drivers_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	"github.com/sojourn-go/sojourn/sqlstore"
)

// engine is a server under a dialect, through a driver with its own defaults.
type engine struct {
	name    string
	dialect sqlstore.Dialect
	driver  string
	server  func() (*enginetest.Server, error)
	address func(server string, settings url.Values) string // of the database of sessions

	// self asks for the number of one's own connection, waiting for how many wait for that of a connection.
	self, waiting string
}

var (
	mariadbServer = shared(func() (*enginetest.Server, error) {
		return enginetest.MariaDB("--innodb-flush-log-at-trx-commit=2", "--max-connections=500")
	})
	postgresServer = shared(func() (*enginetest.Server, error) { return enginetest.Postgres("fsync = off") })
)

func engines() []engine { return []engine{mariadb(), postgres()} }

func mariadb() engine {
	return engine{
		name:    "mariadb",
		dialect: sqlstore.MySQL,
		driver:  "mysql",
		server:  mariadbServer,
		address: func(server string, settings url.Values) string {
			return "root@tcp(" + server + ")/test?" + settings.Encode()
		},
		self: "SELECT CONNECTION_ID()",
		// Of all that wait: the tables that know for whom are old while somebody keeps looking.
		waiting: `SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS
			WHERE VARIABLE_NAME = 'INNODB_ROW_LOCK_CURRENT_WAITS' AND ? > 0`,
	}
}

func postgres() engine {
	return engine{
		name:    "postgres",
		dialect: sqlstore.PostgreSQL,
		driver:  "pgx",
		server:  postgresServer,
		address: func(server string, settings url.Values) string {
			return "postgres://postgres@" + server + "/postgres?" + strings.ReplaceAll(settings.Encode(), "+", "%20")
		},
		self:    "SELECT pg_backend_pid()",
		waiting: "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))",
	}
}

// each runs a test on each engine, at once.
func each(t *testing.T, test func(t *testing.T, e engine)) {
	t.Helper()
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			_, err := e.server()
			enginetest.Require(t, err)
			test(t, e)
		})
	}
}

// db opens a pool. Settings are names and values of the driver's parameters, in turn.
func (e engine) db(tb testing.TB, settings ...string) *sql.DB {
	tb.Helper()
	server, err := e.server()
	enginetest.Require(tb, err)
	return e.dbAt(tb, server.Addr(), settings...)
}

func (e engine) dbAt(tb testing.TB, server string, settings ...string) *sql.DB {
	tb.Helper()
	query := url.Values{}
	for i := 0; i < len(settings); i += 2 {
		query.Set(settings[i], settings[i+1])
	}
	db, err := sql.Open(e.driver, e.address(server, query))
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(30)
	db.SetMaxIdleConns(30)
	tb.Cleanup(func() { db.Close() })
	return db
}

// store is one on db, with its tables.
func (e engine) store(tb testing.TB, db *sql.DB, table string) *sqlstore.Store {
	tb.Helper()
	st, err := sqlstore.New(db, sqlstore.Config{Dialect: e.dialect, Table: table})
	if err != nil {
		tb.Fatal(err)
	}
	if err := st.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return st
}

// open is a pool and a store on the table that all tests share: their sessions have realms of their own.
func (e engine) open(tb testing.TB, settings ...string) (*sql.DB, *sqlstore.Store) {
	tb.Helper()
	db := e.db(tb, settings...)
	return db, e.store(tb, db, "")
}

// sql is a statement with the engine's placeholders.
func (e engine) sql(text string) string {
	if e.dialect != sqlstore.PostgreSQL {
		return text
	}
	parts := strings.Split(text, "?")
	for i := range parts[1:] {
		parts[i] += fmt.Sprint("$", i+1)
	}
	return strings.Join(parts, "")
}

func (e engine) exec(tb testing.TB, db *sql.DB, text string, args ...any) {
	tb.Helper()
	if _, err := db.ExecContext(tb.Context(), e.sql(text), args...); err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
}

// blocker is somebody else's transaction.
type blocker struct {
	testing.TB
	e    engine
	db   *sql.DB
	tx   *sql.Tx
	self int
}

func (e engine) blocker(tb testing.TB, db *sql.DB) *blocker {
	tb.Helper()
	tx, err := db.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { tx.Rollback() })
	b := &blocker{TB: tb, e: e, db: db, tx: tx}
	if err := tx.QueryRow(e.self).Scan(&b.self); err != nil {
		tb.Fatal(err)
	}
	return b
}

func (b *blocker) exec(text string, args ...any) {
	b.Helper()
	if _, err := b.tx.ExecContext(b.Context(), b.e.sql(text), args...); err != nil {
		b.Fatalf("%s: %v", text, err)
	}
}

// waits is closed when n connections wait for the transaction.
func (b *blocker) waits(n int) chan struct{} {
	there := make(chan struct{})
	go func() {
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
			var waiting int
			err := b.db.QueryRowContext(b.Context(), b.e.waiting, b.self).Scan(&waiting)
			if err == nil && waiting >= n {
				close(there)
				return
			}
			if time.Now().After(end) || b.Context().Err() != nil {
				b.Errorf("%d connections wait for the transaction, want %d; %v", waiting, n, err)
				close(there)
				return
			}
		}
	}()
	return there
}

// waitedFor returns when n connections wait for the transaction.
func (b *blocker) waitedFor(n int) {
	b.Helper()
	<-b.waits(n)
}

func (b *blocker) end(commit bool) {
	b.Helper()
	end := b.tx.Rollback
	if commit {
		end = b.tx.Commit
	}
	if err := end(); err != nil {
		b.Fatal(err)
	}
}

// lockRow has the blocker lock a session's row, and change it, or lock it only.
func (b *blocker) lockRow(key sojourn.Key, change bool) {
	b.Helper()
	id := key.ID()
	if change {
		b.exec(`UPDATE sojourn_sessions SET created = created + 1 WHERE id = ?`, id[:])
		return
	}
	b.exec(`SELECT id FROM sojourn_sessions WHERE id = ? FOR UPDATE`, id[:])
}
