package postgresstore_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
	"github.com/sojourn-go/sojourn/storetest"
)

// watching is a Watch under way.
type watching struct {
	t    *testing.T
	told chan sojourn.ID
	done chan error
	stop context.CancelFunc
}

// watch starts a Watch and returns once it listens.
func watch(t *testing.T, st *postgresstore.Store) *watching {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	w := &watching{t: t, told: make(chan sojourn.ID, 1000), done: make(chan error, 1), stop: cancel}
	go func() { w.done <- st.Watch(ctx, func(id sojourn.ID) { w.told <- id }) }()
	t.Cleanup(cancel)
	if id := w.next(); !id.IsZero() {
		t.Fatalf("the first that is told is %v, want the zero ID", id)
	}
	return w
}

// next is what is told next.
func (w *watching) next() sojourn.ID {
	w.t.Helper()
	select {
	case id := <-w.told:
		return id
	case err := <-w.done:
		w.t.Fatalf("Watch ended: %v", err)
	case <-time.After(20 * time.Second):
		w.t.Fatal("nothing is told")
	}
	return sojourn.ID{}
}

func (w *watching) ended() error {
	w.t.Helper()
	select {
	case err := <-w.done:
		return err
	case <-time.After(40 * time.Second):
		w.t.Fatal("Watch goes on")
	}
	return nil
}

// The sessions whose calls these are, and what is told of each way to notify: a mark tells that what comes before it is all.
func TestNotify_tellsWhatItSays(t *testing.T) {
	for name, tt := range map[string]struct {
		notify postgresstore.Notify
		want   []string
	}{
		"ends":    {postgresstore.NotifyEnds, []string{"renew", "login", "trim", "revoke", "delete"}},
		"changes": {postgresstore.NotifyChanges, []string{"patch", "update", "renew", "login", "trim", "revoke", "delete"}},
	} {
		t.Run(name, func(t *testing.T) {
			st := openAt(t, shared(t), postgresstore.Config{Table: table(), Notify: tt.notify})
			w := watch(t, st)
			ctx := t.Context()
			keys := make(map[string]sojourn.Key)
			for _, call := range []string{"touch", "patch", "update", "renew", "login", "delete"} {
				keys[call] = save(t, st, visitor("a", "1"))
			}
			keys["trim"], keys["revoke"] = save(t, st, member("ada", start)), save(t, st, member("ada", start.Add(time.Second)))
			change := func(call string, f func(*sojourn.State)) error {
				s := load(t, st, keys[call])
				f(&s)
				_, err := st.Update(ctx, keys[call], s, time.Hour)
				return err
			}
			_, trimmed := st.TrimSubject(ctx, "app", "nobody", 0, sojourn.ID{})
			errs := []error{
				trimmed,
				st.UpdateTTL(ctx, keys["touch"], 2*time.Hour),
				st.Patch(ctx, keys["patch"], sojourn.Patch{Set: values("a", "2")}, time.Hour),
				st.Patch(ctx, keys["delete"], sojourn.Patch{Generation: 5}, time.Hour), // refused
				change("update", func(s *sojourn.State) { s.Facts.Digest[0]++ }),       // as a periodic renewal
				change("renew", func(s *sojourn.State) { s.Facts.Generation++ }),
				change("login", func(s *sojourn.State) {
					s.Facts.Subject, s.Facts.Authenticated = "bob", start
					s.Facts.Generation++
				}),
			}
			_, err := st.TrimSubject(ctx, "app", "ada", 1, sojourn.ID{})
			errs = append(errs, err)
			_, err = st.DeleteSubject(ctx, "app", "ada", sojourn.ID{})
			errs = append(errs, err, st.Delete(ctx, keys["delete"]), st.Delete(ctx, sojourn.NewID().Key()))
			for _, err := range errs {
				if err != nil && !errors.Is(err, sojourn.ErrConflict) {
					t.Fatal(err)
				}
			}
			mark := save(t, st, visitor())
			if err := st.Delete(ctx, mark); err != nil {
				t.Fatal(err)
			}
			var got []string
			for {
				id := w.next()
				if id == mark.ID() {
					break
				}
				for call, key := range keys {
					if key.ID() == id {
						got = append(got, call)
					}
				}
			}
			if strings.Join(got, " ") != strings.Join(tt.want, " ") {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestNotifyNothing_isUnsupported(t *testing.T) {
	st := openAt(t, shared(t), postgresstore.Config{Table: table(), Notify: postgresstore.NotifyNothing})
	if err := st.Watch(t.Context(), func(sojourn.ID) {}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, want errors.ErrUnsupported", err)
	}
	key := save(t, st, member("ada", start))
	save(t, st, member("ada", start))
	s := load(t, st, key)
	s.Facts.Generation++
	if _, err := st.Update(t.Context(), key, s, time.Hour); err != nil {
		t.Error(err)
	}
	if gone, err := st.TrimSubject(t.Context(), "app", "ada", 1, key.ID()); len(gone) != 1 || err != nil {
		t.Errorf("TrimSubject: got %v, %v", gone, err)
	}
	if n, err := st.DeleteSubject(t.Context(), "app", "ada", sojourn.ID{}); n != 1 || err != nil {
		t.Errorf("DeleteSubject: got %v, %v", n, err)
	}
	if err := st.Delete(t.Context(), key); err != nil {
		t.Error(err)
	}
}

// Anyone who may connect to the database may send notifications.
func TestWatch_survivesForeignNotifications(t *testing.T) {
	st, name := open(t)
	w := watch(t, st)
	for _, payload := range []string{"", "x", "proof", strings.Repeat("0", 32), strings.Repeat("g", 32), strings.Repeat("y", 7000), "'; DROP TABLE"} {
		if _, err := shared(t).Exec(t.Context(), "SELECT pg_notify($1, $2)", name, payload); err != nil {
			t.Fatal(err)
		}
	}
	key := save(t, st, visitor())
	if err := st.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if id := w.next(); id != key.ID() {
		t.Errorf("got %v, want %v", id, key.ID())
	}
	w.stop()
	if err := w.ended(); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestWatch_endsWithItsConnection(t *testing.T) {
	s, err := server()
	enginetest.Require(t, err)
	proxy := storetest.NewProxy(t, "tcp", s.Addr())
	st := openAt(t, newPool(t, url(proxy.Addr(), "sslmode=disable")), postgresstore.Config{Table: table()})
	w := watch(t, st)
	proxy.Reset()
	if err := w.ended(); err == nil {
		t.Error("a reset: no error")
	}
	w = watch(t, st)
	execute(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%'%s", "")
	if err := w.ended(); err == nil {
		t.Error("the server ended it: no error")
	}
}

// A connection that a firewall forgot says nothing for ever. It takes half a minute, so it is only tried where tests may
// take long.
func TestWatch_onADeadConnection_ends(t *testing.T) {
	long(t)
	s, err := server()
	enginetest.Require(t, err)
	proxy := storetest.NewProxy(t, "tcp", s.Addr())
	st := openAt(t, newPool(t, url(proxy.Addr(), "sslmode=disable")), postgresstore.Config{Table: table()})
	w := watch(t, st)
	time.Sleep(20 * time.Second) // it is asked once, and answers
	select {
	case err := <-w.done:
		t.Fatalf("a quiet connection was given up: %v", err)
	default:
	}
	proxy.Stall()
	defer proxy.Resume()
	began := time.Now()
	if err := w.ended(); err == nil || time.Since(began) > 30*time.Second {
		t.Errorf("got %v after %v, want an error within 30 s", err, time.Since(began))
	}
}

func TestWatch_takesThePoolsPasswordsAndNoneOfItsConnections(t *testing.T) {
	s, err := server()
	enginetest.Require(t, err)
	st, name := open(t)
	pool := newPool(t, url(s.Addr(), "pool_max_conns=1"))
	settings := pool.Config()
	var asked atomic.Int64
	settings.BeforeConnect = func(context.Context, *pgx.ConnConfig) error { asked.Add(1); return nil }
	busy := openAt(t, newPoolWith(t, settings), postgresstore.Config{Table: name})
	w := watch(t, busy)
	before := asked.Load()
	key := save(t, st, visitor())
	load(t, busy, key) // the pool's only connection is free
	if err := busy.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if id := w.next(); id != key.ID() {
		t.Errorf("got %v, want %v", id, key.ID())
	}
	if before < 2 {
		t.Errorf("BeforeConnect was asked %d times, want for the pool's connection and for Watch's", before)
	}
}
