package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
	"github.com/sojourn-go/sojourn/storetest"
)

// A write whose answer was lost happened once or not at all: nobody sends it again.
func TestLostAnswer_isNotTriedAgain(t *testing.T) {
	server := own(t)
	proxy := storetest.NewProxy(t, "tcp", server.Addr())
	st, direct := newStore(t, redisstore.Config{}, proxy.Addr()), connect(t, server.Addr())
	for _, tt := range []struct {
		name, command string
		call          func(ctx context.Context, key sojourn.Key, s sojourn.State) error
	}{
		{"Save", "set", func(ctx context.Context, _ sojourn.Key, _ sojourn.State) error {
			_, err := st.Save(ctx, visitor(), time.Hour)
			return err
		}},
		{"Save of a login", "evalsha", func(ctx context.Context, _ sojourn.Key, _ sojourn.State) error {
			_, err := st.Save(ctx, member("ada", start), time.Hour)
			return err
		}},
		{"Update", "evalsha", func(ctx context.Context, key sojourn.Key, s sojourn.State) error {
			_, err := st.Update(ctx, key, s, time.Hour)
			return err
		}},
		{"Patch", "evalsha", func(ctx context.Context, key sojourn.Key, _ sojourn.State) error {
			return st.Patch(ctx, key, sojourn.Patch{Generation: 1}, time.Hour)
		}},
		{"UpdateTTL", "evalsha", func(ctx context.Context, key sojourn.Key, _ sojourn.State) error {
			return st.UpdateTTL(ctx, key, 2*time.Hour)
		}},
		{"Delete", "evalsha", func(ctx context.Context, key sojourn.Key, _ sojourn.State) error { return st.Delete(ctx, key) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key := save(t, st, visitor())
			if err := tt.call(t.Context(), key, load(t, st, key)); err != nil { // the server knows the script
				t.Fatal(err)
			}
			n := 0
			for range 10 {
				key = save(t, st, visitor())
				s, before := load(t, st, key), called(t, direct, tt.command)
				proxy.LoseAnswers(1)
				err := tt.call(t.Context(), key, s)
				if err == nil || errors.Is(err, sojourn.ErrNotFound) || errors.Is(err, sojourn.ErrConflict) {
					t.Errorf("got %v, want an error that says that nobody knows", err)
				}
				// If the client had to connect anew for it, what was lost is an answer to that.
				if n = called(t, direct, tt.command) - before; n != 0 {
					break
				}
				proxy.LoseAnswers(0)
			}
			if n != 1 {
				t.Errorf("the server was asked %d times, want once", n)
			}
			waitFor(t, "the connection is made again", func() error {
				_, err := st.Load(t.Context(), key)
				if errors.Is(err, sojourn.ErrNotFound) {
					err = nil
				}
				return err
			})
		})
	}
}

// called says how often a server has run a command.
func called(tb testing.TB, client rueidis.Client, command string) (n int) {
	tb.Helper()
	text, err := client.Do(tb.Context(), client.B().Info().Section("commandstats").Build()).ToString()
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(text) {
		fmt.Sscanf(line, "cmdstat_"+command+":calls=%d,", &n)
	}
	return n
}

// A server that has forgotten the scripts, as after a restart or a failover, is told them again.
func TestForgottenScripts_areSentAgain(t *testing.T) {
	for _, sharded := range []bool{false, true} {
		t.Run(fmt.Sprintf("sharded=%t", sharded), func(t *testing.T) {
			server := own(t)
			st, direct := newStore(t, redisstore.Config{Sharded: sharded}, server.Addr()), connect(t, server.Addr())
			for name, call := range map[string]func(ctx context.Context, key sojourn.Key) error{
				"Login": func(ctx context.Context, _ sojourn.Key) error {
					_, err := st.Save(ctx, member("ada", start), time.Hour)
					return err
				},
				"Update": func(ctx context.Context, key sojourn.Key) error {
					_, err := st.Update(ctx, key, load(t, st, key), time.Hour)
					return err
				},
				"Patch": func(ctx context.Context, key sojourn.Key) error {
					return st.Patch(ctx, key, sojourn.Patch{Generation: 1}, time.Hour)
				},
				"Touch":  func(ctx context.Context, key sojourn.Key) error { return st.UpdateTTL(ctx, key, time.Hour) },
				"Delete": func(ctx context.Context, key sojourn.Key) error { return st.Delete(ctx, key) },
				"List": func(ctx context.Context, _ sojourn.Key) error {
					_, err := st.ListSubject(ctx, "app", "bob")
					return err
				},
				"Trim": func(ctx context.Context, _ sojourn.Key) error {
					_, err := st.TrimSubject(ctx, "app", "bob", 1, sojourn.ID{})
					return err
				},
				"Revoke": func(ctx context.Context, _ sojourn.Key) error {
					_, err := st.DeleteSubject(ctx, "app", "bob", sojourn.ID{})
					return err
				},
			} {
				key := save(t, st, visitor("n", "1"))
				for range 3 {
					if _, err := st.Save(t.Context(), member("bob", start.Add(time.Hour)), time.Hour); err != nil {
						t.Fatal(err)
					}
				}
				do(t, direct, "SCRIPT", "FLUSH")
				if err := call(t.Context(), key); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

// A server that is full refuses to make sessions and to change them, whole, and still ends them.
func TestFullServer_stillEndsSessions(t *testing.T) {
	for _, sharded := range []bool{false, true} {
		t.Run(fmt.Sprintf("sharded=%t", sharded), func(t *testing.T) {
			server := own(t, "maxmemory 100mb", "maxmemory-policy noeviction")
			st, direct := newStore(t, redisstore.Config{Sharded: sharded}, server.Addr()), connect(t, server.Addr())
			if err := st.Check(t.Context()); err != nil {
				t.Fatalf("Check: %v", err)
			}
			later := start.Add(time.Hour)
			one, two, three := save(t, st, member("ada", later)), save(t, st, member("ada", later)), save(t, st, visitor())
			before := load(t, st, three)
			do(t, direct, "CONFIG", "SET", "maxmemory", "1mb")
			if _, err := st.Save(t.Context(), visitor(), time.Hour); err == nil {
				t.Fatal("a full server took a session: the test tests nothing")
			}
			if err := st.Patch(t.Context(), three, sojourn.Patch{Generation: 1, Clear: true}, time.Hour); err == nil {
				t.Error("a full server took a change")
			}
			if got := load(t, st, three); got.Version != before.Version {
				t.Error("a change that was refused has changed the version")
			}
			if err := st.UpdateTTL(t.Context(), three, 2*time.Hour); err != nil {
				t.Errorf("UpdateTTL: %v", err)
			}
			if err := st.Delete(t.Context(), three); err != nil {
				t.Errorf("Delete: %v", err)
			}
			if gone, err := st.TrimSubject(t.Context(), "app", "ada", 1, one.ID()); err != nil || len(gone) != 1 || gone[0] != two.ID() {
				t.Errorf("TrimSubject: got %v, %v", gone, err)
			}
			if n, err := st.DeleteSubject(t.Context(), "app", "ada", sojourn.ID{}); err != nil || n != 1 {
				t.Errorf("DeleteSubject: got %d, %v", n, err)
			}
			for _, key := range []sojourn.Key{one, two, three} {
				if _, err := st.Load(t.Context(), key); !errors.Is(err, sojourn.ErrNotFound) {
					t.Errorf("Load of an ended session: %v", err)
				}
			}
			do(t, direct, "CONFIG", "SET", "maxmemory", "100mb")
			if _, err := st.Save(t.Context(), member("ada", start.Add(-time.Hour)), time.Hour); !errors.Is(err, sojourn.ErrEnded) {
				t.Errorf("a login from before all was ended: got %v, want ErrEnded: the mark is missing", err)
			}
		})
	}
}
