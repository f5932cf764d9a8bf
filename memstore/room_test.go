package memstore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

func newSmall(c *clock, sessions int) *memstore.Store {
	return memstore.New(memstore.Config{Now: c.now, MaxSessions: sessions})
}

func TestFull_expiredGiveWayFirst(t *testing.T) {
	c := newClock()
	s := newSmall(c, 4)
	anonymous := save(t, s, visitor(), hour)
	member := save(t, s, login("ann", c.now()), hour)
	deadVisitor := save(t, s, visitor(), time.Second)
	deadMember := save(t, s, login("bob", c.now()), time.Second)
	c.advance(time.Second)
	for range 2 {
		save(t, s, visitor(), 2*hour)
	}
	if s.Len() != 4 {
		t.Errorf("got %d sessions, want 4", s.Len())
	}
	load(t, s, anonymous)
	load(t, s, member)
	wantGone(t, s, deadVisitor)
	wantGone(t, s, deadMember)
	wantIDs(t, "index", list(t, s, "shop", "bob"), nil)
}

func TestFull_visitorsGiveWayTheLongestIdleFirst(t *testing.T) {
	c := newClock()
	s := newSmall(c, 6)
	member := save(t, s, login("ann", c.now()), time.Minute)
	var keys []sojourn.Key
	for range 5 {
		c.advance(time.Second)
		keys = append(keys, save(t, s, visitor(), hour))
	}
	c.advance(time.Second)
	if err := s.UpdateTTL(context.Background(), keys[0], hour); err != nil {
		t.Fatal(err)
	}
	for _, gone := range []int{1, 2, 3} {
		c.advance(time.Second)
		save(t, s, visitor(), hour)
		wantGone(t, s, keys[gone])
	}
	load(t, s, keys[0])
	load(t, s, keys[4])
	load(t, s, member)
}

func TestFull_ofManyTheLongestIdleStillGoFirst(t *testing.T) {
	c := newClock()
	s := newSmall(c, 3000)
	var keys []sojourn.Key
	for range 3500 {
		c.advance(time.Millisecond)
		keys = append(keys, save(t, s, visitor(), hour))
	}
	for i, key := range keys {
		if i < 500 {
			wantGone(t, s, key)
		} else {
			load(t, s, key)
		}
	}
}

func TestFull_aPlaceThatIsBeingTakenIsWaitedFor(t *testing.T) {
	c := newClock()
	s := newSmall(c, 1)
	for range 3 { // logins that ended do not count as members
		if err := s.Delete(context.Background(), save(t, s, login("ann", c.now()), hour)); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				save(t, s, visitor(), hour)
			}
		})
	}
	wg.Wait()
}

func TestFull_loginsAreNeverEvicted(t *testing.T) {
	c := newClock()
	s := newSmall(c, 3)
	keys := []sojourn.Key{save(t, s, login("ann", c.now()), time.Minute), save(t, s, visitor(), hour)}
	keys = append(keys, save(t, s, visitor(), 2*hour))
	// One visitor gives way to a login, one logs in itself, and then nobody is left to give way.
	saved := save(t, s, login("bob", c.now()), hour)
	wantGone(t, s, keys[1])
	state := load(t, s, keys[2])
	state.Facts.Subject, state.Facts.Authenticated = "eve", c.now()
	if _, err := s.Update(context.Background(), keys[2], state, hour); err != nil {
		t.Fatal(err)
	}
	for name, state := range map[string]sojourn.State{"visitor": visitor(), "login": login("ann", c.now())} {
		_, err := s.Save(context.Background(), state, hour)
		wantErr(t, name, err, memstore.ErrFull)
	}
	for _, key := range []sojourn.Key{keys[0], keys[2], saved} {
		load(t, s, key)
	}
	// The first that expires, or logs out, makes room.
	c.advance(time.Minute)
	save(t, s, visitor(), hour)
	wantGone(t, s, keys[0])
	if err := s.Delete(context.Background(), saved); err != nil {
		t.Fatal(err)
	}
	save(t, s, login("ann", c.now()), hour)
	if s.Len() != 3 {
		t.Errorf("got %d sessions, want 3", s.Len())
	}
}

func TestFull_marksStay(t *testing.T) {
	c := newClock()
	s := newSmall(c, 1)
	if _, err := s.DeleteSubject(context.Background(), "shop", "ann", sojourn.ID{}); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		save(t, s, visitor(), hour)
	}
	_, err := s.Save(context.Background(), login("ann", c.now()), hour)
	wantErr(t, "Save", err, sojourn.ErrEnded)
}

func TestFull_parallelSavesHoldTheLimit(t *testing.T) {
	c := newClock()
	s := newSmall(c, 5)
	members := []sojourn.Key{save(t, s, login("ann", c.now()), hour), save(t, s, login("ann", c.now()), hour)}
	if _, err := s.DeleteSubject(context.Background(), "shop", "bob", sojourn.ID{}); err != nil {
		t.Fatal(err)
	}
	late := c.now()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 300 {
				if i == 0 { // takes a place and gives it back
					_, err := s.Save(context.Background(), login("bob", late), hour)
					wantErr(t, "refused login", err, sojourn.ErrEnded)
					continue
				}
				key := save(t, s, visitor(), hour) // never ErrFull: three places are visitors'
				if i == 1 {
					if err := s.Delete(context.Background(), key); err != nil {
						t.Error(err)
					}
				}
				if n := s.Len(); n > 5 {
					t.Errorf("got %d sessions, want at most 5", n)
				}
			}
		})
	}
	wg.Wait()
	for _, key := range members {
		load(t, s, key)
	}
	entries, _, err := s.List(context.Background(), "", 100)
	if err != nil || len(entries) != s.Len() || len(entries) > 5 {
		t.Errorf("got %d entries, %v, and Len %d", len(entries), err, s.Len())
	}
}
