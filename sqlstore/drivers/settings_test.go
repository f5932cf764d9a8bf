package drivers_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	_ "github.com/lib/pq"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sqlstore"
	"github.com/sojourn-go/sojourn/storetest"
)

// someCases runs those of the conformance kit that a setting could break: bytes, times, order.
func someCases(t *testing.T, newStore func(tb testing.TB) sojourn.Store) {
	for _, c := range storetest.Cases() {
		switch {
		case c.Group == "contract", c.Group == "values", c.Group == "ttl":
		case c.Name == "mark_moves_forward", c.Name == "mark_stays_for_a_day": // the engine's clock would have to be moved
			continue
		case c.Group == "subjects" && (strings.HasPrefix(c.Name, "mark_") || strings.HasPrefix(c.Name, "newest_") ||
			c.Name == "subjects_compare_byte_for_byte" || c.Name == "trim_spares_one" || c.Name == "delete_spares_one"):
		default:
			continue
		}
		t.Run(c.Group+"/"+c.Name, func(t *testing.T) {
			t.Parallel()
			c.Check(t, newStore, storetest.Options{})
		})
	}
}

// What the drivers and the servers can be told besides must not show. What is refused is in the next test.
func TestSettings_doNotMatter(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		all := map[string][]string{
			"time zone":        {"TimeZone", "America/New_York"},
			"escaped bytes":    {"bytea_output", "escape", "standard_conforming_strings", "off", "backslash_quote", "on"},
			"dates and floats": {"DateStyle", "German", "IntervalStyle", "sql_standard", "extra_float_digits", "-15"},
			"exec mode":        {"default_query_exec_mode", "exec"},
			"simple protocol":  {"default_query_exec_mode", "simple_protocol"},
			"described":        {"default_query_exec_mode", "cache_describe"},
		}
		if e.name == "mariadb" {
			all = map[string][]string{
				"time zone":         {"time_zone", "'+05:45'", "loc", "Asia/Kathmandu"},
				"dates":             {"parseTime", "true", "loc", "America/New_York"},
				"interpolation":     {"interpolateParams", "true"},
				"found rows":        {"clientFoundRows", "true"},
				"no mode":           {"sql_mode", "''"},
				"traditional":       {"sql_mode", "'TRADITIONAL,ANSI,NO_UNSIGNED_SUBTRACTION,PAD_CHAR_TO_FULL_LENGTH,HIGH_NOT_PRECEDENCE'"},
				"no backslashes":    {"sql_mode", "'NO_BACKSLASH_ESCAPES,IGNORE_SPACE,ONLY_FULL_GROUP_BY'", "interpolateParams", "true"},
				"Oracle":            {"sql_mode", "'ORACLE'"},
				"latin1":            {"charset", "latin1", "collation", "latin1_swedish_ci"},
				"Turkish":           {"collation", "utf8mb4_turkish_ci"},
				"statement binlog":  {"binlog_format", "'STATEMENT'"},
				"roll-back on wait": {"innodb_lock_wait_timeout", "1"},
			}
		}
		for name, settings := range all {
			t.Run(name, func(t *testing.T) {
				db := e.db(t, settings...)
				someCases(t, func(tb testing.TB) sojourn.Store { return e.store(tb, db, "") })
			})
		}
	})
}

// lib/pq numbers its parameters as pgx does, and prepares nothing by itself.
func TestDriver_pq(t *testing.T) {
	e := postgres()
	e.driver = "postgres"
	e.address = func(server string, _ url.Values) string {
		return "postgres://postgres@" + server + "/postgres?sslmode=disable"
	}
	db := e.db(t)
	someCases(t, func(tb testing.TB) sojourn.Store { return e.store(tb, db, "") })
}

// With these a promise would not hold, and every call says so.
func TestSettings_thatBreakAPromise_areRefused(t *testing.T) {
	e := mariadb()
	_, fine := e.open(t)
	key := save(t, fine, member(realm(), "ada", now()), time.Hour)
	s := load(t, fine, key)

	t.Run("uncommitted reads", func(t *testing.T) {
		db := e.db(t, "tx_isolation", "'READ-UNCOMMITTED'")
		st, err := sqlstore.New(db, sqlstore.Config{Dialect: e.dialect})
		if err != nil {
			t.Fatal(err)
		}
		for op, err := range map[string]error{
			"migrate": st.Migrate(t.Context()), "touch": st.UpdateTTL(t.Context(), key, time.Hour),
			"load": func() error { _, err := st.Load(t.Context(), key); return err }(),
		} {
			if err == nil || !strings.Contains(err.Error(), "not committed") {
				t.Errorf("%s: got error %v", op, err)
			}
		}
	})

	// A write would be acknowledged and never committed, a read would see what was there long ago.
	t.Run("autocommit off", func(t *testing.T) {
		db := e.db(t, "autocommit", "0")
		db.SetMaxOpenConns(4)
		st, err := sqlstore.New(db, sqlstore.Config{Dialect: e.dialect})
		if err != nil {
			t.Fatal(err)
		}
		for op, call := range writes(st, key, s) {
			if op == "patch" {
				continue // reads first
			}
			before := load(t, fine, key)
			s := before
			err := call(t.Context())
			after := load(t, fine, key)
			if changed := after.Version != before.Version || op == "touch"; err == nil && !changed {
				t.Errorf("%s of %v was acknowledged and is not committed", op, s)
			}
		}
		saved, err := st.Save(t.Context(), s, time.Hour)
		if err == nil {
			if left := load(t, fine, saved).TTL; left < 59*time.Minute || left > time.Hour {
				t.Errorf("saved with TTL %v, want an hour", left)
			}
		}
		visitors, err := st.Save(t.Context(), visitor(realm()), time.Hour)
		if err == nil {
			load(t, fine, visitors)
		}
		if err := st.Delete(t.Context(), visitors); err == nil {
			_, err := fine.Load(t.Context(), visitors)
			is(t, "Load after Delete", err, sojourn.ErrNotFound)
		}
		for op, call := range map[string]func() error{
			"load":  func() error { _, err := st.Load(t.Context(), key); return err },
			"patch": func() error { return st.Patch(t.Context(), key, sojourn.Patch{Generation: 1}, time.Hour) },
			"list":  func() error { _, err := st.ListSubject(t.Context(), s.Facts.Realm, "ada"); return err },
			"none":  func() error { _, err := st.ListSubject(t.Context(), s.Facts.Realm, "bob"); return err },
			"page":  func() error { _, _, err := st.List(t.Context(), "", 10); return err },
		} {
			if err := call(); err == nil || !strings.Contains(err.Error(), "autocommit") {
				t.Errorf("%s: got error %v", op, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := fine.UpdateTTL(ctx, key, 2*time.Hour); err != nil {
			t.Errorf("a lock was left behind: %v", err)
		}
	})
}

// A replica may be behind: what it says is not believed, not even that there is nothing.
func TestReplica_isNeverBelieved(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		_, primary := e.open(t)
		r := realm()
		key := save(t, primary, member(r, "ada", now()), time.Hour)
		before := load(t, primary, key)
		st, back := asReplica(t, e)
		for op, call := range map[string]func() error{
			"load":    func() error { _, err := st.Load(t.Context(), key); return err },
			"no load": func() error { _, err := st.Load(t.Context(), sojourn.NewID().Key()); return err },
			"list":    func() error { _, err := st.ListSubject(t.Context(), r, "ada"); return err },
			"no list": func() error { _, err := st.ListSubject(t.Context(), r, "bob"); return err },
			"page":    func() error { _, _, err := st.List(t.Context(), "", 10); return err },
			"no page": func() error { _, _, err := st.List(t.Context(), strings.Repeat("f", 32), 10); return err },
			"patch":   func() error { return st.Patch(t.Context(), key, sojourn.Patch{Generation: 1}, time.Hour) },
			"touch":   func() error { return st.UpdateTTL(t.Context(), sojourn.NewID().Key(), time.Hour) },
			"no update": func() error {
				_, err := st.Update(t.Context(), sojourn.NewID().Key(), visitor(r), time.Hour)
				return err
			},
			"revoke":    func() error { _, err := st.DeleteSubject(t.Context(), r, "ada", sojourn.ID{}); return err },
			"no revoke": func() error { _, err := st.DeleteSubject(t.Context(), r, "bob", sojourn.ID{}); return err },
			"trim":      func() error { _, err := st.TrimSubject(t.Context(), r, "ada", 0, sojourn.ID{}); return err },
		} {
			if err := call(); err == nil || errors.Is(err, sojourn.ErrNotFound) || !strings.Contains(err.Error(), "replica") {
				t.Errorf("%s: got error %v, want one that names the replica", op, err)
			}
		}
		if e.name == "mariadb" { // a standby of PostgreSQL's is not written to by anybody
			login := member(r, "eve", now())
			for op, call := range writes(st, key, before) {
				if err := call(t.Context()); err == nil {
					t.Errorf("%s: a replica was written to", op)
				}
			}
			_, saved := st.Save(t.Context(), visitor(r), time.Hour)
			_, logged := st.Save(t.Context(), login, time.Hour)
			for op, err := range map[string]error{"save": saved, "login": logged, "delete": st.Delete(t.Context(), key)} {
				if err == nil {
					t.Errorf("%s: a replica was written to", op)
				}
			}
			back()
			if after := load(t, primary, key); after.Version != before.Version {
				t.Errorf("version %d became %d on a replica", before.Version, after.Version)
			}
			if list, err := primary.ListSubject(t.Context(), r, "eve"); err != nil || len(list) != 0 {
				t.Errorf("a login on a replica was kept: %v, %v", list, err)
			}
		}
		back()
		load(t, primary, key)
		if _, err := primary.Save(t.Context(), member(r, "bob", now().Add(-time.Minute)), time.Hour); err != nil {
			t.Errorf("a replica was written to: %v", err)
		}
	})
}

// asReplica returns a store on a server that says of itself that it is a replica, until back is called. The connections
// have every right: the server refuses them nothing.
func asReplica(t *testing.T, e engine) (st *sqlstore.Store, back func()) {
	t.Helper()
	db := e.db(t)
	if e.name == "mariadb" {
		st := e.store(t, db, "")
		e.exec(t, db, `SET GLOBAL read_only = 1`)
		back := func() { e.exec(t, db, `SET GLOBAL read_only = 0`) }
		t.Cleanup(func() { db.ExecContext(context.Background(), `SET GLOBAL read_only = 0`) })
		return st, back
	}
	e.exec(t, db, `CREATE SCHEMA IF NOT EXISTS replica`)
	e.exec(t, db, `CREATE OR REPLACE FUNCTION replica.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'`)
	return e.store(t, e.db(t, "search_path", "replica, pg_catalog, public"), ""), func() {}
}
