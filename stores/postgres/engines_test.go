package postgresstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
)

func TestRun_onPostgres18(t *testing.T) {
	s, err := enginetest.Postgres18(quick...)
	enginetest.Require(t, err)
	t.Cleanup(func() { s.Close() })
	pool := newPool(t, url(s.Addr(), "pool_max_conns=20"))
	var version string
	if err := pool.QueryRow(t.Context(), "SHOW server_version").Scan(&version); err != nil || !strings.HasPrefix(version, "18") {
		t.Fatalf("got version %s, %v", version, err)
	}
	runKit(t, pool, postgresstore.Config{Table: table(), Notify: postgresstore.NotifyChanges}, 4)
}

// pooled starts PgBouncer in transaction mode before the shared server, with so few connections that sessions have to share
// them, and returns its address.
func pooled(t *testing.T) string {
	t.Helper()
	s, err := server()
	enginetest.Require(t, err)
	pooler, err := enginetest.PgBouncer(s, "default_pool_size = 5", "ignore_startup_parameters = extra_float_digits")
	enginetest.Require(t, err)
	t.Cleanup(func() { pooler.Close() })
	return pooler.Addr()
}

// direct is the way round the pooler.
func direct(t *testing.T) *pgx.ConnConfig {
	t.Helper()
	s, err := server()
	enginetest.Require(t, err)
	cfg, err := pgx.ParseConfig(url(s.Addr(), ""))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestRun_throughPgBouncer(t *testing.T) {
	pool := newPool(t, url(pooled(t), "pool_max_conns=20&default_query_exec_mode=cache_describe"))
	runKit(t, pool, postgresstore.Config{Table: table(), Notify: postgresstore.NotifyChanges, Direct: direct(t)}, 4)
}

// Each of pgx's modes works where it can, and where it cannot the error says what to do.
func TestQueryExecModes(t *testing.T) {
	s, err := server()
	enginetest.Require(t, err)
	pooler := pooled(t)
	for _, mode := range []string{"cache_statement", "cache_describe", "exec", "simple_protocol"} {
		for where, addr := range map[string]string{"direct": s.Addr(), "pooled": pooler} {
			t.Run(mode+"/"+where, func(t *testing.T) {
				pool := newPool(t, url(addr, "pool_max_conns=8&default_query_exec_mode="+mode))
				name := table()
				openAt(t, shared(t), postgresstore.Config{Table: name})
				st, err := postgresstore.New(pool, postgresstore.Config{Table: name})
				if err != nil {
					t.Fatal(err)
				}
				errs := make(chan error)
				const clients = 8
				for range clients {
					go func() { errs <- useAll(t.Context(), st) }()
				}
				failed := 0
				var failure error
				for range clients {
					if err := <-errs; err != nil {
						failed, failure = failed+1, err
					}
				}
				if mode == "cache_statement" && where == "pooled" { // PgBouncer 1.18 shares no prepared statements
					if failed == 0 || !strings.Contains(failure.Error(), "cache_describe") {
						t.Errorf("%d of %d failed, the last with %v, want one that names cache_describe", failed, clients, failure)
					}
					return
				}
				if failed != 0 {
					t.Errorf("%d of %d failed, the last with %v", failed, clients, failure)
				}
				if where == "pooled" {
					if err := st.Watch(t.Context(), func(sojourn.ID) {}); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "Direct") {
						t.Errorf("Watch through a pooler: got %v, want errors.ErrUnsupported that names Config.Direct", err)
					}
				}
			})
		}
	}
}

// describe_exec sends a statement and its arguments apart. Behind a pooler they may meet those of another client.
func TestNew_withDescribeExec_isRefused(t *testing.T) {
	pool := newPool(t, "postgres://nobody@127.0.0.1:1/none?default_query_exec_mode=describe_exec")
	if _, err := postgresstore.New(pool, postgresstore.Config{}); err == nil || !strings.Contains(err.Error(), "cache_describe") {
		t.Errorf("got %v, want one that names cache_describe", err)
	}
}

// useAll calls each method and checks what comes of it.
func useAll(ctx context.Context, st *postgresstore.Store) error {
	subject := sojourn.NewID().String()
	s := member(subject, time.Now().Add(time.Hour))
	s.Values = hostile()
	for range 5 {
		key, err := st.Save(ctx, s, time.Hour)
		if err != nil {
			return fmt.Errorf("Save: %w", err)
		}
		got, err := st.Load(ctx, key)
		if err != nil {
			return fmt.Errorf("Load: %w", err)
		}
		if got.Values != s.Values || got.Facts.Subject != subject || got.TTL > time.Hour || got.TTL < 55*time.Minute {
			return fmt.Errorf("Load: got %+v", got)
		}
		p := sojourn.Patch{Generation: 1, Expect: values("'", "6", "absent", ""), Clear: true, Keep: []string{"$1", "$", `\`}, Remove: []string{"$"},
			Set: values("ü'$1", `"\u0000"`), MaxSize: 1000, MaxNames: 10}
		if err := st.Patch(ctx, key, p, 2*time.Hour); err != nil {
			return fmt.Errorf("Patch: %w", err)
		}
		want, _ := got.With(p)
		if got, err = st.Load(ctx, key); err != nil || got.Values != want.Values {
			return fmt.Errorf("after Patch: got %#v, %w", got.Values, err)
		}
		if err := st.UpdateTTL(ctx, key, 3*time.Hour); err != nil {
			return fmt.Errorf("UpdateTTL: %w", err)
		}
		if _, err := st.Update(ctx, key, got, time.Hour); err != nil {
			return fmt.Errorf("Update: %w", err)
		}
		if _, err := st.Update(ctx, key, got, time.Hour); !errors.Is(err, sojourn.ErrConflict) {
			return fmt.Errorf("second Update: %w", err)
		}
	}
	if _, _, err := st.List(ctx, "", 3); err != nil {
		return fmt.Errorf("List: %w", err)
	}
	trimmed, err := st.TrimSubject(ctx, "app", subject, 3, sojourn.ID{})
	if err != nil || len(trimmed) != 2 {
		return fmt.Errorf("TrimSubject: got %d, %w", len(trimmed), err)
	}
	list, err := st.ListSubject(ctx, "app", subject)
	if err != nil || len(list) != 3 {
		return fmt.Errorf("ListSubject: got %d, %w", len(list), err)
	}
	if n, err := st.DeleteSubject(ctx, "app", subject, list[0].ID); err != nil || n != 2 {
		return fmt.Errorf("DeleteSubject: got %d, %w", n, err)
	}
	if err := st.Delete(ctx, list[0].ID.Key()); err != nil {
		return fmt.Errorf("Delete: %w", err)
	}
	if _, err := st.Sweep(ctx, 10); err != nil {
		return fmt.Errorf("Sweep: %w", err)
	}
	return nil
}

// A replica may be behind: a session that was ended is alive in it. It answers nothing in silence.
func TestReadReplica_neverAnswersInSilence(t *testing.T) {
	s, err := server()
	enginetest.Require(t, err)
	st, name := open(t)
	key := save(t, st, member("ada", start))
	state := load(t, st, key)
	standby, err := enginetest.PostgresStandby(s)
	enginetest.Require(t, err)
	t.Cleanup(func() { standby.Close() })

	replica, err := postgresstore.New(newPool(t, url(standby.Addr(), "")), postgresstore.Config{Table: name})
	if err != nil {
		t.Fatal(err)
	}
	calls := everything(replica, key, state)
	calls["Load of what is not there"] = func(ctx context.Context) error { _, err := replica.Load(ctx, sojourn.NewID().Key()); return err }
	calls["ListSubject of nobody"] = func(ctx context.Context) error { _, err := replica.ListSubject(ctx, "app", "nobody"); return err }
	delete(calls, "Migrate") // finds the schema up to date
	for op, call := range calls {
		err := call(t.Context())
		if err == nil || errors.Is(err, sojourn.ErrNotFound) {
			t.Errorf("%s on a replica: got %v, want an error of its own", op, err)
		}
		if op != "Watch" && err != nil && !strings.Contains(err.Error(), "replica") {
			t.Errorf("%s on a replica: the error does not say so: %v", op, err)
		}
	}
	if _, err := postgresstore.Open(t.Context(), url(standby.Addr(), ""), postgresstore.Config{Table: name}); err == nil {
		t.Error("Open of a replica: no error")
	}
	// Of several hosts Open takes the primary.
	both := "postgres://postgres@" + standby.Addr() + "," + s.Addr() + "/postgres"
	chosen, err := postgresstore.Open(t.Context(), both, postgresstore.Config{Table: name})
	if err != nil {
		t.Fatal(err)
	}
	defer chosen.Close()
	if got := load(t, chosen, key); timeless(got) != timeless(state) {
		t.Errorf("got %+v", got)
	}
}
