package postgresstore_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
)

// TestSweep_atScale removes the expired half of a large table by three sweepers, as managers run them, beside live
// requests. SOJOURN_TEST_ROWS says how large: 2000000 is the figure of docs/postgres.md, and takes some 20 minutes.
//
// What others do on the machine shows in latencies more than a sweep does. So the sweepers work and rest in turn, and the
// requests made while they work are compared with those made while they rest.
func TestSweep_atScale(t *testing.T) {
	rows, err := strconv.Atoi(os.Getenv("SOJOURN_TEST_ROWS"))
	if err != nil {
		t.Skip("it takes long: set SOJOURN_TEST_ROWS to the number of rows")
	}
	s := ownServer(t, "shared_buffers = 512MB", "max_wal_size = 4GB")
	addr := url(s.Addr(), "pool_max_conns=12")
	live := openAt(t, newPool(t, addr), postgresstore.Config{})
	beside := newPool(t, addr)
	began := time.Now()
	// 300 B of values, facts of a logged-in user's size. Half have expired, all over the table.
	_, err = beside.Exec(t.Context(), `INSERT INTO sojourn_sessions
			(id, version, expires, due, realm, subject, created, authenticated, deadline, generation, facts, facts_check, values)
		SELECT gen_random_uuid(), 1, e.at, e.at, 'id', 'user' || i / 2, now(), now(), now() + interval '7 days', 1, f.facts, substr(sha256(f.facts), 1, 4),
			jsonb_build_object('n', '1', 'cart', '["tea","coffee"]', 'text', '"' || repeat(md5(i::text), 8) || '"')
		FROM generate_series(1, $1) AS i,
			LATERAL (SELECT now() + CASE WHEN i % 2 = 0 THEN interval '1 day' ELSE interval '-1 day' END + i * interval '1 ms' AS at) AS e,
			LATERAL (SELECT '\x01'::bytea || decode(repeat(md5(i::text), 8), 'hex') AS facts) AS f`, rows)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := beside.Exec(t.Context(), "VACUUM ANALYZE sojourn_sessions"); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows were made in %v", rows, time.Since(began).Round(time.Second))

	var keys []sojourn.Key
	for range 5000 {
		keys = append(keys, save(t, live, member("ada", time.Now())))
	}
	var working, done atomic.Bool // the sweepers
	var requests sync.WaitGroup
	var mu sync.Mutex
	var latencies [2][]time.Duration // while they rest, while they work
	for range 8 {
		requests.Go(func() {
			for !done.Load() {
				key, before, began := keys[rand.IntN(len(keys))], working.Load(), time.Now()
				_, err := live.Load(context.Background(), key)
				if err == nil && rand.IntN(4) == 0 {
					err = live.Patch(context.Background(), key, sojourn.Patch{Generation: 1, Set: values("n", strconv.Itoa(rand.IntN(99)))}, time.Hour)
				}
				took := time.Since(began)
				if err != nil {
					t.Errorf("a live request: %v", err)
					return
				}
				if working.Load() == before {
					mu.Lock()
					i := 0
					if before {
						i = 1
					}
					latencies[i] = append(latencies[i], took)
					mu.Unlock()
				}
				time.Sleep(time.Duration(rand.IntN(80)) * time.Millisecond) // some 200 requests a second in all
			}
		})
	}
	time.Sleep(5 * time.Second) // connections and pages get warm
	mu.Lock()
	latencies[0] = nil
	mu.Unlock()

	var stores []*postgresstore.Store // three nodes
	for range 3 {
		stores = append(stores, openAt(t, newPool(t, url(s.Addr(), "pool_max_conns=1")), postgresstore.Config{}))
	}
	var swept atomic.Int64
	var worked time.Duration
	finished := false
	for !finished {
		time.Sleep(5 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		working.Store(true)
		began := time.Now()
		var sweepers sync.WaitGroup
		for _, st := range stores {
			sweepers.Go(func() {
				for ctx.Err() == nil {
					n, err := st.Sweep(ctx, 1000)
					swept.Add(int64(n))
					if n > 1000 || err != nil && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("Sweep: %d, %v", n, err)
						return
					}
					if err == nil && n < 1000 {
						return // a manager would come again in a minute
					}
				}
			})
		}
		sweepers.Wait()
		working.Store(false)
		worked += time.Since(began)
		finished = ctx.Err() == nil || t.Failed()
		cancel()
	}
	done.Store(true)
	requests.Wait()

	var left int
	if err := beside.QueryRow(t.Context(), "SELECT count(*) FROM sojourn_sessions WHERE expires <= now()").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d expired rows are left, %v", left, err)
	}
	var deadlocks int
	if err := beside.QueryRow(t.Context(), "SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'").Scan(&deadlocks); err != nil || deadlocks != 0 {
		t.Errorf("%d deadlocks, %v", deadlocks, err)
	}
	t.Logf("%d swept by three in %v of work: %.0f a second", swept.Load(), worked.Round(time.Second), float64(swept.Load())/worked.Seconds())
	var p99 [2]time.Duration
	for i, what := range []string{"rest", "work"} {
		slices.Sort(latencies[i])
		p99[i] = latencies[i][len(latencies[i])*99/100]
		t.Logf("while the sweepers %s: %d requests, median %v, p99 %v", what, len(latencies[i]), latencies[i][len(latencies[i])/2], p99[i])
	}
	t.Logf("p99 rises by %.0f %%", 100*(float64(p99[1])/float64(p99[0])-1))
}
