package memstore_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

func TestRace_parallelPatchesLoseNothing(t *testing.T) {
	s := newStore(newClock())
	key := save(t, s, visitor("n", "0"), hour)
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			own := sojourn.Patch{Set: values("w"+strconv.Itoa(i), "1")}
			if err := s.Patch(context.Background(), key, own, hour); err != nil {
				t.Errorf("Patch of another name: %v", err)
			}
			for {
				state := load(t, s, key)
				n, _ := strconv.Atoi(state.Values.Get("n"))
				count := sojourn.Patch{Expect: values("n", strconv.Itoa(n)), Set: values("n", strconv.Itoa(n+1))}
				err := s.Patch(context.Background(), key, count, hour)
				if err == nil {
					return
				}
				if !errors.Is(err, sojourn.ErrConflict) {
					t.Errorf("counting: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := load(t, s, key).Values; got.Get("n") != "200" || got.Len() != 201 {
		t.Errorf("counted %s, %d names, want 200 and 201", got.Get("n"), got.Len())
	}
}

func TestRace_oneUpdateWinsEachVersion(t *testing.T) {
	s := newStore(newClock())
	key := save(t, s, visitor(), hour)
	for round := range 50 {
		state := load(t, s, key)
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				mine := state
				mine.Facts.Digest = [32]byte{byte(round), byte(i)}
				switch _, err := s.Update(context.Background(), key, mine, hour); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, sojourn.ErrConflict):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d updates of one version won", won.Load())
		}
	}
}

// Whatever runs beside a Delete, the session is gone when it returns, and for ever.
func TestRace_deleteWins(t *testing.T) {
	c := newClock()
	s := newStore(c)
	for range 300 {
		key := save(t, s, visitor(), hour)
		state := load(t, s, key)
		state.Facts.Subject, state.Facts.Authenticated = "ann", c.now()
		start := make(chan bool)
		var wg sync.WaitGroup
		for op, call := range calls(s, key, state, hour) {
			wg.Go(func() {
				<-start
				if err := call(context.Background()); err != nil && !errors.Is(err, sojourn.ErrNotFound) &&
					!errors.Is(err, sojourn.ErrConflict) {
					t.Errorf("%s: %v", op, err)
				}
			})
		}
		wg.Go(func() {
			<-start
			if err := s.Delete(context.Background(), key); err != nil {
				t.Error(err)
			}
			wantGone(t, s, key)
		})
		close(start)
		wg.Wait()
		wantGone(t, s, key)
	}
	if ids := list(t, s, "shop", "ann"); len(ids) != 0 || s.Len() != 0 {
		t.Errorf("%d sessions are left, %d in the index", s.Len(), len(ids))
	}
}

// A login that began before the revocation is dead or refused; one that began later lives. The clock moves between the
// two, so each login knows which it was.
func TestRace_revocationAgainstLogins(t *testing.T) {
	for range 100 {
		c := newClock()
		s := newStore(c)
		var before, after []sojourn.State
		var keys []sojourn.Key
		for i := range 8 {
			before = append(before, login("ann", c.now()))
			later := login("ann", c.now().Add(2*time.Millisecond))
			after = append(after, later)
			if i%2 == 0 {
				keys = append(keys, save(t, s, visitor(), hour))
			} else {
				keys = append(keys, sojourn.Key{})
			}
		}
		c.advance(time.Millisecond)
		saved := make([]sojourn.Key, 16)
		start := make(chan bool)
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() { // half of them by Save, half by Update
				<-start
				var key sojourn.Key
				var err error
				if keys[i].IsZero() {
					key, err = s.Save(context.Background(), before[i], hour)
				} else {
					state := before[i]
					state.Version = load(t, s, keys[i]).Version
					key, err = s.Update(context.Background(), keys[i], state, hour)
				}
				if err == nil {
					saved[i] = key
				} else if !errors.Is(err, sojourn.ErrEnded) {
					t.Error(err)
				}
			})
			wg.Go(func() {
				<-start
				saved[8+i], _ = s.Save(context.Background(), after[i], hour)
			})
		}
		wg.Go(func() {
			<-start
			if _, err := s.DeleteSubject(context.Background(), "shop", "ann", sojourn.ID{}); err != nil {
				t.Error(err)
			}
		})
		close(start)
		wg.Wait()
		for i, key := range saved {
			if i < 8 && !key.IsZero() {
				wantGone(t, s, key)
			}
			if i >= 8 && key.IsZero() {
				t.Error("a later login was refused")
			}
		}
		for _, e := range list(t, s, "shop", "ann") {
			if state := load(t, s, e.Key()); !state.Facts.Authenticated.After(c.now()) {
				t.Error("a login from before the revocation is alive")
			}
		}
	}
}

func TestRace_trimLeavesExactlyTheLimit(t *testing.T) {
	c := newClock()
	s := newStore(c)
	const limit = 3
	var wg sync.WaitGroup
	start := make(chan bool)
	for i := range 50 {
		wg.Go(func() {
			<-start
			key := save(t, s, login("ann", c.now().Add(time.Duration(i)*time.Millisecond)), hour)
			trimmed, err := s.TrimSubject(context.Background(), "shop", "ann", limit, key.ID())
			if err != nil {
				t.Error(err)
			}
			for _, id := range trimmed {
				if id == key.ID() {
					t.Error("a login trimmed itself")
				}
				wantGone(t, s, id.Key())
			}
		})
	}
	close(start)
	wg.Wait()
	if got := list(t, s, "shop", "ann"); len(got) != limit || s.Len() != limit {
		t.Errorf("%d sessions listed, %d stored, want %d", len(got), s.Len(), limit)
	}
}

// Everything at once, at the limit, with time passing: afterwards counts, index and shards must agree.
func TestRace_everythingAtOnce(t *testing.T) {
	c := newClock()
	s := newSmall(c, 64)
	ctx := context.Background()
	subjects := []string{"ann", "bob", "eve"}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			var keys []sojourn.Key
			for i := range 400 {
				subject := subjects[(i+worker)%len(subjects)]
				state := visitor("i", strconv.Itoa(i))
				if i%4 == 0 {
					state = login(subject, c.now().Add(time.Second))
				}
				key, err := s.Save(ctx, state, time.Duration(1+i%50)*time.Second)
				if err == nil {
					keys = append(keys, key)
				} else if !errors.Is(err, memstore.ErrFull) && !errors.Is(err, sojourn.ErrEnded) {
					t.Errorf("Save: %v", err)
				}
				if len(keys) == 0 {
					continue
				}
				key = keys[(i*7)%len(keys)]
				switch i % 9 {
				case 0:
					_ = s.Delete(ctx, key)
				case 1:
					if state, err := s.Load(ctx, key); err == nil {
						if state.Facts.Subject == "" {
							state.Facts.Subject = subject
						}
						state.Facts.Authenticated = c.now().Add(time.Second)
						_, _ = s.Update(ctx, key, state, 5*time.Second)
					}
				case 2:
					_ = s.UpdateTTL(ctx, key, 40*time.Second)
				case 3:
					_, _ = s.Sweep(ctx, 5)
				case 4:
					_, _ = s.TrimSubject(ctx, "shop", subject, 4, key.ID())
				case 5:
					_, _ = s.DeleteSubject(ctx, "shop", subject, key.ID())
				case 6:
					_, _, _ = s.List(ctx, "", 20)
				case 7:
					_ = s.Patch(ctx, key, sojourn.Patch{Set: values("p", "1")}, time.Second)
				case 8:
					c.advance(10 * time.Millisecond)
					_, _ = s.ListSubject(ctx, "shop", subject)
				}
			}
		})
	}
	wg.Wait()
	if s.Len() > 64 {
		t.Errorf("%d sessions, want at most 64", s.Len())
	}
	entries, _, err := s.List(ctx, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	owned := map[string]int{}
	for _, e := range entries {
		owned[e.Facts.Subject]++
		load(t, s, e.ID.Key())
	}
	for _, subject := range subjects {
		if got := len(list(t, s, "shop", subject)); got != owned[subject] {
			t.Errorf("%s: the index has %d, the store %d", subject, got, owned[subject])
		}
	}
	c.advance(2 * hour)
	for { // a clock that stands still: one call removes all
		n, err := s.Sweep(ctx, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	if s.Len() != 0 {
		t.Errorf("%d sessions after all expired, want 0", s.Len())
	}
	for range 64 { // no place and no member was counted twice
		save(t, s, login("zoe", c.now()), hour)
	}
	_, err = s.Save(ctx, visitor(), hour)
	wantErr(t, "Save beyond the limit", err, memstore.ErrFull)
}

// Update looks twice, and reads the clock after the first look, without a lock: the test comes in between.
func TestUpdate_whatHappensBetweenItsTwoLooksCounts(t *testing.T) {
	ctx := context.Background()
	cases := map[string]struct {
		between func(c *clock, s *memstore.Store, key sojourn.Key) error
		want    error
	}{
		"a patch": {func(_ *clock, s *memstore.Store, key sojourn.Key) error {
			return s.Patch(ctx, key, sojourn.Patch{}, hour)
		}, sojourn.ErrConflict},
		"a delete": {func(_ *clock, s *memstore.Store, key sojourn.Key) error {
			return s.Delete(ctx, key)
		}, sojourn.ErrNotFound},
		"its expiry": {func(c *clock, _ *memstore.Store, _ sojourn.Key) error {
			c.advance(hour)
			return nil
		}, sojourn.ErrNotFound},
		"a revocation": {func(_ *clock, s *memstore.Store, _ sojourn.Key) error {
			_, err := s.DeleteSubject(ctx, "shop", "ann", sojourn.ID{})
			return err
		}, sojourn.ErrEnded},
		"a touch": {func(_ *clock, s *memstore.Store, key sojourn.Key) error {
			return s.UpdateTTL(ctx, key, 2*hour)
		}, nil},
	}
	for name, tc := range cases {
		c := newClock()
		var hook func()
		s := memstore.New(memstore.Config{Now: func() time.Time {
			now := c.now()
			if run := hook; run != nil {
				hook = nil
				run()
			}
			return now
		}})
		key := save(t, s, visitor(), hour)
		state := load(t, s, key)
		state.Facts.Subject, state.Facts.Authenticated = "ann", c.now()
		hook = func() {
			if err := tc.between(c, s, key); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := s.Update(ctx, key, state, hour)
		wantErr(t, "Update after "+name, err, tc.want)
		if ids := list(t, s, "shop", "ann"); (err == nil) != (len(ids) == 1) {
			t.Errorf("%s: %d sessions in the index", name, len(ids))
		}
	}
}
