package sqlitestore_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

func TestSweep_deletesAtMostLimitExpired(t *testing.T) {
	c := newClock()
	st, path := open(t, c)
	for range 25 {
		save(t, st, visitor("a", "1"))
	}
	c.advance(30 * time.Minute)
	live := save(t, st, visitor("a", "1"))
	if n, err := st.Sweep(t.Context(), 100); err != nil || n != 0 {
		t.Errorf("before the expiry: got %d, %v, want 0", n, err)
	}
	c.advance(30 * time.Minute)
	for _, tt := range []struct{ limit, want int }{{0, 0}, {-1, 0}, {10, 10}, {10, 10}, {10, 5}, {10, 0}} {
		if n, err := st.Sweep(t.Context(), tt.limit); err != nil || n != tt.want {
			t.Errorf("limit %d: got %d, %v, want %d", tt.limit, n, err, tt.want)
		}
	}
	load(t, st, live)
	var rows int
	if err := raw(t, path).QueryRow(`SELECT count(*) FROM sojourn_sessions`).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("got %d rows, %v, want 1", rows, err)
	}
}

func TestSweep_inManyBatches_letsWritersThrough(t *testing.T) {
	c := newClock()
	st, path := open(t, c)
	const dead = 3000
	execute(t, path, `WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 3000)
		INSERT INTO sojourn_sessions SELECT randomblob(16), 1, ?, x'', x'', 0, 0, 0, 0, x'01' FROM i`, c.now().UnixMilli())
	key := save(t, st, visitor("n", "0"))

	var done atomic.Bool
	var wg sync.WaitGroup
	swept := atomic.Int64{}
	for range 2 { // two nodes
		wg.Go(func() {
			defer done.Store(true)
			n, err := st.Sweep(t.Context(), 10_000)
			if err != nil {
				t.Error(err)
			}
			swept.Add(int64(n))
		})
	}
	writes := 0
	for ; !done.Load(); writes++ {
		if err := increment(t.Context(), st, key); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if swept.Load() != dead {
		t.Errorf("swept %d, want %d", swept.Load(), dead)
	}
	if writes < 3 {
		t.Errorf("%d writes got through while the sweep ran", writes)
	}
	t.Logf("%d writes while %d were swept", writes, dead)
}

func TestSweep_neverTakesWhatWasExtended(t *testing.T) {
	c := newClock()
	st, _ := open(t, c)
	var keys []sojourn.Key
	for range 200 {
		keys = append(keys, save(t, st, visitor("a", "1")))
	}
	var extended sync.Map
	var wg sync.WaitGroup
	wg.Go(func() {
		for i, key := range keys {
			if i == len(keys)/2 {
				c.advance(time.Hour)
			}
			if st.UpdateTTL(context.Background(), key, 2*time.Hour) == nil {
				extended.Store(key, true)
			}
		}
	})
	wg.Go(func() {
		for range 50 {
			if _, err := st.Sweep(context.Background(), 7); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	n := 0
	extended.Range(func(key, _ any) bool {
		n++
		if _, err := st.Load(t.Context(), key.(sojourn.Key)); err != nil {
			t.Errorf("an extended session: %v", err)
		}
		return true
	})
	if n < len(keys)/2 {
		t.Errorf("%d were extended, want at least %d", n, len(keys)/2)
	}
}

func TestList_pagesThroughAll(t *testing.T) {
	c := newClock()
	st, path := open(t, c)
	want := map[sojourn.ID]bool{}
	for range 23 {
		want[save(t, st, member("ada", start)).ID()] = true
	}
	expired, err := st.Save(t.Context(), visitor("a", "1"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	c.advance(time.Minute)
	damaged := save(t, st, visitor("a", "1"))
	spoil(t, path, damaged, `x'01'`)

	for _, limit := range []int{1, 5, 23, 24, 25, 1000} {
		got := map[sojourn.ID]bool{}
		for cursor, pages := "", 0; ; pages++ {
			entries, next, err := st.List(t.Context(), cursor, limit)
			if err != nil || len(entries) > limit || pages > 30 {
				t.Fatalf("limit %d, page %d: %d entries, %v", limit, pages, len(entries), err)
			}
			for _, e := range entries {
				if got[e.ID] || !want[e.ID] {
					t.Errorf("limit %d: %v again, or not to be listed", limit, e.ID)
				}
				got[e.ID] = true
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if len(got) != len(want) || got[expired.ID()] {
			t.Errorf("limit %d: got %d, want %d", limit, len(got), len(want))
		}
	}
	for _, cursor := range []string{"x", "'; --", "ABCDEF"} {
		if _, _, err := st.List(t.Context(), cursor, 1); err == nil {
			t.Errorf("cursor %q: no error", cursor)
		}
	}
	if _, _, err := st.List(t.Context(), "", 0); err == nil {
		t.Error("a limit of 0: no error")
	}
}
