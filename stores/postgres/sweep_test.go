package postgresstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

func TestSweep_deletesAtMostLimitExpired(t *testing.T) {
	st, table := open(t)
	for range 25 {
		key := save(t, st, visitor("a", "1"))
		expireNow(t, table, key)
	}
	live := save(t, st, visitor("a", "1"))
	for _, tt := range []struct{ limit, want int }{{0, 0}, {-1, 0}, {10, 10}, {10, 10}, {10, 5}, {10, 0}} {
		if n, err := st.Sweep(t.Context(), tt.limit); err != nil || n != tt.want {
			t.Errorf("limit %d: got %d, %v, want %d", tt.limit, n, err, tt.want)
		}
	}
	load(t, st, live)
	if n := ask[int](t, "SELECT count(*) FROM %s", table); n != 1 {
		t.Errorf("got %d rows, want 1", n)
	}
}

// fill puts n sessions into the table whose expiry and due are so far from now, in seconds.
func fill(t testing.TB, table string, n int, expires, due string) {
	t.Helper()
	execute(t, fmt.Sprintf(`INSERT INTO %%s (id, version, generation, expires, due, created, authenticated, deadline, realm, subject, facts, facts_check, values)
		SELECT gen_random_uuid(), 1, 0, now() + %s, now() + %s, now(), '0001-01-01 00:00:00+00', now() + '7 days', 'app', '', f.facts, substr(sha256(f.facts), 1, 4), '{"n":"0"}'
		FROM generate_series(1, %d) AS i, (SELECT '\x01'::bytea AS facts) AS f`, expires, due, n), table)
}

// A session that was extended after it was filed is filed anew, under its expiry, and looked at no more before that.
func TestSweep_filesTheExtendedAnew(t *testing.T) {
	st, table := open(t)
	fill(t, table, 250, "interval '1 hour'", "interval '-1 minute'")
	fill(t, table, 30, "interval '-1 second'", "interval '-2 minutes'")
	if n, err := st.Sweep(t.Context(), 20); n != 20 || err != nil {
		t.Errorf("got %d, %v, want 20", n, err)
	}
	if n, err := st.Sweep(t.Context(), 1000); n != 10 || err != nil {
		t.Errorf("got %d, %v, want 10", n, err)
	}
	if n := ask[int](t, "SELECT count(*) FROM %s WHERE due = expires AND version = 1", table); n != 250 {
		t.Errorf("%d of 250 were filed anew, unchanged besides", n)
	}
	if n := ask[int](t, "SELECT count(*) FROM %s WHERE due > expires OR due <= now()", table); n != 0 {
		t.Errorf("%d stand under a wrong time", n)
	}
}

// Whatever is done to a session, it is due no later than it expires, or no sweep would find it in time.
func TestDue_isNeverLaterThanExpires(t *testing.T) {
	st, table := open(t)
	key := save(t, st, visitor("a", "1"))
	check := func(what string) {
		t.Helper()
		if n := ask[int](t, "SELECT count(*) FROM %s WHERE due > expires", table); n != 0 {
			t.Errorf("after %s", what)
		}
	}
	check("Save")
	for _, ttl := range []time.Duration{2 * time.Hour, time.Minute, 3 * time.Hour} {
		s := load(t, st, key)
		if _, err := st.Update(t.Context(), key, s, ttl); err != nil {
			t.Fatal(err)
		}
		check("Update")
		if err := st.UpdateTTL(t.Context(), key, ttl+time.Minute); err != nil {
			t.Fatal(err)
		}
		check("UpdateTTL")
		if err := st.Patch(t.Context(), key, sojourn.Patch{}, ttl+2*time.Minute); err != nil {
			t.Fatal(err)
		}
		check("Patch")
	}
}

// Records of a newer release do not stand in the way of those behind them.
func TestSweep_getsPastWhatItMustLeave(t *testing.T) {
	st, table := open(t)
	fill(t, table, 300, "interval '-2 hours'", "interval '-2 hours'")
	execute(t, `UPDATE %s SET facts = '\x02'`, table)
	fill(t, table, 300, "interval '-1 hour'", "interval '-1 hour'")
	for range 2 {
		if n, err := st.Sweep(t.Context(), 1000); err != nil {
			t.Errorf("got %d, %v", n, err)
		}
	}
	if n := ask[int](t, `SELECT count(*) FROM %s WHERE facts = '\x02'`, table); n != 300 {
		t.Errorf("%d of the newer ones are left, want 300", n)
	}
	if n := ask[int](t, `SELECT count(*) FROM %s`, table); n != 300 {
		t.Errorf("%d are left, want 300", n)
	}
}

// A sweep waits for nobody, and what it left because it was locked the next one takes.
func TestSweep_skipsWhatIsLocked(t *testing.T) {
	st, table := open(t)
	fill(t, table, 10, "interval '-2 hours'", "interval '-2 hours'")
	tx := begin(t)
	if _, err := tx.Exec(t.Context(), "SELECT FROM "+table+" LIMIT 4 FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	if n, err := st.Sweep(t.Context(), 100); n != 6 || err != nil {
		t.Errorf("got %d, %v, want 6", n, err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := st.Sweep(t.Context(), 100); n != 4 || err != nil {
		t.Errorf("got %d, %v, want 4", n, err)
	}
}

func TestSweep_neverTakesWhatWasExtended(t *testing.T) {
	st, _ := open(t)
	var keys []sojourn.Key
	for range 100 {
		key, err := st.Save(t.Context(), visitor("a", "1"), 300*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	var extended sync.Map
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for !done.Load() {
				if _, err := st.Sweep(context.Background(), 7); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i, key := range keys {
		wg.Go(func() {
			time.Sleep(time.Duration(200+2*i) * time.Millisecond) // some in time, some not
			err := st.UpdateTTL(context.Background(), key, time.Hour)
			if err == nil {
				extended.Store(key, true)
			} else if !errors.Is(err, sojourn.ErrNotFound) {
				t.Error(err)
			}
		})
	}
	time.Sleep(time.Second)
	done.Store(true)
	wg.Wait()
	n := 0
	extended.Range(func(key, _ any) bool {
		n++
		if _, err := st.Load(t.Context(), key.(sojourn.Key)); err != nil {
			t.Errorf("an extended session: %v", err)
		}
		return true
	})
	t.Logf("%d of 100 were extended in time", n)
}

func TestSweep_removesMarksAfterADay(t *testing.T) {
	st, table := open(t)
	if _, err := st.DeleteSubject(t.Context(), "app", "ada", sojourn.ID{}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		age  string
		want int
		err  error
	}{{"23:59:50", 1, sojourn.ErrEnded}, {"24:00:01", 0, nil}} {
		execute(t, "UPDATE %s_marks SET instant = now() - $1::interval", table, tt.age)
		if _, err := st.Save(t.Context(), member("ada", start), time.Hour); !errors.Is(err, tt.err) {
			t.Errorf("at the age of %s: got %v, want %v", tt.age, err, tt.err)
		}
		if _, err := st.Sweep(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		if n := ask[int](t, "SELECT count(*) FROM %s_marks", table); n != tt.want {
			t.Errorf("at the age of %s: %d marks after the sweep, want %d", tt.age, n, tt.want)
		}
	}
}

// A sweep that finds nothing looks at nothing: it goes by the index, however many live.
func TestSweep_readsTheIndex(t *testing.T) {
	st, table := open(t)
	fill(t, table, 20_000, "interval '1 day'", "interval '1 day'")
	fill(t, table, 300, "interval '-1 hour'", "interval '-1 hour'")
	execute(t, "VACUUM ANALYZE %s", table)
	for range 3 {
		if _, err := st.Sweep(t.Context(), 1000); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(1100 * time.Millisecond) // the statistics come once a second
	execute(t, "SELECT pg_stat_force_next_flush() FROM (SELECT FROM %s LIMIT 1) AS t", table)
	if n := ask[int](t, "SELECT seq_tup_read::int FROM pg_stat_user_tables WHERE relname = $1%s", "", table); n > 21_000 { // once by VACUUM ANALYZE or not
		t.Errorf("%d rows were read one after the other", n)
	}
}
