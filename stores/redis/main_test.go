package redisstore_test

import (
	"context"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

// The servers that tests share. Tests that stop, fill or configure a server start their own.
var (
	single = sync.OnceValues(func() (*enginetest.Server, error) {
		s, err := enginetest.Redis()
		if err == nil {
			atExit(s.Close)
		}
		return s, err
	})
	cluster = sync.OnceValues(func() (*enginetest.RedisCluster, error) {
		c, err := enginetest.Cluster()
		if err == nil {
			atExit(c.Close)
		}
		return c, err
	})
)

var exits struct {
	sync.Mutex
	all []func() error
}

func atExit(f func() error) {
	exits.Lock()
	defer exits.Unlock()
	exits.all = append(exits.all, f)
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, f := range exits.all {
		f()
	}
	os.Exit(code)
}

func singleAddr(tb testing.TB) string {
	tb.Helper()
	s, err := single()
	enginetest.Require(tb, err)
	return s.Addr()
}

func clusterAddrs(tb testing.TB) []string {
	tb.Helper()
	c, err := cluster()
	enginetest.Require(tb, err)
	return addrs(c.Nodes)
}

func addrs(servers []*enginetest.Server) []string {
	var all []string
	for _, s := range servers {
		all = append(all, s.Addr())
	}
	return all
}

// connect makes a client as an application would.
func connect(tb testing.TB, addrs ...string) rueidis.Client {
	tb.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: addrs, DisableCache: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.Close)
	return client
}

// newStore makes a store over a client of its own. The prefix keeps tests apart.
func newStore(tb testing.TB, cfg redisstore.Config, addrs ...string) *redisstore.Store {
	tb.Helper()
	st, err := redisstore.New(connect(tb, addrs...), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return st
}

// deployment is a way to run Redis. All have the same promises.
type deployment struct {
	name  string
	addrs func(testing.TB) []string
	cfg   redisstore.Config
}

var deployments = []*deployment{
	{name: "single", addrs: func(tb testing.TB) []string { return []string{singleAddr(tb)} }},
	{name: "cluster", addrs: clusterAddrs},
}

// open makes a store for a test; called again it makes one on another client.
func (d *deployment) open(tb testing.TB) sojourn.Store {
	tb.Helper()
	return d.openWith(tb, d.cfg)
}

func (d *deployment) openWith(tb testing.TB, cfg redisstore.Config) *redisstore.Store {
	tb.Helper()
	client := d.client(tb)
	st, err := redisstore.New(client, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return st
}

var shared struct {
	sync.Mutex
	clients map[string][2]rueidis.Client
	turn    int
}

func (d *deployment) client(tb testing.TB) rueidis.Client {
	tb.Helper()
	addrs := d.addrs(tb)
	shared.Lock()
	defer shared.Unlock()
	name := strings.Join(addrs, " ")
	pair, ok := shared.clients[name]
	if !ok {
		for i := range pair {
			client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: addrs, DisableCache: true})
			if err != nil {
				tb.Fatal(err)
			}
			atExit(func() error { client.Close(); return nil })
			pair[i] = client
		}
		if shared.clients == nil {
			shared.clients = make(map[string][2]rueidis.Client)
		}
		shared.clients[name] = pair
	}
	shared.turn++
	return pair[shared.turn%2]
}

// onEach runs a test on each deployment.
func onEach(t *testing.T, test func(t *testing.T, d *deployment)) {
	for _, d := range deployments {
		t.Run(d.name, func(t *testing.T) { test(t, d) })
	}
}

var start = time.Now().UTC().Truncate(time.Millisecond)

// visitor is a state of nobody's.
func visitor(pairs ...string) sojourn.State {
	return sojourn.State{
		Facts: sojourn.Facts{
			Realm: "app", Created: start, Deadline: start.Add(24 * time.Hour), Generation: 1, Digest: [32]byte{1},
		},
		Values: values(pairs...),
	}
}

// member is a state of a subject's, logged in at an instant.
func member(subject string, at time.Time, pairs ...string) sojourn.State {
	s := visitor(pairs...)
	s.Facts.Subject, s.Facts.Authenticated = subject, at
	return s
}

// values packs names and texts, given in turn.
func values(pairs ...string) sojourn.Values {
	return sojourn.CollectValues(func(yield func(name, text string) bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if !yield(pairs[i], pairs[i+1]) {
				return
			}
		}
	})
}

func save(tb testing.TB, st sojourn.Store, s sojourn.State) sojourn.Key {
	tb.Helper()
	key, err := st.Save(context.Background(), s, time.Hour)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func load(tb testing.TB, st sojourn.Store, key sojourn.Key) sojourn.State {
	tb.Helper()
	s, err := st.Load(context.Background(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func do(tb testing.TB, client rueidis.Client, words ...string) rueidis.RedisResult {
	tb.Helper()
	result := client.Do(context.Background(), client.B().Arbitrary(words[0]).Keys(words[1:2]...).Args(words[2:]...).Build())
	if err := result.Error(); err != nil && !rueidis.IsRedisNil(err) {
		tb.Fatal(err)
	}
	return result
}
