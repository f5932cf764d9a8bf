package drivers_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Three sweepers remove the half of the rows that has expired while others use the rest: nobody meets a deadlock, each
// sweep removes no more than it was told to, nothing that lives goes, and nothing that is dead stays. The environment
// variable SOJOURN_TEST_ROWS is the number of rows; 2000000 takes minutes. It says how long the others waited.
func TestSweep_besideLiveTraffic(t *testing.T) {
	rows := 6000
	if text := os.Getenv("SOJOURN_TEST_ROWS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1000 {
			t.Fatalf("SOJOURN_TEST_ROWS: %q is not a number of at least 1000", text)
		}
		rows = n
	}
	each(t, func(t *testing.T, e engine) {
		db := e.db(t)
		name := table()
		st := e.store(t, db, name)
		fill(t, e, name, rows)
		expired := e.count(t, db, `SELECT count(*) FROM `+name+` WHERE expires < ?`, time.Now().UnixMilli())
		before := deadlocks(t, e)

		// Their subjects have expired sessions too.
		var keys []sojourn.Key
		for i := range 200 {
			keys = append(keys, save(t, st, member("app", fmt.Sprint("u", i), now()), time.Hour))
		}
		quiet := live(t, e, name, keys, func(ctx context.Context) { <-ctx.Done() })

		var swept atomic.Int64
		var began = time.Now()
		var took time.Duration
		busy := live(t, e, name, keys, func(ctx context.Context) {
			var sweepers sync.WaitGroup
			for range 3 {
				node := e.store(t, e.db(t), name)
				sweepers.Go(func() {
					for {
						n, err := node.Sweep(context.Background(), 1000)
						if err != nil || n > 1000 {
							t.Errorf("Sweep: got %d, %v, want at most 1000", n, err)
							return
						}
						swept.Add(int64(n))
						if n == 0 {
							return
						}
					}
				})
			}
			sweepers.Wait()
			took = time.Since(began)
		})
		t.Logf("%d rows, %d expired, swept by 3 in %v", rows, expired, took.Round(time.Millisecond))
		t.Logf("without: %v", quiet)
		t.Logf("beside:  %v", busy)
		if n := e.count(t, db, `SELECT count(*) FROM `+name+` WHERE expires < ?`, began.UnixMilli()); n != 0 {
			t.Errorf("%d expired rows are left", n)
		}
		if int(swept.Load()) < expired {
			t.Errorf("swept %d, want %d", swept.Load(), expired)
		}
		if n := e.count(t, db, `SELECT count(*) FROM `+name+` WHERE realm = ?`, []byte("fill")); n != rows-expired {
			t.Errorf("%d rows that live are left, want %d", n, rows-expired)
		}
		if after := deadlocks(t, e); after != before {
			t.Errorf("%d deadlocks", after-before)
		}
	})
}

// A sweep waits for nobody: what somebody else has locked is left for the next one.
func TestSweep_waitsForNobody(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		db := e.db(t)
		name := table()
		st := e.store(t, db, name)
		var keys [5]sojourn.Key
		for i := range keys {
			keys[i] = save(t, st, visitor(realm()), time.Millisecond)
			if _, err := st.DeleteSubject(t.Context(), "app", fmt.Sprint("user", i), sojourn.ID{}); err != nil {
				t.Fatal(err)
			}
		}
		e.exec(t, db, `UPDATE `+name+`_marks SET expires = 1`)
		time.Sleep(2 * time.Millisecond)
		id := keys[1].ID()
		b := e.blocker(t, db)
		b.exec(`SELECT id FROM `+name+` WHERE id = ? FOR UPDATE`, id[:])
		b.exec(`SELECT instant FROM `+name+`_marks WHERE realm = ? AND subject = ? FOR UPDATE`, []byte("app"), []byte("user2"))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if n, err := st.Sweep(ctx, 100); err != nil || n != 4 {
			t.Errorf("got %d, %v, want the 4 that nobody has locked", n, err)
		}
		if n := e.count(t, db, `SELECT count(*) FROM `+name+`_marks`); n != 1 {
			t.Errorf("%d marks are left, want 1", n)
		}
		b.end(false)
		if n, err := st.Sweep(ctx, 100); err != nil || n != 1 {
			t.Errorf("got %d, %v, want the one that was locked", n, err)
		}
		if n := e.count(t, db, `SELECT count(*) FROM `+name+`_marks`); n != 0 {
			t.Errorf("%d marks are left, want none", n)
		}
	})
}

// fill makes so many rows, of which every other one has expired, some of them long ago.
func fill(t *testing.T, e engine, name string, rows int) {
	t.Helper()
	const step = 100_000
	db := e.db(t)
	record, err := visitor("fill", "text", `"`+fmt.Sprintf("%0300d", 0)+`"`).AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; from < rows; from += step {
		to := min(from+step, rows)
		if e.name == "mariadb" {
			e.exec(t, db, fmt.Sprintf(`INSERT INTO `+name+` (id, version, expires, realm, subject, created, authenticated, deadline, values_at, record)
				SELECT UNHEX(MD5(seq)), 1, ? + IF(seq %% 2, -CAST(seq AS SIGNED), 86400000), IF(seq %% 2, 'app', 'fill'), IF(seq %% 3, CONCAT('u', seq %% 1000), ''), 0, 0, 0, 0, ?
				FROM seq_%d_to_%d`, from, to-1), time.Now().UnixMilli(), record)
			continue
		}
		e.exec(t, db, fmt.Sprintf(`INSERT INTO `+name+` (id, version, expires, realm, subject, created, authenticated, deadline, values_at, record)
			SELECT decode(md5(i::text), 'hex'), 1, ?::bigint + CASE WHEN i %% 2 = 1 THEN -i ELSE 86400000 END,
				CASE WHEN i %% 2 = 1 THEN 'app'::bytea ELSE 'fill' END, CASE WHEN i %% 3 > 0 THEN convert_to('u' || i %% 1000, 'UTF8') ELSE '' END, 0, 0, 0, 0, ?::bytea
			FROM generate_series(%d, %d) AS i`, from, to-1), time.Now().UnixMilli(), record)
	}
	if e.name == "postgres" {
		e.exec(t, db, `VACUUM ANALYZE `+name)
	}
}

// latencies are those of live requests.
type latencies []time.Duration

func (l latencies) String() string {
	slices.Sort(l)
	at := func(share float64) time.Duration {
		return l[int(share*float64(len(l)-1))].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("%d requests, median %v, p99 %v, longest %v", len(l), at(0.5), at(0.99), at(1))
}

// live has clients use sessions until work returns, for a second at least, and returns how long their calls took.
func live(t *testing.T, e engine, name string, keys []sojourn.Key, work func(ctx context.Context)) latencies {
	t.Helper()
	const clients = 4
	st := e.store(t, e.db(t), name)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var stop atomic.Bool
	var all [clients]latencies
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for !stop.Load() {
				key := keys[rand.IntN(len(keys))]
				subject := fmt.Sprint("u", rand.IntN(200))
				began := time.Now()
				var err error
				switch q := rand.IntN(100); {
				case q < 60:
					_, err = st.Load(t.Context(), key)
				case q < 75:
					err = st.Patch(t.Context(), key, sojourn.Patch{Generation: 1, Set: values("by", strconv.Itoa(i))}, time.Hour)
				case q < 85:
					err = st.UpdateTTL(t.Context(), key, 2*time.Hour)
				case q < 95:
					var login sojourn.Key
					if login, err = st.Save(t.Context(), member("app", subject, now().Add(-time.Hour)), time.Hour); err == nil {
						_, err = st.TrimSubject(t.Context(), "app", subject, 3, keys[0].ID())
						if q < 90 && err == nil {
							err = st.Delete(t.Context(), login)
						}
					}
				default:
					_, err = st.Save(t.Context(), visitor("visitors"), 50*time.Millisecond)
				}
				all[i] = append(all[i], time.Since(began))
				if err != nil && err != sojourn.ErrNotFound { // a limit may end one of the keys
					t.Errorf("a live request: %v", err)
					return
				}
			}
		})
	}
	work(ctx)
	<-ctx.Done()
	stop.Store(true)
	wg.Wait()
	return slices.Concat(all[:]...)
}
