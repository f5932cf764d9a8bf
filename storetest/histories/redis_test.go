package histories_test

import (
	"os"
	"sync"
	"testing"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
	"github.com/sojourn-go/sojourn/storetest/histories"
)

// onRedis runs everything that there is, but for time: the server's clock cannot be moved. Together says that a session
// and its subject's index are on one server. Where they are not, the calls of a subject do not take effect at one moment
// each (docs/adr/0013), so their histories are not among what is promised; the hammer of stores/redis strikes there.
func onRedis(t *testing.T, together bool, addrs ...string) {
	var clients [2]rueidis.Client
	for i := range clients {
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: addrs, DisableCache: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		clients[i] = client
	}
	var mu sync.Mutex
	turn := 0
	open := func(tb testing.TB) sojourn.Store {
		mu.Lock()
		defer mu.Unlock()
		turn++
		st, err := redisstore.New(clients[turn%2], redisstore.Config{})
		if err != nil {
			tb.Fatal(err)
		}
		return st
	}
	var opts histories.Options
	if os.Getenv("SOJOURN_HISTORIES") == "" {
		opts.Histories = 50 // a round trip each
	}
	faulty := opts
	faulty.Faults = 0.1
	t.Run("sessions", func(t *testing.T) { histories.Sessions(t, open, opts) })
	t.Run("sessions_with_faults", func(t *testing.T) { histories.Sessions(t, open, faulty) })
	if together {
		t.Run("subjects", func(t *testing.T) { histories.Subjects(t, open, opts) })
		t.Run("subjects_with_faults", func(t *testing.T) { histories.Subjects(t, open, faulty) })
	}
	t.Run("sequences", func(t *testing.T) { histories.Sequences(t, open, opts) })
}

func TestRedis(t *testing.T) {
	server, err := enginetest.Redis()
	enginetest.Require(t, err)
	t.Cleanup(func() { server.Close() })
	onRedis(t, true, server.Addr())
}

func TestRedis_cluster(t *testing.T) {
	c, err := enginetest.Cluster()
	enginetest.Require(t, err)
	t.Cleanup(func() { c.Close() })
	onRedis(t, false, c.Nodes[0].Addr(), c.Nodes[1].Addr())
}
