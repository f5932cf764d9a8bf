package drivers_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sqlstore"
)

// writes are the calls that change one session.
func writes(st *sqlstore.Store, key sojourn.Key, s sojourn.State) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"update": func(ctx context.Context) error {
			_, err := st.Update(ctx, key, s, time.Hour)
			return err
		},
		"login by update": func(ctx context.Context) error {
			s := s
			s.Facts.Subject, s.Facts.Authenticated = "ada", now()
			_, err := st.Update(ctx, key, s, time.Hour)
			return err
		},
		"touch": func(ctx context.Context) error { return st.UpdateTTL(ctx, key, time.Hour) },
		"patch": func(ctx context.Context) error {
			return st.Patch(ctx, key, sojourn.Patch{Set: values("a", "2")}, time.Hour)
		},
	}
}

// A write that waits for a row's lock while its session expires comes too late, whatever the lock was for.
func TestWrite_thatWaitsAcrossTheExpiry_isNotFound(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		db, st := e.open(t)
		for _, tt := range []struct {
			name           string
			change, commit bool
		}{{"changed", true, true}, {"change taken back", true, false}, {"locked only", false, false}} {
			for op := range writes(st, sojourn.Key{}, sojourn.State{}) {
				t.Run(op+" of a row "+tt.name, func(t *testing.T) {
					// Twice the time for a machine that is too slow.
					for ttl := 250 * time.Millisecond; ; ttl *= 2 {
						saving := time.Now()
						key := save(t, st, visitor(realm(), "a", "1"), ttl)
						saved := time.Now()
						s, err := st.Load(t.Context(), key)
						if errors.Is(err, sojourn.ErrNotFound) {
							continue
						}
						b := e.blocker(t, db)
						b.lockRow(key, tt.change)
						done := make(chan error, 1)
						go func() { done <- writes(st, key, s)[op](t.Context()) }()
						select {
						case <-b.waits(1):
						case err := <-done:
							if time.Since(saving) < ttl {
								t.Fatalf("did not wait: %v", err)
							}
							done <- err
						}
						inTime := time.Since(saving) < ttl
						time.Sleep(time.Until(saved.Add(ttl + 20*time.Millisecond)))
						b.end(tt.commit)
						is(t, op, <-done, sojourn.ErrNotFound)
						_, err = st.Load(t.Context(), key)
						is(t, "Load afterwards", err, sojourn.ErrNotFound)
						if inTime || t.Failed() {
							return
						}
					}
				})
			}
		}
	})
}

// A write that waits for a lock and is in time then does what it was asked.
func TestWrite_thatWaits_isMade(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		db, st := e.open(t)
		for _, change := range []bool{true, false} {
			for op := range writes(st, sojourn.Key{}, sojourn.State{}) {
				key := save(t, st, visitor(realm(), "a", "1"), time.Minute)
				s := load(t, st, key)
				b := e.blocker(t, db)
				b.lockRow(key, change)
				done := make(chan error, 1)
				go func() { done <- writes(st, key, s)[op](t.Context()) }()
				b.waitedFor(1)
				b.end(true)
				is(t, op, <-done, nil)
				if got := load(t, st, key); got.TTL < 59*time.Minute || got.TTL > time.Hour {
					t.Errorf("%s: got TTL %v, want an hour", op, got.TTL)
				}
			}
		}
	})
}

// Else a session that was gone would be back, or one would be gone that lives.
func TestLoad_atTheExpiry_waitsForAWriteInFlight(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		db, st := e.open(t)
		for _, extended := range []bool{true, false} {
			const ttl = 300 * time.Millisecond
			key := save(t, st, visitor(realm(), "a", "1"), ttl)
			saved := time.Now()
			id := key.ID()
			b := e.blocker(t, db)
			b.exec(`UPDATE sojourn_sessions SET expires = expires + 3600000 WHERE id = ?`, id[:])
			time.Sleep(time.Until(saved.Add(ttl + 50*time.Millisecond)))
			calls := map[string]func() error{
				"load":  func() error { _, err := st.Load(t.Context(), key); return err },
				"touch": func() error { return st.UpdateTTL(t.Context(), key, 3*time.Hour) },
				"patch": func() error { return st.Patch(t.Context(), key, sojourn.Patch{}, time.Minute) },
			}
			type answer struct {
				op  string
				err error
			}
			done := make(chan answer, len(calls))
			for op, call := range calls {
				go func() { done <- answer{op, call()} }()
			}
			b.waitedFor(1)
			select {
			case a := <-done:
				t.Errorf("%s answered %v while the write was in flight", a.op, a.err)
				done <- a
			case <-time.After(100 * time.Millisecond):
			}
			b.end(extended)
			for range calls {
				a := <-done
				want := sojourn.ErrNotFound
				if extended {
					want = nil
				}
				is(t, a.op, a.err, want)
			}
			if extended {
				if got := load(t, st, key).TTL; got < 3*time.Hour-time.Minute || got > 3*time.Hour {
					t.Errorf("got TTL %v, want the 3 hours of the touch", got)
				}
			}
		}
	})
}

// What is read does not wait for those who write.
func TestLoad_doesNotWaitForWriters(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		db, st := e.open(t)
		r := realm()
		key := save(t, st, member(r, "ada", now()), time.Hour)
		b := e.blocker(t, db)
		b.lockRow(key, true)
		load(t, st, key)
		if list, err := st.ListSubject(t.Context(), r, "ada"); err != nil || len(list) != 1 {
			t.Errorf("got %v, %v, want the session", list, err)
		}
		b.end(false)
	})
}

// Nobody waits for a session that he does not touch, in a table of a few rows neither.
func TestWrite_waitsForNoOtherSession(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		db := e.db(t)
		name, r := table(), realm()
		st := e.store(t, db, name)
		var mine, theirs []sojourn.Key
		for range 4 {
			theirs = append(theirs, save(t, st, member(r, "bob", now()), time.Hour))
			mine = append(mine, save(t, st, member(r, "ada", now()), time.Hour))
		}
		b := e.blocker(t, db)
		for _, key := range theirs {
			id := key.ID()
			b.exec(`UPDATE `+name+` SET created = created + 1 WHERE id = ?`, id[:])
		}
		b.exec(`SELECT instant FROM `+name+`_marks WHERE realm = ? AND subject = ? FOR UPDATE`, []byte(r), []byte("bob"))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		for op, call := range map[string]func() error{
			"load":  func() error { _, err := st.Load(ctx, theirs[0]); return err },
			"save":  func() error { _, err := st.Save(ctx, visitor(r), time.Hour); return err },
			"login": func() error { _, err := st.Save(ctx, member(r, "eve", now()), time.Hour); return err },
			"touch": func() error { return st.UpdateTTL(ctx, mine[0], 2*time.Hour) },
			"patch": func() error {
				return st.Patch(ctx, mine[0], sojourn.Patch{Generation: 1, Set: values("a", "1")}, time.Hour)
			},
			"update": func() error { _, err := st.Update(ctx, mine[1], load(t, st, mine[1]), time.Hour); return err },
			"renew": func() error {
				s := load(t, st, mine[2])
				s.Facts.Authenticated = now()
				_, err := st.Update(ctx, mine[2], s, time.Hour)
				return err
			},
			"list": func() error { _, err := st.ListSubject(ctx, r, "bob"); return err },
			"page": func() error { _, _, err := st.List(ctx, "", 10); return err },
		} {
			is(t, op, call(), nil)
		}
		is(t, "delete", st.Delete(ctx, mine[3]), nil)
		gone, err := st.TrimSubject(ctx, r, "ada", 2, sojourn.ID{})
		if err != nil || len(gone) != 1 {
			t.Errorf("trim: got %v, %v, want one session", gone, err)
		}
		if n, err := st.DeleteSubject(ctx, r, "ada", sojourn.ID{}); err != nil || n != 2 {
			t.Errorf("revoke: got %d, %v, want 2", n, err)
		}
		if _, err := st.Sweep(ctx, 10); err != nil {
			t.Errorf("sweep: %v", err)
		}
	})
}
