package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
	"github.com/sojourn-go/sojourn/storetest"
)

// listening is a Watch that runs, and what it was told.
type listening struct {
	tb   testing.TB
	done chan error

	mu   sync.Mutex
	told map[sojourn.ID]int
}

func watch(tb testing.TB, st *redisstore.Store) *listening {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &listening{tb: tb, done: make(chan error, 1), told: make(map[sojourn.ID]int)}
	go func() { w.done <- st.Watch(ctx, w.notify) }()
	tb.Cleanup(cancel)
	w.hears(sojourn.ID{}, 1)
	return w
}

func (w *listening) notify(id sojourn.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told[id]++
}

func (w *listening) heard(id sojourn.ID) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told[id]
}

// hears waits until it was told of id that often.
func (w *listening) hears(id sojourn.ID, often int) {
	w.tb.Helper()
	waitFor(w.tb, "Watch tells", func() error {
		if w.heard(id) < often {
			return errors.New("not told of " + id.String())
		}
		return nil
	})
}

// What no method of the store did is told too.
func TestWatch_tellsWhoeverChangesASession(t *testing.T) {
	server := own(t)
	st, direct := newStore(t, redisstore.Config{}, server.Addr()), connect(t, server.Addr())
	w := watch(t, st)
	byHand, expired, flushed := save(t, st, visitor()), sojourn.Key{}, save(t, st, visitor())
	do(t, direct, "DEL", nameOf(byHand))
	w.hears(byHand.ID(), 2)
	expired, err := st.Save(t.Context(), visitor(), 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	w.hears(expired.ID(), 2) // its beginning and its end
	zero := w.heard(sojourn.ID{})
	do(t, direct, "FLUSHALL", "SYNC")
	w.hears(sojourn.ID{}, zero+1)
	if _, err := st.Load(t.Context(), flushed); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("Load after a flush: %v", err)
	}
}

// Indexes and other keys of the database are nobody's business.
func TestWatch_tellsOfSessionsAlone(t *testing.T) {
	server := own(t)
	st, direct := newStore(t, redisstore.Config{}, server.Addr()), connect(t, server.Addr())
	w := watch(t, st)
	other := newStore(t, redisstore.Config{Prefix: "other:"}, server.Addr())
	foreign := save(t, other, member("ada", start.Add(time.Hour)))
	do(t, direct, "SET", "sojourn:s:no-session", "1")
	mine := save(t, st, member("ada", start.Add(time.Hour)))
	w.hears(mine.ID(), 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.told) != 2 || w.told[foreign.ID()] != 0 {
		t.Errorf("told of %v, want the zero ID and %v alone", w.told, mine.ID())
	}
}

// After a lost connection, whatever lost it, the zero ID says that something may have been missed, and Watch goes on.
func TestWatch_survivesReconnects(t *testing.T) {
	server := own(t)
	proxy := storetest.NewProxy(t, "tcp", server.Addr())
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{proxy.Addr()}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	st, err := redisstore.New(client, redisstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	direct := newStore(t, redisstore.Config{}, server.Addr())
	w := watch(t, st)
	for _, lose := range []func(){proxy.Cut, proxy.Reset, proxy.HalfClose} {
		zero := w.heard(sojourn.ID{})
		lose()
		w.hears(sojourn.ID{}, zero+1)
		key := save(t, direct, visitor())
		w.hears(key.ID(), 1)
	}
	zero := w.heard(sojourn.ID{})
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	w.hears(sojourn.ID{}, zero+1)
	var key sojourn.Key
	waitFor(t, "the restarted server is found", func() (err error) {
		key, err = direct.Save(t.Context(), visitor(), time.Hour)
		return err
	})
	w.hears(key.ID(), 1)
}

// A server that stays away ends Watch with an error: the manager then asks by itself.
func TestWatch_endsWhenTheServerStaysAway(t *testing.T) {
	t.Parallel()
	server := own(t)
	w := watch(t, newStore(t, redisstore.Config{}, server.Addr()))
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-w.done:
		if err == nil || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("Watch goes on for 30 s without a server")
	}
}

// Without RESP3 there is nothing to listen to, and the manager is told so.
func TestWatch_isUnsupportedWithoutRESP3(t *testing.T) {
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{singleAddr(t)}, DisableCache: true, AlwaysRESP2: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	st, err := redisstore.New(client, redisstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	works(t, st)
	if err := st.Watch(t.Context(), func(sojourn.ID) {}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Watch: got %v, want ErrUnsupported", err)
	}
}

// A client that caches, as rueidis does by default, tracks in another mode; Watch does not mind.
func TestWatch_besideClientSideCaching(t *testing.T) {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{singleAddr(t)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	st, err := redisstore.New(client, redisstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w := watch(t, st)
	w.hears(save(t, st, visitor()).ID(), 1)
}

// A slow listener holds nobody up; what it misses is said by the zero ID.
func TestWatch_tellsASlowListenerThatItMissed(t *testing.T) {
	t.Parallel()
	server := own(t)
	st := newStore(t, redisstore.Config{}, server.Addr())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	listens, gate, zero := make(chan bool, 1), make(chan bool), make(chan bool, 100)
	first := true
	go st.Watch(ctx, func(id sojourn.ID) {
		if first {
			first = false
			listens <- true
			<-gate
		} else if id.IsZero() {
			zero <- true
		}
	})
	<-listens
	key := save(t, st, visitor())
	for range 12 {
		var many sync.WaitGroup
		for range 400 {
			many.Go(func() {
				if err := st.Patch(ctx, key, sojourn.Patch{Generation: 1}, time.Hour); err != nil {
					t.Error(err)
				}
				if _, err := st.Save(ctx, visitor(), time.Hour); err != nil {
					t.Error(err)
				}
			})
		}
		many.Wait()
	}
	close(gate)
	select {
	case <-zero:
	case <-time.After(30 * time.Second):
		t.Error("9600 changes beside a slow listener, and no word that some were missed")
	}
}

// A primary of a Cluster dies: its replica is listened to already, so the changes after the failover are told.
func TestWatch_survivesAFailoverOfACluster(t *testing.T) {
	t.Parallel()
	c, err := enginetest.Cluster()
	enginetest.Require(t, err)
	t.Cleanup(func() { c.Close() })
	// A client that comes before all servers know the replicas learns of them only when it needs one.
	var nodes map[string]rueidis.Client
	waitFor(t, "the whole Cluster knows its replicas", func() error {
		for _, addr := range addrs(c.Nodes) {
			if nodes = connect(t, addr).Nodes(); len(nodes) != len(c.Nodes) {
				return fmt.Errorf("%s knows %d servers, want %d", addr, len(nodes), len(c.Nodes))
			}
		}
		return nil
	})
	st := newStore(t, redisstore.Config{Timeout: 30 * time.Second}, addrs(c.Nodes)...)
	w := watch(t, st)
	keys := make([]sojourn.Key, 30)
	for i := range keys {
		keys[i] = save(t, st, visitor())
	}
	// What a replica has not received by then is gone with its primary, and nobody is told of it.
	waitFor(t, "the replicas have all sessions", func() error {
		var all int64
		for _, node := range nodes {
			n, err := node.Do(t.Context(), node.B().Dbsize().Build()).AsInt64()
			if err != nil {
				return err
			}
			all += n
		}
		if want := int64(2 * len(keys)); all != want {
			return fmt.Errorf("%d keys on all servers, want %d", all, want)
		}
		return nil
	})
	if err := c.Nodes[0].Kill(); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		before := w.heard(key.ID())
		waitFor(t, "a session can be deleted", func() error { return st.Delete(t.Context(), key) })
		w.hears(key.ID(), before+1)
	}
	select {
	case err := <-w.done:
		t.Errorf("Watch ended: %v", err)
	default:
	}
}
