package redisstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn/enginetest"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

func TestCheck_reportsWhatTheStoreCannotLiveWith(t *testing.T) {
	server := own(t)
	st, direct := newStore(t, redisstore.Config{}, server.Addr()), connect(t, server.Addr())
	if err := st.Check(t.Context()); err != nil {
		t.Fatalf("Check of a good server: %v", err)
	}
	for _, policy := range []string{
		"allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl", "noeviction",
	} {
		do(t, direct, "CONFIG", "SET", "maxmemory-policy", policy)
		for _, memory := range []string{"0", "100mb"} {
			do(t, direct, "CONFIG", "SET", "maxmemory", memory)
			err := st.Check(t.Context())
			var wrong *redisstore.ServerError
			if want := memory != "0" && policy != "noeviction"; errors.As(err, &wrong) != want {
				t.Errorf("maxmemory %s, policy %s: got %v", memory, policy, err)
			} else if want && (!strings.Contains(err.Error(), policy) || wrong.Addr != server.Addr()) {
				t.Errorf("the error names neither the policy nor the server: %v", err)
			}
		}
	}
}

func TestCheck_looksAtEachServerOfACluster(t *testing.T) {
	t.Parallel()
	c, err := enginetest.Cluster()
	enginetest.Require(t, err)
	t.Cleanup(func() { c.Close() })
	st := newStore(t, redisstore.Config{}, addrs(c.Nodes)...)
	if err := st.Check(t.Context()); err != nil {
		t.Fatalf("Check of a good Cluster: %v", err)
	}
	do(t, connectNode(t, c.Nodes[1].Addr()), "CONFIG", "SET", "maxmemory", "100mb")
	do(t, connectNode(t, c.Nodes[1].Addr()), "CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
	var wrong *redisstore.ServerError
	if err := st.Check(t.Context()); !errors.As(err, &wrong) || wrong.Addr != c.Nodes[1].Addr() {
		t.Errorf("got %v, want the server %s", err, c.Nodes[1].Addr())
	}
}

// connectNode talks to one server of a Cluster, whatever is in which slot.
func connectNode(tb testing.TB, addr string) rueidis.Client {
	tb.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, DisableCache: true, ForceSingleClient: true})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.Close)
	return client
}

func TestCheck_refusesReplicas(t *testing.T) {
	t.Parallel()
	g, err := enginetest.Sentinel()
	enginetest.Require(t, err)
	t.Cleanup(func() { g.Close() })
	replica := newStore(t, redisstore.Config{}, g.Nodes[1].Addr())
	if err := replica.Check(t.Context()); err == nil {
		t.Error("a client of a replica: got no error")
	}
	reads, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{g.Nodes[0].Addr()}, DisableCache: true,
		Standalone:     rueidis.StandaloneOption{ReplicaAddress: []string{g.Nodes[1].Addr()}},
		SendToReplicas: func(cmd rueidis.Completed) bool { return cmd.IsReadOnly() },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reads.Close)
	st, err := redisstore.New(reads, redisstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Check(t.Context()); err == nil || !strings.Contains(fmt.Sprint(err), "replica") {
		t.Errorf("a client that reads from replicas: got %v", err)
	}
}
