package memstore_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

func TestExpired_isDeadFromTheInstant(t *testing.T) {
	for _, swept := range []bool{false, true} {
		c := newClock()
		s := newStore(c)
		for name, state := range map[string]sojourn.State{"visitor": visitor(), "login": login("ann", c.now())} {
			key := save(t, s, state, hour)
			state = load(t, s, key)
			c.advance(hour - time.Millisecond)
			if got := load(t, s, key).TTL; got != time.Millisecond {
				t.Errorf("%s: got TTL %v one millisecond before the end", name, got)
			}
			c.advance(time.Millisecond)
			if swept {
				if n, err := s.Sweep(context.Background(), 10); n != 1 || err != nil {
					t.Errorf("%s: swept %d, %v, want 1", name, n, err)
				}
			}
			for op, call := range calls(s, key, state, hour) {
				wantErr(t, name+" "+op, call(context.Background()), sojourn.ErrNotFound)
			}
			wantErr(t, name+" Delete", s.Delete(context.Background(), key), nil)
		}
		if entries, err := s.ListSubject(context.Background(), "shop", "ann"); len(entries) != 0 || err != nil {
			t.Errorf("got %d entries, %v, want none", len(entries), err)
		}
	}
}

func TestSweep_removesOnlyTheExpiredUpToItsLimit(t *testing.T) {
	c := newClock()
	s := newStore(c)
	var alive []sojourn.Key
	for i := range 300 {
		state := visitor()
		if i%3 == 0 {
			state = login("ann", c.now())
		}
		key := save(t, s, state, time.Duration(1+i%2)*hour)
		switch {
		case i%2 == 1:
			alive = append(alive, key)
		case i%4 == 0: // extended meanwhile
			if err := s.UpdateTTL(context.Background(), key, 2*hour); err != nil {
				t.Fatal(err)
			}
			alive = append(alive, key)
		}
	}
	c.advance(hour)
	expired := 300 - len(alive)
	for _, step := range []struct{ limit, want int }{{0, 0}, {-1, 0}, {10, 10}, {1, 1}, {1000, expired - 11}, {1000, 0}} {
		if n, err := s.Sweep(context.Background(), step.limit); n != step.want || err != nil {
			t.Errorf("Sweep(%d): got %d, %v, want %d", step.limit, n, err, step.want)
		}
	}
	if s.Len() != len(alive) {
		t.Errorf("got %d sessions, want %d", s.Len(), len(alive))
	}
	for _, key := range alive {
		load(t, s, key)
	}
}

// An Update may also shorten, and move a session between the two queues of a shard.
func TestSweep_followsEveryChangeOfExpiry(t *testing.T) {
	c := newClock()
	s := newStore(c)
	key := save(t, s, visitor(), 3*hour)
	state := load(t, s, key)
	state.Facts.Subject, state.Facts.Authenticated = "ann", c.now()
	if _, err := s.Update(context.Background(), key, state, hour); err != nil {
		t.Fatal(err)
	}
	touched := save(t, s, visitor(), hour)
	if err := s.Patch(context.Background(), touched, sojourn.Patch{}, 2*hour); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 1, 0} {
		c.advance(hour)
		if n, err := s.Sweep(context.Background(), 10); n != want || err != nil {
			t.Errorf("got %d, %v, want %d", n, err, want)
		}
	}
}

func TestSweep_findsAllThatExpiredInAnyOrder(t *testing.T) {
	c := newClock()
	s := newStore(c)
	random := rand.New(rand.NewPCG(1, 2))
	born := c.now()
	ends := map[sojourn.Key]time.Time{}
	for range 8000 {
		ttl := time.Duration(1+random.IntN(60)) * time.Minute
		ends[save(t, s, visitor(), ttl)] = born.Add(ttl)
	}
	for key := range ends {
		switch random.IntN(3) {
		case 0:
			if err := s.Delete(context.Background(), key); err != nil {
				t.Fatal(err)
			}
			delete(ends, key)
		case 1:
			state := load(t, s, key)
			ttl := time.Duration(1+random.IntN(60)) * time.Minute
			if _, err := s.Update(context.Background(), key, state, ttl); err != nil {
				t.Fatal(err)
			}
			ends[key] = born.Add(ttl)
		}
	}
	for range 60 {
		c.advance(time.Minute)
		want := 0
		for key, end := range ends {
			if !end.After(c.now()) {
				want++
				delete(ends, key)
			}
		}
		if n, err := s.Sweep(context.Background(), 10_000); n != want || err != nil {
			t.Fatalf("swept %d, %v, want %d", n, err, want)
		}
	}
}

func TestConfig_zeroValueUsesTheRealClock(t *testing.T) {
	s := memstore.New(memstore.Config{})
	key := save(t, s, visitor(), hour)
	if got := load(t, s, key).TTL; got <= hour-time.Minute || got > hour {
		t.Errorf("got TTL %v, want about 1h", got)
	}
}
