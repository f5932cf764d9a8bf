package histories_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
	"github.com/sojourn-go/sojourn/storetest"
	"github.com/sojourn-go/sojourn/storetest/histories"
)

func TestPostgres(t *testing.T) {
	server, err := enginetest.Postgres("fsync = off", "full_page_writes = off")
	enginetest.Require(t, err)
	t.Cleanup(func() { server.Close() })
	// Two pools, as two nodes have.
	var stores []sojourn.Store
	for range 2 {
		pool, err := pgxpool.New(context.Background(), "postgres://postgres@"+server.Addr()+"/postgres?pool_max_conns=8")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		st, err := postgresstore.New(pool, postgresstore.Config{})
		if err == nil {
			err = st.Migrate(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		stores = append(stores, st)
	}
	next := 0
	open := func(testing.TB) sojourn.Store {
		next++
		return stores[next%2]
	}
	opts := histories.Options{Options: storetest.Options{Snapshots: true}}
	faulty := opts
	faulty.Faults = 0.1
	t.Run("sessions", func(t *testing.T) { histories.Sessions(t, open, opts) })
	t.Run("sessions_with_faults", func(t *testing.T) { histories.Sessions(t, open, faulty) })
	t.Run("subjects", func(t *testing.T) { histories.Subjects(t, open, opts) })
	t.Run("subjects_with_faults", func(t *testing.T) { histories.Subjects(t, open, faulty) })
	t.Run("sequences", func(t *testing.T) { histories.Sequences(t, open, opts) })
}
