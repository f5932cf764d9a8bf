package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sqlstore"
)

func TestParallelIncrements_areAllKept(t *testing.T) {
	st, _ := open(t, newClock())
	key := save(t, st, visitor("n", "0"))
	const n = 200
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			if err := increment(t.Context(), st, key); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := load(t, st, key).Values.Get("n"); got != strconv.Itoa(n) {
		t.Errorf("got %s, want %d", got, n)
	}
}

func TestParallelPatches_ofOtherNames_neverConflict(t *testing.T) {
	st, _ := open(t, newClock())
	key := save(t, st, visitor())
	const n = 100
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := st.Patch(t.Context(), key, sojourn.Patch{Set: values(fmt.Sprint(i), "1")}, time.Hour); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got := load(t, st, key)
	if got.Values.Len() != n || got.Version != n+1 {
		t.Errorf("got %d names, version %d, want %d and %d", got.Values.Len(), got.Version, n, n+1)
	}
}

func TestParallelUpdates_ofOneVersion_oneWins(t *testing.T) {
	st, _ := open(t, newClock())
	key := save(t, st, visitor("n", "0"))
	s := load(t, st, key)
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			_, err := st.Update(t.Context(), key, s, time.Hour)
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, sojourn.ErrConflict):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 49 {
		t.Errorf("%d won, %d lost, want 1 and 49", won.Load(), lost.Load())
	}
}

func TestDelete_winsAgainstEveryWriter(t *testing.T) {
	st, _ := open(t, newClock())
	for range 20 {
		key := save(t, st, visitor("n", "0"))
		s := load(t, st, key)
		var deleted atomic.Bool
		var wg sync.WaitGroup
		for op, call := range operations(st, key, s) {
			for range 4 {
				wg.Go(func() {
					late := deleted.Load() // began after the deletion was acknowledged
					err := call(t.Context())
					if late && !errors.Is(err, sojourn.ErrNotFound) {
						t.Errorf("%s after Delete: got %v, want ErrNotFound", op, err)
					}
				})
			}
		}
		wg.Go(func() {
			if err := st.Delete(t.Context(), key); err != nil {
				t.Error(err)
			}
			deleted.Store(true)
		})
		wg.Wait()
		if _, err := st.Load(t.Context(), key); !errors.Is(err, sojourn.ErrNotFound) {
			t.Fatalf("got %v, want ErrNotFound", err)
		}
	}
}

func TestDeleteSubject_againstParallelLogins_hasNoSurvivors(t *testing.T) {
	c := newClock()
	st, _ := open(t, c)
	for round := range 10 {
		subject := fmt.Sprint("user", round)
		at := c.now() // every login's request began before the revocation
		var keys [20]sojourn.Key
		var guests [20]sojourn.State
		for i := range keys {
			keys[i] = save(t, st, visitor("a", "1"))
			guests[i] = load(t, st, keys[i])
		}
		var refused atomic.Int64
		var wg sync.WaitGroup
		for i := range keys {
			wg.Go(func() {
				var err error
				if i%2 == 0 {
					_, err = st.Save(t.Context(), member(subject, at), time.Hour)
				} else {
					s := guests[i]
					s.Facts.Subject, s.Facts.Authenticated = subject, at
					_, err = st.Update(t.Context(), keys[i], s, time.Hour)
				}
				if errors.Is(err, sojourn.ErrEnded) {
					refused.Add(1)
				} else if err != nil {
					t.Error(err)
				}
			})
		}
		var ended int
		wg.Go(func() {
			n, err := st.DeleteSubject(t.Context(), "app", subject, sojourn.ID{})
			if err != nil {
				t.Error(err)
			}
			ended = n
		})
		wg.Wait()
		list, err := st.ListSubject(t.Context(), "app", subject)
		if err != nil || len(list) != 0 {
			t.Fatalf("got %d survivors, %v, want 0", len(list), err)
		}
		if ended+int(refused.Load()) != len(keys) {
			t.Errorf("%d ended and %d refused, want %d in all", ended, refused.Load(), len(keys))
		}
	}
}

func TestParallelLogins_withALimit_endWithExactlyThat(t *testing.T) {
	st, _ := open(t, newClock())
	const limit = 3
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			key, err := st.Save(t.Context(), member("ada", start.Add(time.Duration(i%7)*time.Millisecond)), time.Hour)
			if err != nil {
				t.Error(err)
				return
			}
			trimmed, err := st.TrimSubject(t.Context(), "app", "ada", limit, key.ID())
			if err != nil {
				t.Error(err)
			}
			for _, id := range trimmed {
				if id == key.ID() {
					t.Error("a login trimmed itself")
				}
			}
		})
	}
	wg.Wait()
	list, err := st.ListSubject(t.Context(), "app", "ada")
	if err != nil || len(list) != limit {
		t.Errorf("got %d sessions, %v, want %d", len(list), err, limit)
	}
}

func TestContext_thatEndsWaitingForTheLock_changesNothing(t *testing.T) {
	st, path := open(t, newClock())
	key := save(t, st, visitor("a", "1"))
	before := load(t, st, key)
	other, err := raw(t, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	for op, call := range operations(st, key, before) {
		if op == "Load" {
			if err := call(t.Context()); err != nil {
				t.Errorf("a reader waited for the writer: %v", err)
			}
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		began := time.Now()
		if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want context.DeadlineExceeded", op, err)
		}
		if waited := time.Since(began); waited > 3*time.Second { // of the 5 that it waits for the lock
			t.Errorf("%s: returned after %v", op, waited)
		}
		cancel()
	}
	if _, err := other.ExecContext(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if got := load(t, st, key); got != before {
		t.Errorf("got %+v, want it as it was: %+v", got, before)
	}
	if err := st.Delete(t.Context(), key); err != nil {
		t.Errorf("the store is of no use afterwards: %v", err)
	}
}

// Else a session that was gone would be back.
func TestLoad_atTheExpiry_waitsForAWriteInFlight(t *testing.T) {
	c := newClock()
	st, path := open(t, c)
	key := save(t, st, visitor("a", "1"))
	other, err := raw(t, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	// Another process has read its clock in time and has not committed yet.
	for _, statement := range []string{"BEGIN IMMEDIATE", "UPDATE sojourn_sessions SET expires = expires + 3600000"} {
		if _, err := other.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	c.advance(time.Hour)
	done := make(chan error, 1)
	go func() {
		_, err := st.Load(t.Context(), key)
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("answered %v while the write was in flight", err)
	case <-time.After(20 * time.Millisecond): // a store that does not wait needs less than one
	}
	if _, err := other.ExecContext(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("got %v, want the session that the write extended", err)
	}
}

// A write that waits for the lock while its session expires comes too late, whoever holds the lock.
func TestWrite_thatWaitsAcrossTheExpiry_isNotFound(t *testing.T) {
	for _, op := range []string{"Update", "UpdateTTL", "Patch"} {
		t.Run(op, func(t *testing.T) {
			c := newClock()
			opened, path := open(t, c)
			key := save(t, opened, visitor("a", "1"))
			s := load(t, opened, key)

			// A pool of the test's own tells when its connection is taken, and so that the write is under way.
			db := raw(t, path)
			st, err := sqlstore.New(db, sqlstore.Config{Dialect: sqlstore.SQLite, Now: c.now})
			if err != nil {
				t.Fatal(err)
			}
			if err := st.UpdateTTL(t.Context(), key, time.Minute); err != nil { // prepares the statements
				t.Fatal(err)
			}
			other, err := raw(t, path).Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			if _, err := other.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			go func() {
				switch op {
				case "Update":
					_, err := st.Update(t.Context(), key, s, time.Hour)
					done <- err
				case "UpdateTTL":
					done <- st.UpdateTTL(t.Context(), key, time.Hour)
				case "Patch":
					done <- st.Patch(t.Context(), key, sojourn.Patch{Set: values("a", "2")}, time.Hour)
				}
			}()
			for db.Stats().InUse == 0 {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(5 * time.Millisecond) // from taking the connection to asking for the lock: only a broken store needs it
			c.advance(time.Hour)
			if _, err := other.ExecContext(t.Context(), "COMMIT"); err != nil {
				t.Fatal(err)
			}
			if err := <-done; !errors.Is(err, sojourn.ErrNotFound) {
				t.Errorf("got %v, want ErrNotFound", err)
			}
		})
	}
}
