package redisstore_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

// own starts a server for one test.
func own(tb testing.TB, directives ...string) *enginetest.Server {
	tb.Helper()
	s, err := enginetest.Redis(directives...)
	enginetest.Require(tb, err)
	tb.Cleanup(func() { s.Close() })
	return s
}

// calls are the methods, each on a session that may be anybody's.
func calls(st *redisstore.Store, key sojourn.Key) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"Load":   func(ctx context.Context) error { _, err := st.Load(ctx, key); return err },
		"Save":   func(ctx context.Context) error { _, err := st.Save(ctx, visitor(), time.Hour); return err },
		"Login":  func(ctx context.Context) error { _, err := st.Save(ctx, member("ada", start), time.Hour); return err },
		"Update": func(ctx context.Context) error { _, err := st.Update(ctx, key, visitor(), time.Hour); return err },
		"Touch":  func(ctx context.Context) error { return st.UpdateTTL(ctx, key, time.Hour) },
		"Patch":  func(ctx context.Context) error { return st.Patch(ctx, key, sojourn.Patch{Generation: 1}, time.Hour) },
		"Delete": func(ctx context.Context) error { return st.Delete(ctx, key) },
		"List":   func(ctx context.Context) error { _, err := st.ListSubject(ctx, "app", "ada"); return err },
		"Trim": func(ctx context.Context) error {
			_, err := st.TrimSubject(ctx, "app", "ada", 3, sojourn.ID{})
			return err
		},
		"Revoke": func(ctx context.Context) error {
			_, err := st.DeleteSubject(ctx, "app", "ada", sojourn.ID{})
			return err
		},
		"Page":  func(ctx context.Context) error { _, _, err := st.List(ctx, "", 10); return err },
		"Check": func(ctx context.Context) error { return st.Check(ctx) },
	}
}

// A server that hangs (SIGSTOP) holds no call up longer than the call's limit, also when thousands of calls have filled
// the client's queues, and all is well when it goes on.
func TestHungServer_holdsNobodyUp(t *testing.T) {
	const limit, late = 300 * time.Millisecond, 700 * time.Millisecond
	server := own(t)
	st := newStore(t, redisstore.Config{}, server.Addr())
	key := save(t, st, visitor("n", "1"))
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Resume() })
	for name, call := range calls(st, key) {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		began := time.Now()
		err := call(ctx)
		if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > limit+late {
			t.Errorf("%s of a hung server: got %v after %v, want a time-out after %v", name, err, took, limit)
		}
		cancel()
	}
	// rueidis has room for 1024 commands per connection, and waits for more without looking at its context.
	var crowd sync.WaitGroup
	var slowest atomic.Int64
	for range 4000 {
		crowd.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			began := time.Now()
			if _, err := st.Load(ctx, key); err == nil {
				t.Error("a hung server answered")
			}
			for took := int64(time.Since(began)); ; {
				old := slowest.Load()
				if took <= old || slowest.CompareAndSwap(old, took) {
					return
				}
			}
		})
	}
	crowd.Wait()
	if took := time.Duration(slowest.Load()); took > limit+5*late { // 4000 goroutines on few processors
		t.Errorf("the slowest of 4000 calls took %v, its limit was %v", took, limit)
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the server answers again", func() error { _, err := st.Load(t.Context(), key); return err })
}

// The limit of the configuration holds where the context has none.
func TestTimeout_isTheLimitWithoutADeadline(t *testing.T) {
	server := own(t)
	st := newStore(t, redisstore.Config{Timeout: 200 * time.Millisecond}, server.Addr())
	key := save(t, st, visitor())
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Resume() })
	began := time.Now()
	_, err := st.Load(context.Background(), key)
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > time.Second {
		t.Errorf("got %v after %v", err, took)
	}
}

// A cancelled call to a hung server ends at once, but for the moment in which the answer may be on its way.
func TestCancel_endsACallToAHungServer(t *testing.T) {
	server := own(t)
	st := newStore(t, redisstore.Config{Timeout: time.Minute}, server.Addr())
	key := save(t, st, visitor())
	if err := server.Pause(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Resume() })
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	began := time.Now()
	err := st.Delete(ctx, key)
	if took := time.Since(began); !errors.Is(err, context.Canceled) || took > 2*time.Second {
		t.Errorf("got %v after %v", err, took)
	}
}

// waitFor tries until f succeeds.
func waitFor(tb testing.TB, what string, f func() error) {
	tb.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("waited in vain until %s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
