package redisstore_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

// mover moves slots from one primary of a Cluster to the next, as redis-cli --cluster reshard does.
type mover struct {
	tb    testing.TB
	nodes []rueidis.Client // the primaries
	ids   []string
	addrs []string
}

func newMover(tb testing.TB, c *enginetest.RedisCluster) *mover {
	tb.Helper()
	m := &mover{tb: tb}
	for _, node := range c.Nodes[:3] {
		client := connectNode(tb, node.Addr())
		id, err := client.Do(context.Background(), client.B().ClusterMyid().Build()).ToString()
		if err != nil {
			tb.Fatal(err)
		}
		m.nodes, m.ids, m.addrs = append(m.nodes, client), append(m.ids, id), append(m.addrs, node.Addr())
	}
	return m
}

func (m *mover) do(node int, words ...string) rueidis.RedisResult {
	client := m.nodes[node]
	result := client.Do(context.Background(), client.B().Arbitrary(words...).Build())
	if err := result.Error(); err != nil {
		m.tb.Errorf("%v: %v", words[:2], err)
	}
	return result
}

// move moves a slot, key by key, with a moment between.
func (m *mover) move(slot string, from, to int) (keys int) {
	m.do(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", m.ids[from])
	m.do(from, "CLUSTER", "SETSLOT", slot, "MIGRATING", m.ids[to])
	for {
		time.Sleep(2 * time.Millisecond)
		found, _ := m.do(from, "CLUSTER", "GETKEYSINSLOT", slot, "1").AsStrSlice()
		if len(found) == 0 {
			break
		}
		host, port, _ := strings.Cut(m.addrs[to], ":")
		m.do(from, "MIGRATE", host, port, found[0], "0", "5000")
		keys++
	}
	for _, node := range []int{to, from, 3 - from - to} {
		m.do(node, "CLUSTER", "SETSLOT", slot, "NODE", m.ids[to])
	}
	return keys
}

// slots are the slots of one server that have keys that match, at most so many.
func (m *mover) slots(node int, pattern string, most int) (all []string) {
	keys, _ := m.do(node, "KEYS", pattern).AsStrSlice()
	for _, key := range keys {
		if len(all) == most {
			break
		}
		slot, err := m.do(node, "CLUSTER", "KEYSLOT", key).AsInt64()
		if err != nil {
			m.tb.Error(err)
		}
		all = append(all, fmt.Sprint(slot))
	}
	return all
}

// The same while slots move, those of the index before all: nothing survives, nothing is an orphan, and no call fails.
func TestHammer_whileSlotsMove(t *testing.T) {
	t.Parallel()
	c, err := enginetest.Cluster()
	enginetest.Require(t, err)
	t.Cleanup(func() { c.Close() })
	d := &deployment{name: "moving", addrs: func(testing.TB) []string { return addrs(c.Nodes) }}
	m := newMover(t, c)
	var stop atomic.Bool
	var moves, keys int
	var moving sync.WaitGroup
	var one sync.Mutex // a slot is moving
	moving.Go(func() {
		for from := 0; !stop.Load(); from = (from + 1) % 3 {
			to := (from + 1) % 3
			slots := append(m.slots(from, "hammer-moving:u:*", 4), m.slots(from, "hammer-moving:s:*", 8)...)
			slices.Sort(slots) // two keys may have one
			for _, slot := range slices.Compact(slots) {
				one.Lock()
				keys += m.move(slot, from, to)
				one.Unlock()
				moves++
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	h := hammer{still: func() func() {
		one.Lock()
		waitFor(t, "the whole Cluster knows where the slots are", m.agree)
		return one.Unlock
	}}
	for range rounds(t, 4) {
		h.round(t, d, 0.25)
		h.round(t, d, 0)
		if t.Failed() {
			break
		}
	}
	stop.Store(true)
	moving.Wait()
	t.Logf("%d slots with %d keys moved during %d rounds, %d calls, %d commands lost, late or without an answer: %d survivors, %d orphans",
		moves, keys, h.rounds, h.calls.Load(), h.crashes, h.survivors, h.orphans)
	if keys < 10 {
		t.Errorf("only %d keys were moved: the test tests little", keys)
	}
}

// A page of a listing that began before slots were moved begins anew: no session is missed.
func TestList_beginsAnewWhenSlotsHaveMoved(t *testing.T) {
	t.Parallel()
	c, err := enginetest.Cluster()
	enginetest.Require(t, err)
	t.Cleanup(func() { c.Close() })
	st := newStore(t, redisstore.Config{}, addrs(c.Nodes)...)
	want := make(map[sojourn.ID]bool)
	for range 60 {
		want[save(t, st, visitor()).ID()] = true
	}
	m := newMover(t, c)
	moved, cursor := false, ""
	for pages := 0; ; pages++ {
		page, next, err := st.List(t.Context(), cursor, 5)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			delete(want, e.ID)
		}
		if !moved && pages == 4 {
			// Sessions that were not reached yet go to a server that was.
			for from := range 3 {
				for _, slot := range m.slots(from, "sojourn:s:*", 6) {
					m.move(slot, from, (from+2)%3)
				}
			}
			moved = true
			waitFor(t, "the whole Cluster knows", m.agree)
		}
		if cursor = next; next == "" {
			break
		}
		if pages > 200 {
			t.Fatal("the listing does not end")
		}
	}
	for id := range want {
		t.Errorf("session %v was not listed", id)
	}
}

// agree reports whether all primaries see the same slots.
func (m *mover) agree() error {
	var views []string
	for _, client := range m.nodes {
		message, err := client.Do(context.Background(), client.B().ClusterSlots().Build()).ToMessage()
		if err != nil {
			return err
		}
		views = append(views, message.String())
	}
	if views[0] != views[1] || views[1] != views[2] {
		return fmt.Errorf("%d different views", len(views))
	}
	return nil
}
