package drivers_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sqlstore"
	"github.com/sojourn-go/sojourn/storetest"
)

// A server that hangs holds nobody for longer than his context, and when it goes on so does the store.
func TestServer_thatHangs_holdsNobodyLongerThanHisContext(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		server, err := e.server()
		if err != nil {
			t.Fatal(err)
		}
		proxy := storetest.NewProxy(t, "tcp", server.Addr())
		var settings []string
		if e.name == "postgres" {
			settings = []string{"sslmode", "disable"}
		}
		st := e.store(t, e.dbAt(t, proxy.Addr(), settings...), "")
		r := realm()
		key := save(t, st, member(r, "ada", now()), time.Hour)
		s := load(t, st, key)
		calls := writes(st, key, s)
		calls["load"] = func(ctx context.Context) error { _, err := st.Load(ctx, key); return err }
		calls["save"] = func(ctx context.Context) error { _, err := st.Save(ctx, s, time.Hour); return err }
		calls["list"] = func(ctx context.Context) error { _, err := st.ListSubject(ctx, r, "ada"); return err }
		calls["page"] = func(ctx context.Context) error { _, _, err := st.List(ctx, "", 10); return err }
		calls["sweep"] = func(ctx context.Context) error { _, err := st.Sweep(ctx, 10); return err }
		calls["revoke"] = func(ctx context.Context) error {
			_, err := st.DeleteSubject(ctx, r, "bob", sojourn.ID{})
			return err
		}
		calls["migrate"] = st.Migrate
		proxy.Stall()
		var wg sync.WaitGroup
		for op, call := range calls {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
				defer cancel()
				began := time.Now()
				if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: got %v, want context.DeadlineExceeded", op, err)
				}
				if took := time.Since(began); took > 10*time.Second {
					t.Errorf("%s: returned after %v", op, took)
				}
			})
		}
		wg.Wait()
		proxy.Resume()
		load(t, st, save(t, st, member(r, "ada", now()), time.Hour))
	})
}

// Reads go to the second pool, if there is one, and a look that has to wait goes to the first.
func TestReader_isReadFrom(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		writer, reader := e.db(t), e.db(t)
		st, err := sqlstore.New(writer, sqlstore.Config{Dialect: e.dialect, Reader: reader})
		if err != nil {
			t.Fatal(err)
		}
		if err := st.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		key := save(t, st, visitor(realm(), "n", "0"), time.Hour)
		before := reader.Stats().OpenConnections
		load(t, st, key)
		if before != 0 || reader.Stats().OpenConnections == 0 {
			t.Errorf("%d connections for reading before, %d after", before, reader.Stats().OpenConnections)
		}
		if err := increment(t.Context(), st, key); err != nil {
			t.Error(err)
		}
		reader.Close()
		if _, err := st.Load(t.Context(), key); err == nil {
			t.Error("a load did not use the pool for reading")
		}
		if err := st.UpdateTTL(t.Context(), key, 2*time.Hour); err != nil {
			t.Errorf("a write used the pool for reading: %v", err)
		}
	})
}
