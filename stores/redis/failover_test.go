package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

// The limits of the manager in these tests: no request takes longer than both.
const (
	loadLimit   = time.Second
	commitLimit = 2 * time.Second
)

// site is an application under load, and what its clients saw.
type site struct {
	tb       testing.TB
	m        *sojourn.Manager
	stop     atomic.Bool
	requests atomic.Int64
	failures atomic.Int64
	removed  atomic.Int64 // cookies removed although nobody logged out

	mu        sync.Mutex
	latencies []time.Duration
	clients   []*client
	dead      []ending // sessions whose end was acknowledged
}

// client is one with a session.
type client struct {
	cookie string
	acks   []time.Time // when each value of the counter was acknowledged
	lost   []time.Time // of those, the ones that were not there later
	served time.Time   // when it was last answered well
	gap    time.Duration
	fresh  int // sessions that were gone
}

type ending struct {
	cookie string
	at     time.Time
}

const counted = sojourn.Field[int]("n")

func newSite(tb testing.TB, st sojourn.Store) *site {
	tb.Helper()
	m, err := sojourn.New(st, sojourn.Config{
		LoadTimeout: loadLimit, Timeout: commitLimit, Observe: func(context.Context, sojourn.Event) {},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return &site{tb: tb, m: m}
}

// send makes a request and returns whether it was answered well, and the cookie that the client has afterwards.
func (s *site) send(cookie string, f func(ses *sojourn.Session)) (ok bool, after string) {
	r := httptest.NewRequest("POST", "https://example.org/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := httptest.NewRecorder()
	began := time.Now()
	s.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, ses *sojourn.Session) { f(ses) }).ServeHTTP(w, r)
	took := time.Since(began)
	s.requests.Add(1)
	after = cookie
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			after = ""
		} else {
			after = c.Name + "=" + c.Value
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latencies = append(s.latencies, took)
	if ok = w.Code == http.StatusOK; !ok {
		s.failures.Add(1)
	}
	return ok, after
}

// use is one request of c, as an application gets them.
func (s *site) use(c *client) {
	n, change := -1, rand.IntN(3) == 0
	ok, cookie := s.send(c.cookie, func(ses *sojourn.Session) {
		n, _ = counted.Get(ses)
		if !ses.Has(string(counted)) {
			n = -1
		}
		if n < 0 || change {
			counted.Update(ses, func(n int) int { return n + 1 })
		}
	})
	if c.cookie != "" && cookie == "" {
		s.removed.Add(1)
	}
	c.cookie = cookie
	if !ok {
		return
	}
	now := time.Now()
	if !c.served.IsZero() {
		c.gap = max(c.gap, now.Sub(c.served))
	}
	c.served = now
	if n < 0 {
		if len(c.acks) > 0 {
			c.fresh++
		}
		n = 0
		change = true
	}
	if n < len(c.acks) { // values that were acknowledged are not there
		c.lost = append(c.lost, c.acks[n:]...)
		c.acks = c.acks[:n]
	}
	for len(c.acks) < n { // a change that was answered with an error, and made
		c.acks = append(c.acks, now)
	}
	if change {
		c.acks = append(c.acks, now)
	}
}

// leave makes a session and ends it.
func (s *site) leave() {
	ok, cookie := s.send("", func(ses *sojourn.Session) { ses.Login(sojourn.NewID().String()) })
	if !ok {
		return
	}
	if ok, _ := s.send(cookie, func(ses *sojourn.Session) { ses.Logout() }); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dead = append(s.dead, ending{cookie, time.Now()})
	}
}

// load has so many clients make requests until stop.
func (s *site) load(n int) (wait func()) {
	var all sync.WaitGroup
	for range n {
		c := new(client)
		s.clients = append(s.clients, c)
		all.Go(func() {
			for !s.stop.Load() {
				if rand.IntN(12) == 0 {
					s.leave()
				} else {
					s.use(c)
				}
			}
		})
	}
	return all.Wait
}

// judge says what became of everybody after the primary was killed.
func (s *site) judge(t *testing.T, killed time.Time) {
	t.Helper()
	failures := s.failures.Load()
	lost, fresh, gap, oldest := 0, 0, time.Duration(0), time.Duration(0)
	for _, c := range s.clients {
		s.use(c) // to see what is there
		if s.failures.Load() > failures {
			t.Errorf("a session does not work after the failover")
			failures = s.failures.Load()
		}
		lost, fresh, gap = lost+len(c.lost), fresh+c.fresh, max(gap, c.gap)
		for _, at := range c.lost {
			oldest = max(oldest, killed.Sub(at))
		}
	}
	back, backOldest := 0, time.Duration(0)
	for _, e := range s.dead {
		there := false
		ok, _ := s.send(e.cookie, func(ses *sojourn.Session) { there = ses.Subject() != "" })
		if !ok {
			t.Error("a dead session's cookie is answered with an error")
		}
		if there {
			back, backOldest = back+1, max(backOldest, killed.Sub(e.at))
		}
	}
	slices.Sort(s.latencies)
	p99 := s.latencies[len(s.latencies)*99/100]
	t.Logf("%d requests, %d errors, at most %.1f s without service for a client, p99 %v, slowest %v; %d acknowledged changes lost (%d sessions), the oldest %v before the kill; %d of %d ended sessions back, the oldest end %v before it; %d cookies removed",
		s.requests.Load(), failures, gap.Seconds(), p99.Round(time.Millisecond), s.latencies[len(s.latencies)-1].Round(time.Millisecond),
		lost, fresh, oldest.Round(time.Millisecond), back, len(s.dead), backOldest.Round(time.Millisecond), s.removed.Load())
	const slow = 500 * time.Millisecond // the machine has other things to do
	if limit := loadLimit + commitLimit + slow; p99 > limit {
		t.Errorf("p99 is %v, the limits are %v and %v", p99, loadLimit, commitLimit)
	}
	if n := s.removed.Load(); n != 0 {
		t.Errorf("%d cookies were removed because of an outage", n)
	}
	if gap > 20*time.Second {
		t.Errorf("a client was without service for %v", gap)
	}
	// What can be lost is what the replica did not have: it follows by milliseconds.
	if oldest > time.Second || backOldest > time.Second {
		t.Errorf("what was acknowledged %v before the kill was lost, or an end of %v before", oldest, backOldest)
	}
	if len(s.dead) == 0 || s.failures.Load() == 0 {
		t.Errorf("%d ends and %d errors: the test tests little", len(s.dead), s.failures.Load())
	}
}

const clientsUnderLoad = 16

func TestFailover_ofSentinel(t *testing.T) {
	t.Parallel()
	g, err := enginetest.Sentinel()
	enginetest.Require(t, err)
	t.Cleanup(func() { g.Close() })
	st := opened(t, sentinelURL(g), redisstore.Config{})
	s := newSite(t, st)
	wait := s.load(clientsUnderLoad)
	time.Sleep(time.Second)
	killed := time.Now()
	if err := g.Nodes[0].Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the replica is the primary", func() error {
		_, err := st.Save(t.Context(), visitor(), time.Hour)
		return err
	})
	time.Sleep(time.Second)
	s.stop.Store(true)
	wait()
	s.judge(t, killed)
}

func sentinelURL(g *enginetest.SentinelGroup) string {
	sentinels := addrs(g.Sentinels)
	return fmt.Sprintf("redis://%s?sentinel=%s&addr=%s", sentinels[0], g.Name, strings.Join(sentinels[1:], "&addr="))
}

func TestFailover_ofCluster(t *testing.T) {
	t.Parallel()
	c, err := enginetest.Cluster()
	enginetest.Require(t, err)
	t.Cleanup(func() { c.Close() })
	st := opened(t, "redis://"+c.Nodes[1].Addr()+"?addr="+c.Nodes[2].Addr(), redisstore.Config{})
	s := newSite(t, st)
	wait := s.load(clientsUnderLoad)
	time.Sleep(time.Second)
	killed := time.Now()
	if err := c.Nodes[0].Kill(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "all slots are served", func() error {
		for range 30 { // in as many slots
			if _, err := st.Save(t.Context(), visitor(), time.Hour); err != nil {
				return err
			}
		}
		return nil
	})
	time.Sleep(time.Second)
	s.stop.Store(true)
	wait()
	s.judge(t, killed)
}

// What the page says of a failover: an end that no replica has can be undone by it; with Config.Replicas the caller is
// told that it may be.
func TestDelete_thatNoReplicaHas(t *testing.T) {
	t.Parallel()
	for _, replicas := range []int{0, 1} {
		t.Run(fmt.Sprintf("Replicas=%d", replicas), func(t *testing.T) {
			t.Parallel()
			g, err := enginetest.Sentinel()
			enginetest.Require(t, err)
			t.Cleanup(func() { g.Close() })
			st := opened(t, sentinelURL(g), redisstore.Config{Replicas: replicas, ReplicaTimeout: 200 * time.Millisecond})
			early, late := save(t, st, visitor()), save(t, st, visitor())
			if err := st.Delete(t.Context(), early); err != nil {
				t.Fatalf("Delete with a replica that follows: %v", err)
			}
			time.Sleep(200 * time.Millisecond) // for the replica, where nobody waited for it
			// A replica that is cut off and cannot come back.
			primary := connect(t, g.Nodes[0].Addr())
			for _, result := range primary.DoMulti(t.Context(), // on one connection: no new one is let in
				primary.B().Arbitrary("CONFIG", "SET", "requirepass", "secret").Build(),
				primary.B().Arbitrary("CLIENT", "KILL", "TYPE", "replica").Build()) {
				if err := result.Error(); err != nil {
					t.Fatal(err)
				}
			}
			err = st.Delete(t.Context(), late)
			if replicas == 0 && err != nil || replicas == 1 && !errors.Is(err, redisstore.ErrReplicas) {
				t.Errorf("Delete without a replica: got %v", err)
			}
			if err := g.Nodes[0].Kill(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the replica is the primary", func() error {
				_, err := st.Save(t.Context(), visitor(), time.Hour)
				return err
			})
			if _, err := st.Load(t.Context(), early); !errors.Is(err, sojourn.ErrNotFound) {
				t.Errorf("a session whose end the replica had is back: %v", err)
			}
			// In this case the loss is certain; had it not come, the page would promise too little.
			if _, err := st.Load(t.Context(), late); err != nil {
				t.Errorf("a session whose end no replica had: %v", err)
			}
		})
	}
}
