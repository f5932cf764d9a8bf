package memstore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// watch starts a watcher and returns what it hears, after it listens.
func watch(t *testing.T, s *memstore.Store) <-chan sojourn.ID {
	t.Helper()
	heard := make(chan sojourn.ID, 100_000)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Watch(ctx, func(id sojourn.ID) { heard <- id }) }()
	t.Cleanup(func() {
		cancel()
		wantErr(t, "Watch", <-done, context.Canceled)
	})
	if first := next(t, heard); !first.IsZero() {
		t.Fatalf("first heard %v, want the zero ID", first)
	}
	return heard
}

func next(t *testing.T, heard <-chan sojourn.ID) sojourn.ID {
	t.Helper()
	select {
	case id := <-heard:
		return id
	case <-time.After(10 * time.Second):
		t.Fatal("nothing heard")
		return sojourn.ID{}
	}
}

func TestWatch_hearsEveryChangeAndDeath(t *testing.T) {
	c := newClock()
	s := newSmall(c, 2)
	heard := watch(t, s)
	ctx := context.Background()
	expect := func(what string, want sojourn.ID, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got := next(t, heard); got != want {
			t.Errorf("%s: heard %v, want %v", what, got, want)
		}
	}
	key := save(t, s, login("ann", c.now()), hour)
	_, err := s.Update(ctx, key, load(t, s, key), hour)
	expect("Update", key.ID(), err)
	expect("Patch", key.ID(), s.Patch(ctx, key, sojourn.Patch{Generation: 1}, hour))
	if err := s.UpdateTTL(ctx, key, 2*hour); err != nil { // silent
		t.Fatal(err)
	}
	expect("Delete", key.ID(), s.Delete(ctx, key))

	key = save(t, s, login("ann", c.now()), hour)
	_, err = s.TrimSubject(ctx, "shop", "ann", 0, sojourn.ID{})
	expect("TrimSubject", key.ID(), err)

	key = save(t, s, login("ann", c.now()), hour)
	_, err = s.DeleteSubject(ctx, "shop", "ann", sojourn.ID{})
	expect("DeleteSubject", key.ID(), err)

	for name, state := range map[string]sojourn.State{"visitor": visitor(), "login": login("bob", c.now())} {
		key = save(t, s, state, time.Second)
		c.advance(time.Second)
		_, err = s.Sweep(ctx, 1)
		expect("Sweep of a "+name, key.ID(), err)
	}

	key = save(t, s, visitor(), hour)
	save(t, s, visitor(), 2*hour)
	save(t, s, visitor(), 2*hour)
	expect("eviction", key.ID(), nil)
}

func TestWatch_failedCallsAreSilent(t *testing.T) {
	c := newClock()
	s := newStore(c)
	key := save(t, s, visitor(), hour)
	heard := watch(t, s)
	ctx := context.Background()
	_, err := s.Update(ctx, key, visitor(), hour)
	wantErr(t, "Update", err, sojourn.ErrConflict)
	wantErr(t, "Patch", s.Patch(ctx, key, sojourn.Patch{Generation: 9}, hour), sojourn.ErrConflict)
	wantErr(t, "Delete", s.Delete(ctx, sojourn.NewID().Key()), nil)
	wantErr(t, "Delete", s.Delete(ctx, key), nil)
	if got := next(t, heard); got != key.ID() {
		t.Errorf("heard %v, want the deleted %v alone", got, key.ID())
	}
}

func TestWatch_slowWatcherBlocksNobodyAndLearnsThatItMissed(t *testing.T) {
	s := newStore(newClock())
	ctx, cancel := context.WithCancel(context.Background())
	listening, resume := make(chan bool), make(chan bool)
	var heard []sojourn.ID
	zeros := 0
	done := make(chan error)
	last := save(t, s, visitor(), hour)
	go func() {
		done <- s.Watch(ctx, func(id sojourn.ID) {
			if len(heard) == 0 {
				close(listening)
				<-resume
			}
			heard = append(heard, id)
			if id.IsZero() {
				zeros++
			}
			if id == last.ID() {
				cancel()
			}
		})
	}()
	<-listening
	quick := watch(t, s)
	for range 5000 {
		if err := s.Delete(ctx, save(t, s, visitor(), hour)); err != nil {
			t.Fatal(err)
		}
		next(t, quick)
	}
	close(resume)
	// Deletes until it answers: the buffer may still be full at the first try.
	for {
		if err := s.Patch(context.Background(), last, sojourn.Patch{}, hour); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			wantErr(t, "Watch", err, context.Canceled)
			if zeros < 2 || len(heard) >= 5000 {
				t.Errorf("heard %d IDs and %d zeros, want fewer than were told and a second zero", len(heard), zeros)
			}
			return
		case <-time.After(time.Millisecond):
		}
	}
}

func TestWatch_afterItsEndNotifyIsNotCalled(t *testing.T) {
	s := newStore(newClock())
	key := save(t, s, visitor(), hour)
	for range 20 { // of two ready channels select takes any
		ctx, cancel := context.WithCancel(context.Background())
		calls := 0
		err := s.Watch(ctx, func(sojourn.ID) {
			calls++
			if err := s.Patch(context.Background(), key, sojourn.Patch{}, hour); err != nil {
				t.Error(err)
			}
			cancel()
		})
		wantErr(t, "Watch", err, context.Canceled)
		if calls != 1 {
			t.Fatalf("notify was called %d times, want 1", calls)
		}
	}
}

func TestWatch_manyComeAndGo(t *testing.T) {
	s := newStore(newClock())
	key := save(t, s, visitor(), hour)
	stays := watch(t, s)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			calls := 0
			err := s.Watch(ctx, func(sojourn.ID) { calls++; cancel() })
			wantErr(t, "Watch", err, context.Canceled)
			if calls != 1 {
				t.Errorf("notify was called %d times, want once and not after the end", calls)
			}
		})
		wg.Go(func() {
			if err := s.Patch(context.Background(), key, sojourn.Patch{}, hour); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for range 20 {
		if got := next(t, stays); got != key.ID() {
			t.Errorf("heard %v, want %v", got, key.ID())
		}
	}
}
