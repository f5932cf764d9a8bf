package postgresstore_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
)

func TestMigrate_byManyAtOnce_takesEachStepOnce(t *testing.T) {
	name := table()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			st, err := postgresstore.New(shared(t), postgresstore.Config{Table: name})
			if err == nil {
				err = st.Migrate(t.Context())
			}
			if err == nil {
				err = st.Migrate(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := ask[int](t, "SELECT count(*) FROM %s_schema", name); n != 1 {
		t.Errorf("got %d steps taken, want 1", n)
	}
}

// Those who run their own migrations get what Migrate makes.
func TestSchema_isWhatMigrateMakes(t *testing.T) {
	_, migrated := open(t)
	printed := table()
	other, err := postgresstore.New(shared(t), postgresstore.Config{Table: printed})
	if err != nil {
		t.Fatal(err)
	}
	execute(t, "%s", other.Schema())
	if err := other.Migrate(t.Context()); err != nil {
		t.Errorf("Migrate after the printed schema: %v", err)
	}
	save(t, other, member("ada", time.Now()))
	describe := func(name string) string {
		return strings.ReplaceAll(ask[string](t, `SELECT string_agg(line, E'\n' ORDER BY line) FROM (
			SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || coalesce(collation_name, '') AS line
				FROM information_schema.columns WHERE table_name LIKE $1 || '%%'
			UNION ALL SELECT indexdef FROM pg_indexes WHERE tablename LIKE $1 || '%%'
			UNION ALL SELECT relname || array_to_string(reloptions, ',') FROM pg_class WHERE relname LIKE $1 || '%%' AND reloptions IS NOT NULL
		) AS lines`+"%s", "", name), name, "T")
	}
	if got, want := describe(printed), describe(migrated); got != want || !strings.Contains(got, "fillfactor=80") {
		t.Errorf("printed:\n%s\nmigrated:\n%s", got, want)
	}
}

func TestMigrate_ofANewerSchema_isRefused(t *testing.T) {
	st, name := open(t)
	execute(t, "INSERT INTO %s_schema (version) VALUES (99)", name)
	if err := st.Migrate(t.Context()); !errors.Is(err, sojourn.ErrNewer) {
		t.Errorf("got %v, want ErrNewer", err)
	}
}

func TestMigrate_thatFails_leavesNothing(t *testing.T) {
	name := table()
	execute(t, "CREATE VIEW %s_readable AS SELECT 1", name)
	st, err := postgresstore.New(shared(t), postgresstore.Config{Table: name})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Migrate(t.Context()); err == nil {
		t.Fatal("no error")
	}
	if n := ask[int](t, "SELECT count(*) FROM pg_class WHERE relname LIKE $1 || '%%'%s", "", name); n != 1 {
		t.Errorf("%d relations are left, want the view that was there", n)
	}
}

func TestMigrate_ofADatabaseThatIsNotUTF8_isRefused(t *testing.T) {
	s, err := server()
	enginetest.Require(t, err)
	name := table()
	execute(t, "CREATE DATABASE %s TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'", name)
	defer execute(t, "DROP DATABASE %s WITH (FORCE)", name)
	st, err := postgresstore.Open(t.Context(), strings.Replace(url(s.Addr(), ""), "/postgres?", "/"+name+"?", 1), postgresstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := st.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "UTF8") {
		t.Errorf("got %v, want one that says UTF8", err)
	}
}

func TestBeforeMigrate_theErrorSaysSo(t *testing.T) {
	st, err := postgresstore.New(shared(t), postgresstore.Config{Table: table()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Load(t.Context(), sojourn.NewID().Key()); err == nil || !strings.Contains(err.Error(), "Migrate") {
		t.Errorf("got %v, want one that names Migrate", err)
	}
}

func TestKeywordsAndSchemas_areQuoted(t *testing.T) {
	schema := "Select_" + table()
	execute(t, `CREATE SCHEMA "%s"`, schema)
	st := openAt(t, shared(t), postgresstore.Config{Table: schema + ".Table"})
	key := save(t, st, member("ada", start))
	if n := ask[int](t, `SELECT count(*) FROM "%s"."Table_readable" WHERE subject = 'ada'`, schema); n != 1 {
		t.Errorf("the view shows %d sessions, want 1", n)
	}
	if n, err := st.DeleteSubject(t.Context(), "app", "ada", sojourn.ID{}); n != 1 || err != nil {
		t.Errorf("DeleteSubject: got %d, %v", n, err)
	}
	if err := st.Patch(t.Context(), key, sojourn.Patch{}, time.Hour); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("Patch: got %v, want ErrNotFound", err)
	}
}

// A role with exactly the rights of docs/postgres.md does all that a manager does, and no other right is needed.
func TestRole_withTheRightsOfTheDocs_sufficesAndOwnsNothing(t *testing.T) {
	s, err := server()
	enginetest.Require(t, err)
	schema, role, reader := table(), table(), table()
	execute(t, "CREATE SCHEMA %s", schema)
	openAt(t, shared(t), postgresstore.Config{Table: schema + ".sessions"})
	execute(t, "CREATE ROLE %s LOGIN", role)
	execute(t, "GRANT USAGE ON SCHEMA "+schema+" TO %s", role)
	execute(t, "GRANT SELECT, INSERT, UPDATE, DELETE ON "+schema+".sessions, "+schema+".sessions_marks TO %s", role)

	st, err := postgresstore.Open(t.Context(), strings.Replace(url(s.Addr(), ""), "postgres@", role+"@", 1),
		postgresstore.Config{Table: schema + ".sessions", Notify: postgresstore.NotifyChanges})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	ctx := t.Context()
	key := save(t, st, visitor("a", "1"))
	state := load(t, st, key)
	state.Facts.Subject, state.Facts.Authenticated, state.Facts.Generation = "ada", time.Now(), 1
	_, updated := st.Update(ctx, key, state, time.Hour)
	_, listed := st.ListSubject(ctx, "app", "ada")
	_, _, paged := st.List(ctx, "", 10)
	_, trimmed := st.TrimSubject(ctx, "app", "ada", 1, key.ID())
	_, revoked := st.DeleteSubject(ctx, "app", "ada", key.ID())
	_, swept := st.Sweep(ctx, 10)
	watching, cancel := context.WithTimeout(ctx, 10*time.Second)
	watched := st.Watch(watching, func(sojourn.ID) { cancel() })
	for op, err := range map[string]error{
		"Update": updated, "ListSubject": listed, "List": paged, "TrimSubject": trimmed, "DeleteSubject": revoked, "Sweep": swept,
		"Patch":     st.Patch(ctx, key, sojourn.Patch{Generation: 1, Set: values("b", "2")}, time.Hour),
		"UpdateTTL": st.UpdateTTL(ctx, key, 2*time.Hour),
	} {
		if err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
	if !errors.Is(watched, context.Canceled) {
		t.Errorf("Watch: got %v, want context.Canceled", watched)
	}
	// The schema's version is read with one more right; nothing else of it is needed at its newest.
	if err := st.Migrate(ctx); err == nil {
		t.Error("Migrate without a right on the schema's table: no error")
	}
	execute(t, "GRANT SELECT ON "+schema+".sessions_schema TO %s", role)
	if err := st.Migrate(ctx); err != nil {
		t.Errorf("Migrate with nothing to do: %v", err)
	}
	if err := st.Delete(ctx, key); err != nil {
		t.Errorf("Delete: %v", err)
	}

	// Whoever may read the view needs no right on the table.
	save(t, st, visitor("a", `[1]`))
	execute(t, "CREATE ROLE %s LOGIN", reader)
	execute(t, "GRANT USAGE ON SCHEMA "+schema+" TO %s", reader)
	execute(t, "GRANT SELECT ON "+schema+".sessions_readable TO %s", reader)
	conn, err := pgx.Connect(ctx, strings.Replace(url(s.Addr(), ""), "postgres@", reader+"@", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var shown string
	err = conn.QueryRow(ctx, "SELECT values_json->'a'->>0 FROM "+schema+".sessions_readable").Scan(&shown)
	if err != nil || shown != "1" {
		t.Errorf("the reader sees %q, %v", shown, err)
	}
	if _, err := conn.Exec(ctx, "SELECT facts FROM "+schema+".sessions"); err == nil {
		t.Error("the reader of the view reads the table")
	}
}

// Each right of the docs is needed: without one of them something that a manager does fails.
func TestRole_withOneRightLess_fails(t *testing.T) {
	s, err := server()
	enginetest.Require(t, err)
	name := table()
	openAt(t, shared(t), postgresstore.Config{Table: name})
	for _, right := range []string{"SELECT", "INSERT", "UPDATE", "DELETE"} {
		for _, of := range []string{"", "_marks"} {
			role := table()
			execute(t, "CREATE ROLE %s LOGIN", role)
			execute(t, "GRANT SELECT, INSERT, UPDATE, DELETE ON "+name+", "+name+"_marks TO %s", role)
			execute(t, "REVOKE "+right+" ON "+name+of+" FROM %s", role)
			st, err := postgresstore.Open(t.Context(), strings.Replace(url(s.Addr(), ""), "postgres@", role+"@", 1), postgresstore.Config{Table: name})
			if err != nil {
				t.Fatal(err)
			}
			key, saved := st.Save(t.Context(), member("ada", time.Now()), time.Hour)
			touched := st.UpdateTTL(t.Context(), key, time.Hour)
			_, revoked := st.DeleteSubject(t.Context(), "app", "ada", sojourn.ID{})
			_, swept := st.Sweep(t.Context(), 10)
			if err := errors.Join(saved, revoked, swept); err == nil && (touched == nil || errors.Is(touched, sojourn.ErrNotFound)) {
				t.Errorf("all goes well without %s on the table %q", right, of)
			}
			st.Close()
		}
	}
}
