package drivers_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest"
)

// Each operation costs as many round trips as the documentation says, once a connection has its statements.
func TestRoundTrips_areThoseDocumented(t *testing.T) {
	each(t, func(t *testing.T, e engine) {
		server, err := e.server()
		if err != nil {
			t.Fatal(err)
		}
		proxy := storetest.NewProxy(t, "tcp", server.Addr())
		settings := []string{"clientFoundRows", "true"}
		if e.name == "postgres" {
			settings = []string{"sslmode", "disable"}
		}
		db := e.dbAt(t, proxy.Addr(), settings...)
		db.SetMaxOpenConns(1)
		st := e.store(t, db, "")
		_, beside := e.open(t)

		r, n := realm(), 0
		// subject is a new one that has so many sessions, all of them logged in before.
		subject := func(sessions int) (string, sojourn.State, sojourn.Key) {
			n++
			s := member(r, fmt.Sprint("subject", n), now())
			var key sojourn.Key
			for range max(sessions, 1) {
				key = save(t, beside, s, time.Hour)
			}
			if sessions == 0 {
				if err := beside.Delete(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			}
			return s.Facts.Subject, s, key
		}
		guest := func() (sojourn.State, sojourn.Key) {
			key := save(t, beside, visitor(r, "a", "1"), time.Hour)
			return load(t, beside, key), key
		}
		for _, tt := range []struct {
			name            string
			mysql, postgres int
			prepare         func() func() error
		}{
			{"load", 1, 1, func() func() error {
				_, key := guest()
				return func() error { _, err := st.Load(t.Context(), key); return err }
			}},
			{"load of nothing", 1, 1, func() func() error {
				return func() error { _, err := st.Load(t.Context(), sojourn.NewID().Key()); return err }
			}},
			{"load of what has expired", 2, 2, func() func() error {
				key := save(t, beside, visitor(r), time.Millisecond)
				time.Sleep(2 * time.Millisecond)
				return func() error { _, err := st.Load(t.Context(), key); return err }
			}},
			{"save", 1, 1, func() func() error {
				return func() error { _, err := st.Save(t.Context(), visitor(r), time.Hour); return err }
			}},
			{"save of a login", 1, 1, func() func() error {
				_, s, _ := subject(0)
				return func() error { _, err := st.Save(t.Context(), s, time.Hour); return err }
			}},
			{"save of a first login", 3, 3, func() func() error {
				s := member(r, sojourn.NewID().String(), now())
				return func() error { _, err := st.Save(t.Context(), s, time.Hour); return err }
			}},
			{"update", 1, 1, func() func() error {
				_, _, key := subject(1)
				s := load(t, beside, key)
				return func() error { _, err := st.Update(t.Context(), key, s, time.Hour); return err }
			}},
			{"update that conflicts", 2, 2, func() func() error {
				s, key := guest()
				s.Version++
				return func() error { _, err := st.Update(t.Context(), key, s, time.Hour); return err }
			}},
			{"login by update", 2, 2, func() func() error {
				s, key := guest()
				_, login, _ := subject(0)
				s.Facts = login.Facts
				return func() error { _, err := st.Update(t.Context(), key, s, time.Hour); return err }
			}},
			{"first login by update", 5, 5, func() func() error {
				s, key := guest()
				s.Facts.Subject, s.Facts.Authenticated = sojourn.NewID().String(), now()
				return func() error { _, err := st.Update(t.Context(), key, s, time.Hour); return err }
			}},
			{"touch", 1, 1, func() func() error {
				_, key := guest()
				return func() error { return st.UpdateTTL(t.Context(), key, 2*time.Hour) }
			}},
			{"touch that changes nothing", 1, 1, func() func() error {
				_, key := guest()
				return func() error { return st.UpdateTTL(t.Context(), key, time.Minute) }
			}},
			{"touch of nothing", 2, 2, func() func() error {
				return func() error { return st.UpdateTTL(t.Context(), sojourn.NewID().Key(), time.Hour) }
			}},
			{"patch", 2, 2, func() func() error {
				_, key := guest()
				return func() error { return st.Patch(t.Context(), key, sojourn.Patch{Set: values("a", "2")}, time.Hour) }
			}},
			{"patch that conflicts", 1, 1, func() func() error {
				_, key := guest()
				return func() error { return st.Patch(t.Context(), key, sojourn.Patch{Generation: 7}, time.Hour) }
			}},
			{"delete", 1, 1, func() func() error {
				_, key := guest()
				return func() error { return st.Delete(t.Context(), key) }
			}},
			{"delete of nothing", 6, 1, func() func() error {
				return func() error { return st.Delete(t.Context(), sojourn.NewID().Key()) }
			}},
			{"list", 1, 1, func() func() error {
				name, _, _ := subject(2)
				return func() error { _, err := st.ListSubject(t.Context(), r, name); return err }
			}},
			{"list of nobody", 2, 2, func() func() error {
				return func() error { _, err := st.ListSubject(t.Context(), r, "nobody"); return err }
			}},
			{"page", 1, 1, func() func() error {
				return func() error { _, _, err := st.List(t.Context(), "", 5); return err }
			}},
			{"revoke", 9, 5, func() func() error {
				name, _, _ := subject(3)
				return func() error { _, err := st.DeleteSubject(t.Context(), r, name, sojourn.ID{}); return err }
			}},
			{"trim of few", 1, 1, func() func() error {
				name, _, _ := subject(3)
				return func() error { _, err := st.TrimSubject(t.Context(), r, name, 3, sojourn.ID{}); return err }
			}},
			{"trim", 9, 6, func() func() error {
				name, _, key := subject(4)
				return func() error { _, err := st.TrimSubject(t.Context(), r, name, 3, key.ID()); return err }
			}},
		} {
			tt.prepare()()
			tt.prepare()()
			call := tt.prepare()
			before := proxy.Trips()
			err := call()
			got := proxy.Trips() - before
			want := tt.mysql
			if e.name == "postgres" {
				want = tt.postgres
			}
			if got != want {
				t.Errorf("%s: %d round trips (error %v), want %d", tt.name, got, err, want)
			}
		}
	})
}
