package memstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

func TestList_pagesThroughAllThatLive(t *testing.T) {
	c := newClock()
	s := newStore(c)
	want := map[sojourn.ID]bool{}
	var dead []sojourn.Key
	for i := range 2000 {
		state := visitor()
		if i%2 == 0 {
			state = login("ann", c.now())
		}
		if i%5 == 0 {
			dead = append(dead, save(t, s, state, time.Minute))
			continue
		}
		want[save(t, s, state, hour).ID()] = true
	}
	c.advance(time.Minute)
	for _, limit := range []int{1, 7, 256, 1599, 1600, 5000} {
		seen := map[sojourn.ID]bool{}
		for cursor, more := "", true; more; more = cursor != "" {
			entries, next, err := s.List(context.Background(), cursor, limit)
			if err != nil || len(entries) > limit {
				t.Fatalf("limit %d: %d entries, %v", limit, len(entries), err)
			}
			for _, e := range entries {
				if seen[e.ID] || !want[e.ID] || e.TTL != hour-time.Minute || e.Facts.Realm != "shop" {
					t.Fatalf("limit %d: unexpected %+v", limit, e)
				}
				seen[e.ID] = true
			}
			cursor = next
		}
		if len(seen) != len(want) {
			t.Errorf("limit %d: saw %d sessions, want %d", limit, len(seen), len(want))
		}
	}
	for _, key := range dead {
		wantGone(t, s, key)
	}
}

func TestList_missesNobodyWhileOthersComeAndGo(t *testing.T) {
	c := newClock()
	s := newStore(c)
	var fleeting, staying []sojourn.ID
	for range 600 {
		fleeting = append(fleeting, save(t, s, visitor(), hour).ID())
		staying = append(staying, save(t, s, visitor(), hour).ID())
	}
	seen := map[sojourn.ID]int{}
	for cursor, more := "", true; more; more = cursor != "" {
		entries, next, err := s.List(context.Background(), cursor, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			seen[e.ID]++
		}
		cursor = next
		for range min(5, len(fleeting)) { // their places are used again
			if err := s.Delete(context.Background(), fleeting[0].Key()); err != nil {
				t.Fatal(err)
			}
			fleeting = fleeting[1:]
			save(t, s, login("ann", c.now()), hour)
		}
	}
	for _, id := range staying {
		if seen[id] != 1 {
			t.Fatalf("a session that stayed was listed %d times", seen[id])
		}
	}
}

func TestList_foreignCursorOrLimitIsAnError(t *testing.T) {
	s := newStore(newClock())
	for _, cursor := range []string{"x", "-1", "0", "18446744073709551615", "1e3", " 1"} {
		if _, _, err := s.List(context.Background(), cursor, 1); err == nil {
			t.Errorf("cursor %q: no error", cursor)
		}
	}
	for _, limit := range []int{0, -1} {
		if _, _, err := s.List(context.Background(), "", limit); err == nil {
			t.Errorf("limit %d: no error", limit)
		}
	}
	if entries, next, err := s.List(context.Background(), "", 1); entries != nil || next != "" || err != nil {
		t.Errorf("empty store: got %v, %q, %v", entries, next, err)
	}
}
