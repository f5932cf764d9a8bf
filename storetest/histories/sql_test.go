package histories_test

import (
	"database/sql"
	"os"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	"github.com/sojourn-go/sojourn/sqlstore"
	mysqlstore "github.com/sojourn-go/sojourn/stores/mysql"
	"github.com/sojourn-go/sojourn/storetest/histories"
)

func TestMariaDB(t *testing.T) {
	server, err := enginetest.MariaDB("--innodb-flush-log-at-trx-commit=2")
	enginetest.Require(t, err)
	t.Cleanup(func() { server.Close() })
	onServer(t, func(tb testing.TB) sojourn.Store {
		st, err := mysqlstore.Open(tb.Context(), "mysql://root@"+server.Addr()+"/test", mysqlstore.Config{})
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { st.Close() })
		if err := st.Migrate(tb.Context()); err != nil {
			tb.Fatal(err)
		}
		return st
	})
}

func TestPostgreSQL_throughDatabaseSQL(t *testing.T) {
	server, err := enginetest.Postgres("fsync = off")
	enginetest.Require(t, err)
	t.Cleanup(func() { server.Close() })
	onServer(t, func(tb testing.TB) sojourn.Store {
		db, err := sql.Open("pgx", "postgres://postgres@"+server.Addr()+"/postgres")
		if err != nil {
			tb.Fatal(err)
		}
		db.SetMaxIdleConns(8)
		tb.Cleanup(func() { db.Close() })
		st, err := sqlstore.New(db, sqlstore.Config{Dialect: sqlstore.PostgreSQL})
		if err != nil {
			tb.Fatal(err)
		}
		if err := st.Migrate(tb.Context()); err != nil {
			tb.Fatal(err)
		}
		return st
	})
}

// onServer runs everything there is on a database server, whose clock nobody moves. Each call is a round trip or more, so
// that fewer histories are run unless SOJOURN_HISTORIES says how many.
func onServer(t *testing.T, open func(tb testing.TB) sojourn.Store) {
	opts := histories.Options{}
	if os.Getenv("SOJOURN_HISTORIES") == "" {
		opts.Histories = 60
	}
	faulty := opts
	faulty.Faults = 0.1
	t.Run("sessions", func(t *testing.T) { histories.Sessions(t, open, opts) })
	t.Run("sessions_with_faults", func(t *testing.T) { histories.Sessions(t, open, faulty) })
	t.Run("subjects", func(t *testing.T) { histories.Subjects(t, open, opts) })
	t.Run("subjects_with_faults", func(t *testing.T) { histories.Subjects(t, open, faulty) })
	t.Run("sequences", func(t *testing.T) { histories.Sequences(t, open, opts) })
}
