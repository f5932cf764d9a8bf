//go:build !race

package memstore_test

import (
	"context"
	"runtime"
	"strconv"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// The race detector makes sync.Pool forget buffers, and the heap bigger.

func TestAllocations(t *testing.T) {
	s := memstore.New(memstore.Config{})
	ctx := context.Background()
	state := full("", 300)
	member := full("ann", 300)
	for range 10_000 { // so that growth is amortised
		save(t, s, state, hour)
	}
	key := save(t, s, state, hour)
	patch := sojourn.Patch{Set: oneText(300)}
	cases := []struct {
		op    string
		limit float64
		call  func() error
	}{
		{"Load", 0, func() error { _, err := s.Load(ctx, key); return err }},
		{"UpdateTTL", 0, func() error { return s.UpdateTTL(ctx, key, hour) }},
		{"Patch", 1, func() error { return s.Patch(ctx, key, patch, hour) }},
		{"Update", 1, func() error {
			loaded, err := s.Load(ctx, key)
			if err == nil {
				_, err = s.Update(ctx, key, loaded, hour)
			}
			return err
		}},
		{"Save", 1, func() error { _, err := s.Save(ctx, state, hour); return err }},
		{"Save with a subject", 1, func() error { _, err := s.Save(ctx, member, hour); return err }},
	}
	for _, tc := range cases {
		var failed error
		got := testing.AllocsPerRun(2000, func() {
			if err := tc.call(); err != nil {
				failed = err
			}
		})
		if failed != nil || got > tc.limit {
			t.Errorf("%s: %v allocations, want at most %v; %v", tc.op, got, tc.limit, failed)
		}
	}
}

func heapBytes() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools hold goes with the second
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func wantHeapUnder(t *testing.T, what string, before, limit int64) {
	t.Helper()
	if grown := heapBytes() - before; grown > limit {
		t.Errorf("%s: the heap grew by %d bytes, want at most %d", what, grown, limit)
	}
}

func TestMemory_ofEndedSessionsIsUsedAgain(t *testing.T) {
	c := newClock()
	s := newStore(c)
	ctx := context.Background()
	for i := range 3000 { // no part of the store is ever empty
		save(t, s, visitor(), 100*hour)
		save(t, s, login("user"+strconv.Itoa(i), c.now()), 100*hour)
	}
	turn := func() {
		for i := range 50_000 {
			state := visitor()
			if i%2 == 0 {
				state = login("ann", c.now())
			}
			if err := s.Delete(ctx, save(t, s, state, hour)); err != nil {
				t.Fatal(err)
			}
		}
	}
	turn()
	before := heapBytes()
	turn()
	wantHeapUnder(t, "50,000 sessions that ended", before, 128<<10)
	runtime.KeepAlive(s)
}

func TestMemory_ofAllSessionsIsFreedWithTheLast(t *testing.T) {
	c := newClock()
	s := newStore(c)
	before := heapBytes()
	for i := range 50_000 {
		save(t, s, login("user"+strconv.Itoa(i), c.now()), hour)
	}
	c.advance(hour)
	if n, err := s.Sweep(context.Background(), 100_000); n != 50_000 || err != nil {
		t.Fatalf("swept %d, %v", n, err)
	}
	wantHeapUnder(t, "nothing stored", before, 256<<10)
	runtime.KeepAlive(s)
}

func TestMemory_ofMarksIsFreedAfterADay(t *testing.T) {
	c := newClock()
	s := newStore(c)
	revoked := 0
	revoke := func() { // 50,000 subjects, then a day
		for range 50_000 {
			revoked++
			if _, err := s.DeleteSubject(context.Background(), "shop", strconv.Itoa(revoked), sojourn.ID{}); err != nil {
				t.Fatal(err)
			}
		}
		c.advance(24 * hour)
	}
	before := heapBytes()
	revoke()
	if _, err := s.Sweep(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	wantHeapUnder(t, "marks of yesterday, swept", before, 256<<10)
	for range 10 { // without a sweep new marks drive out the old ones
		revoke()
	}
	wantHeapUnder(t, "marks of ten days, not swept", before, 24<<20)
	runtime.KeepAlive(s)
}
