package mysqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	mysqlstore "github.com/sojourn-go/sojourn/stores/mysql"
	"github.com/sojourn-go/sojourn/storetest"
)

// raw is a pool beside the store, with the driver's defaults.
func raw(tb testing.TB) (*sql.DB, string) {
	tb.Helper()
	s, err := server()
	enginetest.Require(tb, err)
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.DBName = "root", "tcp", s.Addr(), "test"
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	db := sql.OpenDB(connector)
	tb.Cleanup(func() { db.Close() })
	return db, s.Addr()
}

func execute(tb testing.TB, db *sql.DB, text string, args ...any) {
	tb.Helper()
	if _, err := db.ExecContext(context.Background(), text, args...); err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
}

func state(pairs ...string) sojourn.State {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return sojourn.State{
		Facts: sojourn.Facts{Realm: "app", Subject: "ada", Authenticated: now, Created: now, Deadline: now.Add(time.Hour)},
		Values: sojourn.CollectValues(func(yield func(string, string) bool) {
			for i := 0; i < len(pairs); i += 2 {
				if !yield(pairs[i], pairs[i+1]) {
					return
				}
			}
		}),
	}
}

// Both forms of an address lead to the server, with a password in which everything is special.
func TestOpen_byURLAndDSN(t *testing.T) {
	db, addr := raw(t)
	const user, password = "we@b:/", `p@s:s/w?r#d%41'"(é`
	execute(t, db, "CREATE USER '"+user+"' IDENTIFIED BY '"+strings.ReplaceAll(password, "'", "''")+"'")
	execute(t, db, "GRANT ALL ON test.* TO '"+user+"'")
	t.Cleanup(func() { execute(t, db, "DROP USER '"+user+"'") })
	u := url.URL{Scheme: "mysql", User: url.UserPassword(user, password), Host: addr, Path: "/test", RawQuery: "timeout=5s"}
	dsn := mysql.NewConfig()
	dsn.User, dsn.Passwd, dsn.Net, dsn.Addr, dsn.DBName = "root", "", "tcp", addr, "test"
	for _, address := range []string{u.String(), dsn.FormatDSN()} {
		st := open(t, address, mysqlstore.Config{})
		key, err := st.Save(t.Context(), state("a", "1"), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Load(t.Context(), key); err != nil {
			t.Error(err)
		}
	}
	u.User = url.UserPassword(user, "hunter2")
	st, err := mysqlstore.Open(t.Context(), u.String(), mysqlstore.Config{})
	if st != nil || err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("with a wrong password: got %v, %v, want an error that does not repeat it", st, err)
	}
}

func TestOpen_nonsense_namesTheField(t *testing.T) {
	_, addr := raw(t)
	for field, cfg := range map[string]mysqlstore.Config{
		"Table": {Table: "a`b"}, "MaxConns": {MaxConns: -1},
	} {
		st, err := mysqlstore.Open(t.Context(), "mysql://root@"+addr+"/test", cfg)
		var wrong *sojourn.ConfigError
		if st != nil || !errors.As(err, &wrong) || wrong.Field != field {
			t.Errorf("got %v, %v, want a ConfigError of %s", st, err, field)
		}
		if _, err := mysqlstore.Schema(cfg); !errors.As(err, &wrong) {
			t.Errorf("Schema: got %v, want a ConfigError of %s", err, field)
		}
	}
	if st, err := mysqlstore.Open(t.Context(), "mysql://root@"+addr+"/nosuchdatabase", mysqlstore.Config{}); err == nil {
		t.Errorf("a database that is not there: got %v", st)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := mysqlstore.Open(ctx, "mysql://root@"+addr+"/test", mysqlstore.Config{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: got %v", err)
	}
}

// The SQL for those who run their own migrations is to be had without a server, and is what Migrate runs.
func TestSchema_needsNoServer(t *testing.T) {
	schema, err := mysqlstore.Schema(mysqlstore.Config{Table: "web_sessions"})
	if err != nil {
		t.Fatal(err)
	}
	db, addr := raw(t)
	for _, statement := range strings.Split(schema, ";\n") {
		if strings.TrimSpace(statement) != "" {
			execute(t, db, statement)
		}
	}
	st := open(t, "mysql://root@"+addr+"/test", mysqlstore.Config{Table: "web_sessions"})
	if _, err := st.Save(t.Context(), state(), time.Hour); err != nil {
		t.Error(err)
	}
}

// What the server could not take is refused before it is sent: a server breaks the connection over it.
func TestRecord_largerThanAPacket_isTooLarge(t *testing.T) {
	db, addr := raw(t)
	var before int
	if err := db.QueryRow("SELECT @@GLOBAL.max_allowed_packet").Scan(&before); err != nil {
		t.Fatal(err)
	}
	execute(t, db, "SET GLOBAL max_allowed_packet = 32768")
	t.Cleanup(func() { execute(t, db, fmt.Sprint("SET GLOBAL max_allowed_packet = ", before)) })
	st := open(t, "mysql://root@"+addr+"/test", mysqlstore.Config{})
	long := `"` + strings.Repeat("x", 28_000) + `"`
	key, err := st.Save(t.Context(), state("long", long), time.Hour)
	if err != nil {
		t.Fatalf("what a packet holds: %v", err)
	}
	s, err := st.Load(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, saved := st.Save(t.Context(), state("long", long, "more", long), time.Hour)
		patched := st.Patch(t.Context(), key, sojourn.Patch{Set: state("more", long).Values}, time.Hour)
		next := s
		next.Values = state("long", long, "more", long).Values
		_, updated := st.Update(t.Context(), key, next, time.Hour)
		for op, err := range map[string]error{"save": saved, "patch": patched, "update": updated} {
			if !errors.Is(err, sojourn.ErrTooLarge) {
				t.Errorf("%s: got %v, want ErrTooLarge", op, err)
			}
		}
	}
	if got, err := st.Load(t.Context(), key); err != nil || got.Values != s.Values || got.Version != s.Version {
		t.Errorf("got %v, want it as it was", err)
	}
}

// A column holds 16 MiB, a session normally 64 KiB.
func TestRecord_largerThanItsColumn_isTooLarge(t *testing.T) {
	_, addr := raw(t)
	st := open(t, "mysql://root@"+addr+"/test", mysqlstore.Config{})
	huge := state("huge", `"`+strings.Repeat("x", 1<<24)+`"`)
	if _, err := st.Save(t.Context(), huge, time.Hour); !errors.Is(err, sojourn.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

// An option under which the clock stands still while a statement waits breaks a promise.
func TestServer_withTheOptionSysdateIsNow_isRefused(t *testing.T) {
	s, err := enginetest.MariaDB("--sysdate-is-now")
	enginetest.Require(t, err)
	t.Cleanup(func() { s.Close() })
	st, err := mysqlstore.Open(t.Context(), "mysql://root@"+s.Addr()+"/test", mysqlstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := st.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "sysdate-is-now") {
		t.Errorf("Migrate: got %v, want an error that names the option", err)
	}
	if _, err := st.Load(t.Context(), sojourn.NewID().Key()); err == nil || errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("Load: got %v, want an error that names the option", err)
	}
}

func TestMaxConns_isHeld(t *testing.T) {
	db, addr := raw(t)
	st := open(t, "mysql://root@"+addr+"/test", mysqlstore.Config{MaxConns: 2})
	key, err := st.Save(t.Context(), state("a", "1"), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	id := key.ID()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.Exec("SELECT id FROM sojourn_sessions WHERE id = ? FOR UPDATE", id[:]); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	done := make(chan error)
	for range 2 { // both connections wait for the row
		go func() { done <- st.UpdateTTL(ctx, key, 2*time.Hour) }()
	}
	time.Sleep(50 * time.Millisecond)
	if _, err := st.Load(ctx, key); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a third call: got %v, want it to wait for a connection until its context ends", err)
	}
	for range 2 {
		if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want context.DeadlineExceeded", err)
		}
	}
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(tb testing.TB) sojourn.Store {
		_, addr := raw(tb)
		return open(tb, "mysql://root@"+addr+"/test", mysqlstore.Config{})
	})
}
