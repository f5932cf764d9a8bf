package drivers_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// logins are the two ways in which a session of a subject begins.
func logins(t *testing.T, st sojourn.Store, r, subject string, at time.Time) map[string]func() (sojourn.Key, error) {
	key := save(t, st, visitor(r, "a", "1"), time.Hour)
	guest := load(t, st, key)
	return map[string]func() (sojourn.Key, error){
		"save": func() (sojourn.Key, error) { return st.Save(t.Context(), member(r, subject, at), time.Hour) },
		"update": func() (sojourn.Key, error) {
			s := guest
			s.Facts.Subject, s.Facts.Authenticated = subject, at
			return st.Update(t.Context(), key, s, time.Hour)
		},
	}
}

// eachIsolation runs a test on each engine with the isolation that its connections have by default, and with the least one
// that the store takes: MySQL locks less of what a statement looks at then.
func eachIsolation(t *testing.T, test func(t *testing.T, e engine, settings []string)) {
	t.Helper()
	each(t, func(t *testing.T, e engine) {
		test(t, e, nil)
		if e.name == "mariadb" {
			test(t, e, []string{"tx_isolation", "'READ-COMMITTED'"})
		}
	})
}

// A login waits for a DeleteSubject that is under way, and is then refused by its mark: whether the subject has a row of
// marks already or not.
func TestLogin_whileAllSessionsAreEnded_isRefused(t *testing.T) {
	eachIsolation(t, func(t *testing.T, e engine, settings []string) {
		db, st := e.open(t, settings...)
		for _, known := range []bool{true, false} {
			for way := range logins(t, st, realm(), "ada", now()) {
				r, at := realm(), now()
				login := logins(t, st, r, "ada", at)[way]
				if known {
					save(t, st, member(r, "ada", at), time.Hour)
				}
				b := e.blocker(t, db) // does what DeleteSubject does
				instant := at.Add(time.Minute).UnixMilli()
				if known {
					b.exec(`UPDATE sojourn_sessions_marks SET instant = ? WHERE realm = ? AND subject = ?`, instant, []byte(r), []byte("ada"))
				} else {
					b.exec(`INSERT INTO sojourn_sessions_marks (realm, subject, instant, expires) VALUES (?, ?, ?, ?)`,
						[]byte(r), []byte("ada"), instant, at.Add(time.Hour).UnixMilli())
				}
				done := make(chan error, 1)
				go func() {
					_, err := login()
					done <- err
				}()
				b.waitedFor(1)
				b.end(true)
				is(t, fmt.Sprintf("login by %s, known %t", way, known), <-done, sojourn.ErrEnded)
			}
		}
	})
}

// A login at the very millisecond of the mark is not later than it.
func TestLogin_atTheInstantOfTheMark_isRefused(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		db, st := e.open(t)
		for way := range logins(t, st, realm(), "ada", now()) {
			r, at := realm(), now()
			e.exec(t, db, `INSERT INTO sojourn_sessions_marks (realm, subject, instant, expires) VALUES (?, ?, ?, ?)`,
				[]byte(r), []byte("ada"), at.UnixMilli(), at.Add(time.Hour).UnixMilli())
			_, err := logins(t, st, r, "ada", at)[way]()
			is(t, way+" at the mark", err, sojourn.ErrEnded)
			_, err = logins(t, st, r, "ada", at.Add(time.Millisecond))[way]()
			is(t, way+" after the mark", err, nil)
		}
	})
}

// DeleteSubject and TrimSubject wait for a login that is under way, and count it.
func TestEnding_waitsForALoginInFlight(t *testing.T) {
	eachIsolation(t, func(t *testing.T, e engine, settings []string) {
		db, st := e.open(t, settings...)
		for op, call := range map[string]func(r string) (int, error){
			"revoke": func(r string) (int, error) { return st.DeleteSubject(t.Context(), r, "ada", sojourn.ID{}) },
			"trim": func(r string) (int, error) {
				gone, err := st.TrimSubject(t.Context(), r, "ada", 0, sojourn.ID{})
				return len(gone), err
			},
		} {
			r := realm()
			key := save(t, st, member(r, "ada", now()), time.Hour)
			id, other := key.ID(), sojourn.NewID()
			b := e.blocker(t, db) // does what a login does
			b.exec(`SELECT instant FROM sojourn_sessions_marks WHERE realm = ? AND subject = ? FOR UPDATE`, []byte(r), []byte("ada"))
			b.exec(`INSERT INTO sojourn_sessions
				(id, version, expires, realm, subject, created, authenticated, deadline, values_at, record)
				SELECT ?, version, expires, realm, subject, created, authenticated, deadline, values_at, record
				FROM sojourn_sessions WHERE id = ?`, other[:], id[:])
			type answer struct {
				n   int
				err error
			}
			done := make(chan answer, 1)
			go func() {
				n, err := call(r)
				done <- answer{n, err}
			}()
			b.waitedFor(1)
			b.end(true)
			if got := <-done; got.n != 2 || got.err != nil {
				t.Errorf("%s: got %d, %v, want the 2 sessions", op, got.n, got.err)
			}
			_, err := st.Load(t.Context(), other.Key())
			is(t, op+": the login that was in flight", err, sojourn.ErrNotFound)
		}
	})
}

// Who is deleted, or extended, while sessions are counted is waited for.
func TestEnding_waitsForEachSession(t *testing.T) {
	eachIsolation(t, func(t *testing.T, e engine, settings []string) {
		db, st := e.open(t, settings...)
		for name, tt := range map[string]struct {
			change  string
			trimmed int // of 3, to 2
			revoked int
		}{
			"deleted":         {`DELETE FROM sojourn_sessions WHERE id = ?`, 0, 2},
			"expires":         {`UPDATE sojourn_sessions SET expires = 1 WHERE id = ?`, 0, 2},
			"changed":         {`UPDATE sojourn_sessions SET version = version + 1 WHERE id = ?`, 1, 3},
			"brought in time": {`UPDATE sojourn_sessions SET expires = expires + 3600000 WHERE id = ?`, 1, 3},
		} {
			for _, revoke := range []bool{true, false} {
				r := realm()
				var newest sojourn.Key
				for i := range 3 {
					newest = save(t, st, member(r, "ada", now().Add(time.Duration(i)*time.Second)), time.Hour)
				}
				id := newest.ID()
				if name == "brought in time" {
					e.exec(t, db, `UPDATE sojourn_sessions SET expires = 1 WHERE id = ?`, id[:])
					tt.change = `UPDATE sojourn_sessions SET expires = 9999999999999 WHERE id = ?`
				}
				b := e.blocker(t, db)
				b.exec(tt.change, id[:])
				done := make(chan int, 1)
				go func() {
					n, err := 0, error(nil)
					if revoke {
						n, err = st.DeleteSubject(t.Context(), r, "ada", sojourn.ID{})
					} else {
						var gone []sojourn.ID
						gone, err = st.TrimSubject(t.Context(), r, "ada", 2, sojourn.ID{})
						n = len(gone)
					}
					if err != nil {
						t.Error(err)
					}
					done <- n
				}()
				b.waitedFor(1)
				b.end(true)
				want := tt.trimmed
				if revoke {
					want = tt.revoked
				}
				if got := <-done; got != want {
					t.Errorf("one %s, revoke %t: %d ended, want %d", name, revoke, got, want)
				}
			}
		}
	})
}

// Subjects that log in for the first time have no row to lock yet.
func TestDeleteSubject_againstParallelFirstLogins_hasNoSurvivors(t *testing.T) {
	eachIsolation(t, func(t *testing.T, e engine, settings []string) {
		_, st := e.open(t, settings...)
		_, other := e.open(t, settings...)
		r := realm()
		for round := range 25 {
			subject, at := fmt.Sprint("user", round), now()
			nodes := [2]sojourn.Store{st, other}
			var calls []func() (sojourn.Key, error)
			for i := range 4 {
				for _, login := range logins(t, nodes[i%2], r, subject, at) {
					calls = append(calls, login)
				}
			}
			var refused atomic.Int64
			var ended int
			var wg sync.WaitGroup
			for _, call := range calls {
				wg.Go(func() {
					if _, err := call(); errors.Is(err, sojourn.ErrEnded) {
						refused.Add(1)
					} else if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Go(func() {
				n, err := st.DeleteSubject(t.Context(), r, subject, sojourn.ID{})
				if err != nil {
					t.Error(err)
				}
				ended = n
			})
			wg.Wait()
			list, err := other.ListSubject(t.Context(), r, subject)
			if err != nil || len(list) != 0 {
				t.Fatalf("round %d: got %d survivors, %v, want 0", round, len(list), err)
			}
			if ended+int(refused.Load()) != len(calls) {
				t.Errorf("round %d: %d ended and %d refused, want %d in all", round, ended, refused.Load(), len(calls))
			}
		}
	})
}
