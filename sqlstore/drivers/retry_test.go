package drivers_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// two saves two sessions of a subject's, the one with the lower ID first.
func two(t *testing.T, st sojourn.Store, r string) (low, high sojourn.Key) {
	low, high = save(t, st, member(r, "ada", now()), time.Hour), save(t, st, member(r, "ada", now()), time.Hour)
	a, b := low.ID(), high.ID()
	if bytes.Compare(a[:], b[:]) > 0 {
		return high, low
	}
	return low, high
}

// Somebody who locks rows in another order makes a deadlock, and the database chooses the store's transaction to give way.
func TestDeadlock_isTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		var settings []string
		if e.name == "postgres" { // chooses who has waited for so long, in milliseconds
			settings = []string{"deadlock_timeout", "2000"}
		}
		_, st := e.open(t, settings...)
		db := e.db(t)
		before := deadlocks(t, e)
		r := realm()
		low, high := two(t, st, r)
		b := e.blocker(t, db)
		if e.name == "postgres" {
			b.exec(`SET LOCAL deadlock_timeout = '1min'`)
		}
		// The more a transaction of MariaDB's has changed, the less it is chosen.
		for range 50 {
			save := sojourn.NewID()
			b.exec(`INSERT INTO sojourn_sessions_marks (realm, subject, instant, expires) VALUES (?, ?, 0, 0)`, save[:], []byte(r))
		}
		b.lockRow(high, true)
		done := make(chan error, 1)
		var n int
		go func() {
			var err error
			n, err = st.DeleteSubject(t.Context(), r, "ada", sojourn.ID{})
			done <- err
		}()
		b.waitedFor(1)
		b.lockRow(low, true)
		b.end(true)
		if err := <-done; err != nil || n != 2 {
			t.Errorf("got %d, %v, want the 2 sessions", n, err)
		}
		if after := deadlocks(t, e); after <= before {
			t.Errorf("%d deadlocks before, %d after: there was none", before, after)
		}
	})
}

// deadlocks is how many the server has seen.
func deadlocks(t *testing.T, e engine) int {
	t.Helper()
	query := `SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = 'INNODB_DEADLOCKS'`
	if e.name == "postgres" {
		server, err := e.server()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(server.Log(), "ERROR:  deadlock detected")
	}
	var n int
	if err := e.db(t).QueryRow(query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// briefWait are settings under which a connection waits shortly for a lock.
func briefWait(e engine) []string {
	if e.name == "postgres" {
		return []string{"lock_timeout", "100"}
	}
	return []string{"innodb_lock_wait_timeout", "1"}
}

func TestLockThatIsNotHadInTime_isTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		db, st := e.open(t, briefWait(e)...)
		r := realm()
		key := save(t, st, member(r, "ada", now()), time.Hour)
		s := load(t, st, key)
		calls := writes(st, key, s)
		calls["delete"] = func(ctx context.Context) error { return st.Delete(ctx, key) }
		calls["revoke"] = func(ctx context.Context) error {
			_, err := st.DeleteSubject(ctx, r, "ada", sojourn.ID{})
			return err
		}
		b := e.blocker(t, db)
		b.lockRow(key, false)
		var wg sync.WaitGroup
		for op, call := range calls {
			wg.Go(func() {
				// Who is first changes the version, who deletes ends it.
				err := call(t.Context())
				if err != nil && err != sojourn.ErrConflict && err != sojourn.ErrNotFound && err != sojourn.ErrEnded {
					t.Errorf("%s: %v", op, err)
				}
			})
		}
		time.Sleep(1300 * time.Millisecond) // more than a second, the least that MariaDB can be told
		b.end(true)
		wg.Wait()
	})
}

func TestRetry_endsWithTheContext(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		db, st := e.open(t, briefWait(e)...)
		key := save(t, st, visitor(realm(), "a", "1"), time.Hour)
		s := load(t, st, key)
		b := e.blocker(t, db)
		b.lockRow(key, false)
		var wg sync.WaitGroup
		for op, call := range writes(st, key, s) {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
				defer cancel()
				began := time.Now()
				is(t, op, call(ctx), context.DeadlineExceeded)
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("%s: returned after %v", op, took)
				}
			})
		}
		wg.Wait()
		// A server may learn that nobody waits for an answer only when its own wait ends.
		time.Sleep(1500 * time.Millisecond)
		b.end(false)
		if got := load(t, st, key); got.Values != s.Values || got.Version != s.Version {
			t.Errorf("got %+v, want it as it was: %+v", got, s)
		}
	})
}

func TestDefaultIsolation_doesNotMatter(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		name, levels := "default_transaction_isolation", []string{"read committed", "repeatable read", "serializable"}
		if e.name == "mariadb" {
			name, levels = "tx_isolation", []string{"'READ-COMMITTED'", "'REPEATABLE-READ'", "'SERIALIZABLE'"}
		}
		for _, level := range levels {
			t.Run(level, func(t *testing.T) {
				t.Parallel()
				_, st := e.open(t, name, level)
				r := realm()
				key := save(t, st, visitor(r, "n", "0"), time.Hour)
				const counters, names, sessions = 10, 20, 12
				var wg sync.WaitGroup
				for range counters {
					wg.Go(func() {
						if err := increment(t.Context(), st, key); err != nil {
							t.Error(err)
						}
					})
				}
				for i := range names {
					wg.Go(func() {
						p := sojourn.Patch{Set: values(fmt.Sprint("name", i), "1")}
						if err := st.Patch(t.Context(), key, p, time.Hour); err != nil {
							t.Error(err)
						}
						if err := st.UpdateTTL(t.Context(), key, 2*time.Hour); err != nil {
							t.Error(err)
						}
					})
				}
				for range sessions {
					wg.Go(func() {
						key, err := st.Save(t.Context(), member(r, "ada", now()), time.Hour)
						if err == nil {
							_, err = st.TrimSubject(t.Context(), r, "ada", 3, key.ID())
						}
						if err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				got := load(t, st, key)
				if got.Values.Get("n") != fmt.Sprint(counters) || got.Values.Len() != names+1 {
					t.Errorf("got n = %s and %d names, want %d and %d", got.Values.Get("n"), got.Values.Len(), counters, names+1)
				}
				if list, err := st.ListSubject(t.Context(), r, "ada"); err != nil || len(list) != 3 {
					t.Errorf("got %d sessions, %v, want 3", len(list), err)
				}
			})
		}
	})
}
