package drivers_test

import (
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sqlstore"
)

// table is a name that nobody has.
func table() string { return "t_" + sojourn.NewID().String()[:12] }

func (e engine) count(tb testing.TB, db *sql.DB, query string, args ...any) (n int) {
	tb.Helper()
	if err := db.QueryRowContext(tb.Context(), e.sql(query), args...).Scan(&n); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	return n
}

func TestMigrate_isRepeatable_byManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		name := table()
		var wg sync.WaitGroup
		for range 6 {
			db := e.db(t)
			st, err := sqlstore.New(db, sqlstore.Config{Dialect: e.dialect, Table: name})
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				for range 2 {
					if err := st.Migrate(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		db := e.db(t)
		if n := e.count(t, db, `SELECT count(*) FROM `+name+`_schema`); n != 1 {
			t.Errorf("%d steps were taken, want 1", n)
		}
		st := e.store(t, db, name)
		load(t, st, save(t, st, member(realm(), "ada", now()), time.Hour))
		e.exec(t, db, `INSERT INTO `+name+`_schema VALUES (2)`)
		is(t, "tables of a newer release", st.Migrate(t.Context()), sojourn.ErrNewer)
	})
}

// Whoever runs the SQL by himself gets what Migrate makes.
func TestSchema_isWhatMigrateDoes(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		db := e.db(t)
		byHand, byMigrate := table(), table()
		e.store(t, db, byMigrate)
		st, err := sqlstore.New(db, sqlstore.Config{Dialect: e.dialect, Table: byHand})
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range strings.Split(st.Schema(), ";\n") {
			if strings.TrimSpace(statement) != "" {
				e.exec(t, db, statement)
			}
		}
		if err := st.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := columns(t, e, db, byHand), columns(t, e, db, byMigrate); got != want || got == "" {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		load(t, st, save(t, st, member(realm(), "ada", now()), time.Hour))
	})
}

// columns describes the tables, views and indexes whose names begin so.
func columns(t *testing.T, e engine, db *sql.DB, name string) string {
	t.Helper()
	query := `SELECT CONCAT(table_name, ' ', column_name, ' ', column_type, ' ', column_key, ' ', is_nullable)
		FROM information_schema.columns WHERE table_name LIKE ?
		UNION ALL SELECT CONCAT(table_name, ' ', index_name, ' ', column_name) FROM information_schema.statistics WHERE table_name LIKE ?
		ORDER BY 1`
	if e.name == "postgres" {
		query = `SELECT concat(table_name, ' ', column_name, ' ', data_type, ' ', is_nullable)
			FROM information_schema.columns WHERE table_name LIKE ?
			UNION ALL SELECT indexdef FROM pg_indexes WHERE tablename LIKE ? ORDER BY 1`
	}
	rows, err := db.QueryContext(t.Context(), e.sql(query), name+"%", name+"%")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		b.WriteString(strings.ReplaceAll(line, name, "x") + "\n")
	}
	return b.String()
}

// A migration that was broken off at any statement is finished by the next one.
func TestMigrate_brokenOff_isFinished(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		db := e.db(t)
		st, err := sqlstore.New(db, sqlstore.Config{Dialect: e.dialect, Table: "x"})
		if err != nil {
			t.Fatal(err)
		}
		statements := strings.Split(strings.TrimSpace(st.Schema()), ";\n")
		for n := range len(statements) - 1 {
			name := table()
			st, err := sqlstore.New(db, sqlstore.Config{Dialect: e.dialect, Table: name})
			if err != nil {
				t.Fatal(err)
			}
			for _, statement := range strings.Split(st.Schema(), ";\n")[:n] {
				e.exec(t, db, statement)
			}
			if err := st.Migrate(t.Context()); err != nil {
				t.Errorf("after %d statements: %v", n, err)
				continue
			}
			load(t, st, save(t, st, member(realm(), "ada", now()), time.Hour))
		}
	})
}

func TestTable_inASchema_isQuoted(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		db := e.db(t)
		e.exec(t, db, map[string]string{"mariadb": "CREATE DATABASE IF NOT EXISTS `Select`", "postgres": `CREATE SCHEMA IF NOT EXISTS "Select"`}[e.name])
		longest := strings.Repeat("x", 47)
		for _, name := range []string{"Select.order", "Select." + longest} {
			st := e.store(t, db, name)
			r := realm()
			key := save(t, st, member(r, "ada", now()), time.Hour)
			load(t, st, key)
			if n, err := st.DeleteSubject(t.Context(), r, "ada", sojourn.ID{}); err != nil || n != 1 {
				t.Errorf("%s: got %d, %v, want the session", name, n, err)
			}
			if _, err := st.Sweep(t.Context(), 10); err != nil {
				t.Error(err)
			}
		}
	})
}

// What is documented as the rights that are needed is enough, and Migrate needs no more where it has nothing to do.
func TestRights_thatAreDocumented_areEnough(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		admin := e.db(t)
		schema, user := table(), "u_"+sojourn.NewID().String()[:8]
		name := schema + ".sessions"
		e.exec(t, admin, `CREATE SCHEMA `+schema) // MySQL's other word for a database
		e.store(t, admin, name)
		grants := []string{`CREATE USER ` + user}
		if e.name == "postgres" {
			grants = append(grants, `GRANT USAGE ON SCHEMA `+schema+` TO `+user)
		}
		grants = append(grants,
			`GRANT SELECT, INSERT, UPDATE, DELETE ON `+name+` TO `+user,
			`GRANT SELECT, INSERT, UPDATE, DELETE ON `+name+`_marks TO `+user,
			`GRANT SELECT ON `+name+`_schema TO `+user,
		)
		for _, grant := range grants {
			e.exec(t, admin, grant)
		}
		inner := e.address
		e.address = func(server string, settings url.Values) string {
			address := inner(server, settings)
			address = strings.Replace(address, "root@", user+"@", 1)
			return strings.Replace(address, "postgres@", user+"@", 1)
		}
		db := e.db(t)
		if n, err := db.Exec(`CREATE TABLE ` + schema + `.more (a int)`); err == nil {
			t.Fatalf("the user may create tables: %v", n)
		}
		st := e.store(t, db, name)
		r := realm()
		key := save(t, st, visitor(r, "n", "0"), time.Hour)
		s := load(t, st, key)
		for _, op := range []string{"touch", "login by update"} {
			is(t, op, writes(st, key, s)[op](t.Context()), nil)
		}
		is(t, "patch", increment(t.Context(), st, key), nil)
		save(t, st, member(r, "ada", now()), time.Millisecond)
		_, err := st.Update(t.Context(), key, load(t, st, key), time.Hour)
		is(t, "update", err, nil)
		_, err = st.TrimSubject(t.Context(), r, "ada", 1, sojourn.ID{})
		is(t, "trim", err, nil)
		time.Sleep(2 * time.Millisecond)
		_, err = st.Sweep(t.Context(), 10)
		is(t, "sweep", err, nil)
		_, err = st.DeleteSubject(t.Context(), r, "ada", sojourn.ID{})
		is(t, "revoke", err, nil)
		_, _, err = st.List(t.Context(), "", 10)
		is(t, "list", err, nil)
		is(t, "delete", st.Delete(t.Context(), key), nil)

		fresh, err := sqlstore.New(db, sqlstore.Config{Dialect: e.dialect, Table: schema + ".more"})
		if err != nil {
			t.Fatal(err)
		}
		if err := fresh.Migrate(t.Context()); err == nil || errors.Is(err, sojourn.ErrNotFound) {
			t.Errorf("Migrate without the right to: got %v", err)
		}
	})
}
