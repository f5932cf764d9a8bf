package drivers_test

import (
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	"github.com/sojourn-go/sojourn/sqlstore"
	"github.com/sojourn-go/sojourn/storetest"
)

// The database's clock decides, and this machine's does not: ten minutes apart, forward or back, sessions live as long as
// they were told.
func TestClocks_tenMinutesApart_doNotMatter(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		for _, ahead := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
			st, _ := openAhead(t, e, ahead)
			const ttl = 400 * time.Millisecond
			saving := time.Now()
			key := save(t, st, visitor(realm(), "a", "1"), ttl)
			saved := time.Now()
			got, err := st.Load(t.Context(), key)
			if time.Since(saving) < ttl && (err != nil || got.TTL > ttl || got.TTL < ttl-time.Since(saving)-2*time.Millisecond) {
				t.Errorf("ahead %v: got TTL %v, %v, %v after it was saved with %v", ahead, got.TTL, err, time.Since(saving), ttl)
			}
			time.Sleep(time.Until(saved.Add(ttl + 20*time.Millisecond)))
			for op, call := range writes(st, key, got) {
				is(t, fmt.Sprint("ahead ", ahead, ": ", op), call(t.Context()), sojourn.ErrNotFound)
			}
			_, err = st.Load(t.Context(), key)
			is(t, fmt.Sprint("ahead ", ahead, ": load"), err, sojourn.ErrNotFound)

			r := realm()
			key = save(t, st, member(r, "ada", now()), time.Hour)
			for op, call := range writes(st, key, load(t, st, key)) {
				if op == "login by update" || op == "patch" { // others change the version, and the generation is 1
					continue
				}
				is(t, op, call(t.Context()), nil)
				if left := load(t, st, key).TTL; left < time.Hour-time.Minute || left > time.Hour+2*time.Millisecond {
					t.Errorf("ahead %v: %s left %v, want an hour", ahead, op, left)
				}
			}
			if list, err := st.ListSubject(t.Context(), r, "ada"); err != nil || len(list) != 1 || list[0].TTL < 59*time.Minute {
				t.Errorf("ahead %v: got %v, %v, want the session for an hour", ahead, list, err)
			}
			n, err := st.Sweep(t.Context(), 100)
			if err != nil || n == 0 {
				t.Errorf("ahead %v: swept %d, %v, want the session that has expired", ahead, n, err)
			}
			load(t, st, key)
		}
	})
}

// The mark of DeleteSubject is an instant of the database's clock, and kept for a day of it.
func TestMark_isOfTheDatabasesClock_andStaysForADay(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		st, advance := openAhead(t, e, time.Hour)
		r := realm()
		if _, err := st.DeleteSubject(t.Context(), r, "ada", sojourn.ID{}); err != nil {
			t.Fatal(err)
		}
		before, after := member(r, "ada", now().Add(time.Hour-time.Minute)), member(r, "ada", now().Add(time.Hour+time.Minute))
		tried := func(when string, s sojourn.State, want error) {
			t.Helper()
			_, err := st.Save(t.Context(), s, time.Hour)
			is(t, when, err, want)
		}
		tried("a login before the mark", before, sojourn.ErrEnded)
		tried("a login after the mark", after, nil)
		advance(23 * time.Hour)
		if _, err := st.Sweep(t.Context(), 1000); err != nil {
			t.Fatal(err)
		}
		tried("a login before the mark, 23 hours later", before, sojourn.ErrEnded)
		advance(2 * time.Hour)
		tried("a login before the mark, 25 hours later", before, nil)
		if _, err := st.Sweep(t.Context(), 1000); err != nil {
			t.Fatal(err)
		}
		tried("a login before the mark, which is swept", before, nil)
	})
}

// clockServer is a MariaDB whose clock can be moved.
var clockServer = shared(func() (*enginetest.Server, error) { return enginetest.MariaDBWithClock() })

// openAhead opens a store on a server whose clock is ahead of this machine's, and can be moved on.
func openAhead(t *testing.T, e engine, ahead time.Duration) (st *sqlstore.Store, advance func(d time.Duration)) {
	t.Helper()
	if e.name == "postgres" {
		var db *sql.DB
		db, advance = shadowClock(t, e, ahead)
		return e.store(t, db, ""), advance
	}
	server, err := clockServer()
	enginetest.Require(t, err)
	t.Cleanup(func() { server.SetAhead(0) })
	db := e.dbAt(t, server.Addr())
	advance = func(d time.Duration) {
		ahead += d
		if err := server.SetAhead(ahead); err != nil {
			t.Fatal(err)
		}
		isAhead(t, db, `SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000`, ahead)
	}
	advance(0)
	return e.store(t, db, ""), advance
}

// shadowClock puts functions of our own before PostgreSQL's clock, in a schema that connections look into first. Each test has
// a time of its own, by a name that its connections carry.
func shadowClock(tb testing.TB, e engine, ahead time.Duration) (db *sql.DB, advance func(d time.Duration)) {
	tb.Helper()
	if _, err := shadow(); err != nil {
		tb.Fatal(err)
	}
	name, plain := sojourn.NewID().String(), e.db(tb)
	plain.SetMaxOpenConns(1)
	e.exec(tb, plain, `INSERT INTO shadow.clocks VALUES (?, '0')`, name)
	db = e.db(tb, "search_path", "shadow, pg_catalog, public", "shadow.clock", name)
	advance = func(d time.Duration) {
		ahead += d
		e.exec(tb, plain, `UPDATE shadow.clocks SET ahead = ?::interval WHERE name = ?`, fmt.Sprint(ahead.Microseconds(), " microseconds"), name)
	}
	advance(0)
	isAhead(tb, db, `SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint`, ahead)
	return db, advance
}

// shadow makes what shadowClock needs, and sessions' tables behind it.
var shadow = sync.OnceValues(func() (sql.Result, error) {
	e := postgres()
	server, err := e.server()
	if err != nil {
		return nil, err
	}
	db, err := sql.Open(e.driver, e.address(server.Addr(), nil))
	if err != nil {
		return nil, err
	}
	defer db.Close()
	text := `CREATE SCHEMA shadow; CREATE TABLE shadow.clocks (name text PRIMARY KEY, ahead interval);`
	for name, volatility := range map[string]string{"clock_timestamp": "VOLATILE", "statement_timestamp": "STABLE"} {
		text += `CREATE FUNCTION shadow.` + name + `() RETURNS timestamptz LANGUAGE sql ` + volatility + ` AS
			'SELECT pg_catalog.` + name + `() + ahead FROM shadow.clocks WHERE name = current_setting(''shadow.clock'')';`
	}
	return db.Exec(text)
})

// isAhead checks that a database's clock is not this machine's.
func isAhead(tb testing.TB, db *sql.DB, query string, ahead time.Duration) {
	tb.Helper()
	var ms int64
	if err := db.QueryRowContext(tb.Context(), query).Scan(&ms); err != nil {
		tb.Fatal(err)
	}
	if got := time.Until(time.UnixMilli(ms)); got < ahead-time.Minute || got > ahead+time.Minute {
		tb.Fatalf("the database's clock is ahead by %v, want %v", got, ahead)
	}
}

// TestRun_postgres runs the conformance kit; the second handle of a test is another store. The clock of PostgreSQL is moved
// for the cases about time, and goes on by itself.
func TestRun_postgres(t *testing.T) {
	e := postgres()
	type clock struct {
		db      *sql.DB
		advance func(d time.Duration)
	}
	var clocks sync.Map
	clockOf := func(tb testing.TB) clock {
		c, ok := clocks.Load(tb)
		if !ok {
			db, advance := shadowClock(tb, e, 0)
			c, _ = clocks.LoadOrStore(tb, clock{db, advance})
		}
		return c.(clock)
	}
	storetest.Run(t, func(tb testing.TB) sojourn.Store {
		table := ""
		if strings.Contains(tb.Name(), "/lister/") { // pages through all that there is
			table = "listed"
		}
		return e.store(tb, clockOf(tb).db, table)
	}, storetest.Options{
		Advance: func(tb testing.TB, d time.Duration) { clockOf(tb).advance(d) },
		Rewrite: e.rewrite(t),
	})
}
