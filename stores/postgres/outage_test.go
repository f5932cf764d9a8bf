package postgresstore_test

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
	"github.com/sojourn-go/sojourn/enginetest"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
	"github.com/sojourn-go/sojourn/storetest"
)

// ownServer starts a server for a test that stops it.
func ownServer(t *testing.T, settings ...string) *enginetest.Server {
	t.Helper()
	s, err := enginetest.Postgres(settings...)
	enginetest.Require(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// crowd works on sessions of its own while the server fails, and knows what was acknowledged.
type crowd struct {
	st       *postgresstore.Store
	stop     atomic.Bool
	ok, lost atomic.Int64
	clients  []*crowdClient
	wg       sync.WaitGroup
}

// crowdClient has sessions that count and sessions that were ended.
type crowdClient struct {
	key     sojourn.Key // a counter
	n       int         // acknowledged increments
	tried   int         // increments whose end is not known
	subject string
	dead    []sojourn.Key // ended, acknowledged
	alive   []sojourn.Key // saved, acknowledged, not ended
}

func newCrowd(t *testing.T, st *postgresstore.Store, clients int) *crowd {
	c := &crowd{st: st}
	for i := range clients {
		client := &crowdClient{key: save(t, st, visitor("n", "0")), subject: fmt.Sprint("user", i)}
		c.clients = append(c.clients, client)
		c.wg.Go(func() {
			for !c.stop.Load() {
				c.turn(client)
			}
		})
	}
	return c
}

// turn makes one increment, one login and one logout, in any of which the server may fail.
func (c *crowd) turn(client *crowdClient) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	count := func(err error) bool {
		if err == nil {
			c.ok.Add(1)
			return true
		}
		c.lost.Add(1)
		time.Sleep(time.Millisecond)
		return false
	}
	if s, err := c.st.Load(ctx, client.key); count(err) {
		n, _ := strconv.Atoi(s.Values.Get("n"))
		err = c.st.Patch(ctx, client.key, sojourn.Patch{Expect: values("n", strconv.Itoa(n)), Set: values("n", strconv.Itoa(n+1))}, time.Hour)
		if count(err) {
			client.n++
		} else {
			client.tried++
		}
	}
	key, err := c.st.Save(ctx, member(client.subject, time.Now().Add(time.Hour)), time.Hour)
	if !count(err) {
		return
	}
	client.alive = append(client.alive, key)
	if len(client.alive) > 3 {
		end := client.alive[0]
		client.alive = client.alive[1:]
		if count(c.st.Delete(ctx, end)) {
			client.dead = append(client.dead, end)
		}
	}
}

// check ends the crowd and looks whether all that was acknowledged is true, and all sessions work.
func (c *crowd) check(t *testing.T) {
	t.Helper()
	c.stop.Store(true)
	c.wg.Wait()
	ctx, dead, alive := t.Context(), 0, 0
	for _, client := range c.clients {
		n, err := strconv.Atoi(load(t, c.st, client.key).Values.Get("n"))
		if err != nil || n < client.n || n > client.n+client.tried {
			t.Errorf("a counter is %d, want %d acknowledged and at most %d more", n, client.n, client.tried)
		}
		if err := increment(ctx, c.st, client.key); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		for _, key := range client.dead {
			dead++
			if _, err := c.st.Load(ctx, key); !errors.Is(err, sojourn.ErrNotFound) {
				t.Errorf("an ended session: %v", err)
			}
		}
		for _, key := range client.alive {
			alive++
			if s, err := c.st.Load(ctx, key); err != nil || s.Facts.Subject != client.subject {
				t.Errorf("a saved session: %v", err)
			}
		}
	}
	t.Logf("%d calls acknowledged, %d failed; %d sessions ended, %d alive", c.ok.Load(), c.lost.Load(), dead, alive)
	if c.ok.Load() == 0 || dead == 0 {
		t.Error("nothing was tried")
	}
}

// goOn waits until so many more calls were acknowledged.
func (c *crowd) goOn(t *testing.T, calls int64) {
	t.Helper()
	until := c.ok.Load() + calls
	for range 6000 {
		if c.ok.Load() >= until {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("the calls do not go on")
}

// A server that is restarted, in good order or not, loses nothing that was acknowledged, and all goes on afterwards.
func TestRestartUnderLoad_losesNothingAcknowledged(t *testing.T) {
	s := ownServer(t)
	st := openAt(t, newPool(t, url(s.Addr(), "pool_max_conns=8&connect_timeout=5")), postgresstore.Config{})
	c := newCrowd(t, st, 12)
	for _, end := range []func() error{s.Stop, s.Kill, s.Kill} {
		c.goOn(t, 300)
		if err := end(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
	c.goOn(t, 300)
	c.check(t)
	if c.lost.Load() == 0 {
		t.Error("no call failed")
	}
}

func TestKilledConnectionsUnderLoad_loseNothingAcknowledged(t *testing.T) {
	s, err := server()
	enginetest.Require(t, err)
	name := table()
	pool := newPool(t, url(s.Addr(), "pool_max_conns=8&application_name="+name))
	c := newCrowd(t, openAt(t, pool, postgresstore.Config{Table: name}), 12)
	killed := 0
	for range 30 {
		c.goOn(t, 20)
		killed += ask[int](t, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1%s", "", name)
	}
	c.goOn(t, 100)
	c.check(t)
	t.Logf("%d connections were killed", killed)
	if killed < 30 {
		t.Errorf("only %d connections were killed", killed)
	}
}

// A server that hangs keeps nobody longer than its context.
func TestHungServer_keepsNobodyLongerThanItsContext(t *testing.T) {
	s, err := server()
	enginetest.Require(t, err)
	proxy := storetest.NewProxy(t, "tcp", s.Addr())
	st := openAt(t, newPool(t, url(proxy.Addr(), "sslmode=disable&pool_max_conns=4")), postgresstore.Config{Table: table()})
	key := save(t, st, member("ada", start))
	state := load(t, st, key)
	proxy.Stall()
	calls := everything(st, key, state)
	for op, call := range calls { // one after the other: the pool's connections are used up, and new ones hang too
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		began := time.Now()
		err := call(ctx)
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want context.DeadlineExceeded", op, err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s: took %v", op, took)
		}
	}
	proxy.Resume()
	other := save(t, st, visitor("n", "0"))
	if err := increment(t.Context(), st, other); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A role with synchronous_commit = off may lose its last patches when the server crashes, and never a logout: its end is on
// the disk before it is acknowledged. Without the first half the second would prove nothing.
func TestAsynchronousCommit_losesNoEnd(t *testing.T) {
	s := ownServer(t, "synchronous_commit = off", "wal_writer_delay = 10s", "wal_writer_flush_after = 0", "checkpoint_timeout = 1h")
	pool := newPool(t, url(s.Addr(), "pool_max_conns=2"))
	st := openAt(t, pool, postgresstore.Config{})
	ctx, lost := t.Context(), false
	end := map[string]func(sojourn.Key) error{
		"Delete":        func(key sojourn.Key) error { return st.Delete(ctx, key) },
		"DeleteSubject": func(sojourn.Key) error { _, err := st.DeleteSubject(ctx, "app", "ada", sojourn.ID{}); return err },
		"TrimSubject":   func(sojourn.Key) error { _, err := st.TrimSubject(ctx, "app", "ada", 0, sojourn.ID{}); return err },
		"Update": func(key sojourn.Key) error {
			state := load(t, st, key)
			state.Facts.Digest, state.Facts.Generation = [32]byte{9}, 2
			_, err := st.Update(ctx, key, state, time.Hour)
			return err
		},
		"Patch": func(key sojourn.Key) error {
			return st.Patch(ctx, key, sojourn.Patch{Generation: 1, Set: values("n", "1")}, time.Hour)
		},
	}
	for op, call := range end {
		for range 3 {
			key := save(t, st, member("ada", time.Now().Add(time.Hour)))
			if _, err := pool.Exec(ctx, "CHECKPOINT"); err != nil {
				t.Fatal(err)
			}
			if err := call(key); err != nil {
				t.Fatalf("%s: %v", op, err)
			}
			if err := errors.Join(s.Kill(), s.Start()); err != nil {
				t.Fatal(err)
			}
			got, err := st.Load(ctx, key)
			kept := errors.Is(err, sojourn.ErrNotFound) || err == nil && (got.Facts.Generation == 2 || got.Values.Get("n") == "1")
			if op != "Patch" {
				if !kept {
					t.Errorf("%s was acknowledged and lost", op)
				}
				break
			}
			if !kept {
				lost = true
				break
			}
		}
	}
	if !lost {
		t.Error("no patch was lost: that no end was proves nothing")
	}
}
