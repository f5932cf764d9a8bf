// Package redis measures sessions in Redis side by side with scs over goredisstore: in one process, against one server, in
// turn, so that the ratios mean something on any machine.
package redis

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/v2"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

// clients is how many make requests at once.
const clients = 64

var server = sync.OnceValues(func() (*enginetest.Server, error) { return enginetest.Redis() })

func TestMain(m *testing.M) {
	code := m.Run()
	if s, err := server(); err == nil {
		s.Close()
	}
	os.Exit(code)
}

func addr(tb testing.TB) string {
	tb.Helper()
	s, err := server()
	enginetest.Require(tb, err)
	return s.Addr()
}

// What each session holds: about 300 bytes of JSON.
const counter = "visits"

func contents() map[string]string {
	return map[string]string{
		"user_name": "Ada Lovelace", "locale": "en-GB", "theme": "dark", "csrf": strings.Repeat("c", 43),
		"return_to": "/shop/orders/2026/11?page=2", "cart": strings.Repeat("item-42,", 16),
	}
}

// library is one library with an application on it. Each handler is one workload.
type library struct {
	name string
	do   map[string]http.Handler
}

func ours(tb testing.TB) library {
	tb.Helper()
	st, err := redisstore.Open(tb.Context(), "redis://"+addr(tb), redisstore.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { st.Close() })
	manager := func(cfg sojourn.Config) *sojourn.Manager {
		cfg.Realm = "bench"
		m, err := sojourn.New(st, cfg)
		if err != nil {
			tb.Fatal(err)
		}
		return m
	}
	visits := sojourn.Field[int](counter)
	fill := func(s *sojourn.Session) {
		for name, value := range contents() {
			s.Set(name, value)
		}
		visits.Set(s, 1)
	}
	read := func(m *sojourn.Manager) http.Handler {
		return m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
			if n, ok := visits.Get(s); !ok || n < 1 {
				fill(s)
			}
		})
	}
	fixed := manager(sojourn.Config{Extend: sojourn.ExtendOnChange})
	var extended atomic.Int64
	return library{"sojourn", map[string]http.Handler{
		"read": read(fixed),
		"read and change": fixed.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
			if n, ok := visits.Get(s); ok {
				visits.Set(s, n+1)
			} else {
				fill(s)
			}
		}),
		"sliding": read(manager(sojourn.Config{})),
		// The manager extends when a fifth of the idle timeout is used up; scs always does. This is what that would cost.
		"sliding, extended each time": fixed.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			if n, ok := visits.Get(s); !ok || n < 1 {
				fill(s)
				return
			}
			ttl := 25*time.Hour + time.Duration(extended.Add(1))*time.Millisecond
			if err := st.UpdateTTL(r.Context(), s.ID().Key(), ttl); err != nil {
				panic(err)
			}
		}),
	}}
}

func scsLibrary(tb testing.TB) library {
	tb.Helper()
	client := goredis.NewClient(&goredis.Options{Addr: addr(tb), PoolSize: clients})
	tb.Cleanup(func() { client.Close() })
	manager := func(idle time.Duration) *scs.SessionManager {
		m := scs.New()
		m.Store, m.IdleTimeout, m.Lifetime = goredisstore.New(client), idle, 7*24*time.Hour
		return m
	}
	handler := func(m *scs.SessionManager, change bool) http.Handler {
		return m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			n := m.GetInt(r.Context(), counter)
			if n < 1 {
				for name, value := range contents() {
					m.Put(r.Context(), name, value)
				}
			}
			if n < 1 || change {
				m.Put(r.Context(), counter, n+1)
			}
		}))
	}
	fixed, idle := manager(0), manager(24*time.Hour)
	return library{"scs", map[string]http.Handler{
		"read": handler(fixed, false), "read and change": handler(fixed, true), "sliding": handler(idle, false),
		"sliding, extended each time": handler(idle, false),
	}}
}

// writer is a ResponseWriter that costs nothing.
type writer struct{ header http.Header }

func (w *writer) Header() http.Header         { return w.header }
func (w *writer) Write(b []byte) (int, error) { return len(b), nil }
func (w *writer) WriteHeader(int)             {}

// visitor is one client with its session.
type visitor struct {
	h      http.Handler
	cookie string
}

func (v *visitor) send(tb testing.TB) {
	r, err := http.NewRequest("POST", "https://example.org/", nil)
	if err != nil {
		tb.Fatal(err)
	}
	if v.cookie != "" {
		r.Header.Set("Cookie", v.cookie)
	}
	w := &writer{make(http.Header)}
	v.h.ServeHTTP(w, r)
	if set := w.header.Get("Set-Cookie"); set != "" {
		v.cookie, _, _ = strings.Cut(set, ";")
	}
}

func crowd(tb testing.TB, h http.Handler) []*visitor {
	tb.Helper()
	all := make([]*visitor, clients)
	for i := range all {
		all[i] = &visitor{h: h}
		all[i].send(tb)
		if all[i].cookie == "" {
			tb.Fatal("no session began")
		}
	}
	return all
}

var workloads = []string{"read", "read and change", "sliding", "sliding, extended each time"}

// BenchmarkRequests is a request of one of 64 clients at a time.
func BenchmarkRequests(b *testing.B) {
	for _, workload := range workloads {
		for _, l := range []library{ours(b), scsLibrary(b)} {
			b.Run(workload+"/"+l.name, func(b *testing.B) {
				all := crowd(b, l.do[workload])
				b.ReportAllocs()
				var left atomic.Int64
				left.Store(int64(b.N))
				b.ResetTimer()
				run(all, func(v *visitor) bool {
					if left.Add(-1) < 0 {
						return false
					}
					v.send(b)
					return true
				})
			})
		}
	}
}

// run has all send until they may not any more.
func run(all []*visitor, send func(*visitor) bool) {
	var wg sync.WaitGroup
	for _, v := range all {
		wg.Go(func() {
			for send(v) {
			}
		})
	}
	wg.Wait()
}

// TestRatios measures both in turn, several times, and prints the medians: requests per second, and the processor time that
// a request takes here and in the server, which says what requests per second would be on a machine that has nothing else
// to do. It fails for no figure: those are for readers.
func TestRatios(t *testing.T) {
	rounds, span := 1, 50*time.Millisecond
	if os.Getenv("SOJOURN_BENCH") != "" {
		rounds, span = 9, time.Second
	}
	for _, workload := range workloads {
		both := []library{ours(t), scsLibrary(t)}
		crowds := [2][]*visitor{crowd(t, both[0].do[workload]), crowd(t, both[1].do[workload])}
		var costs [2][]cost
		var bySpeed, byTime []float64
		for range rounds {
			var now [2]cost
			for i := range both {
				now[i] = measure(t, crowds[i], span)
				costs[i] = append(costs[i], now[i])
			}
			bySpeed = append(bySpeed, now[0].rate/now[1].rate)
			byTime = append(byTime, (now[1].here+now[1].server)/(now[0].here+now[0].server))
		}
		for i, l := range both {
			t.Logf("%s, %d clients: %s %.0f requests/s, %.1f µs of processor time each here and %.1f in the server", workload, clients, l.name,
				of(costs[i], func(c cost) float64 { return c.rate }), of(costs[i], func(c cost) float64 { return c.here }),
				of(costs[i], func(c cost) float64 { return c.server }))
		}
		t.Logf("%s: %.2f times the requests per second (%.2f to %.2f in %d rounds), %.2f times by processor time (%.2f to %.2f)", workload,
			median(bySpeed), slices.Min(bySpeed), slices.Max(bySpeed), rounds, median(byTime), slices.Min(byTime), slices.Max(byTime))
	}
}

// cost is that of requests: how many a second, and microseconds of processor time each.
type cost struct{ rate, here, server float64 }

func measure(t *testing.T, all []*visitor, span time.Duration) cost {
	hereBefore, serverBefore := processorTime(t)
	began := time.Now()
	end := began.Add(span)
	var n atomic.Int64
	run(all, func(v *visitor) bool {
		v.send(t)
		n.Add(1)
		return time.Now().Before(end)
	})
	took := time.Since(began)
	here, server := processorTime(t)
	count := float64(n.Load())
	return cost{count / took.Seconds(), (here - hereBefore) / count * 1e6, (server - serverBefore) / count * 1e6}
}

// processorTime is what this process and the server have used up, in seconds.
func processorTime(t *testing.T) (here, server float64) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	here = float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
	client := goredis.NewClient(&goredis.Options{Addr: addr(t)})
	defer client.Close()
	text, err := client.Info(context.Background(), "cpu").Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		var f float64
		for _, name := range []string{"used_cpu_sys", "used_cpu_user"} {
			if n, _ := fmt.Sscanf(line, name+":%g", &f); n == 1 {
				server += f
			}
		}
	}
	return here, server
}

func of(costs []cost, field func(cost) float64) float64 {
	var all []float64
	for _, c := range costs {
		all = append(all, field(c))
	}
	return median(all)
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// TestBytesPerSession compares what a session takes in the server's memory, key and all, with a plain SET of the same
// values as one JSON object, under a key of the same length.
func TestBytesPerSession(t *testing.T) {
	s, err := enginetest.Redis()
	enginetest.Require(t, err)
	t.Cleanup(func() { s.Close() })
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Addr()}, DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	st, err := redisstore.New(client, redisstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, values := range []int{5, 40} {
		state := sojourn.State{Values: sojourn.CollectValues(func(yield func(string, string) bool) {
			for i := range values {
				if !yield(fmt.Sprintf("name_%02d", i), fmt.Sprintf(`"%s"`, strings.Repeat("v", 50))) {
					return
				}
			}
		})}
		now := time.Now()
		state.Facts = sojourn.Facts{
			Realm: "id", Created: now, Renewed: now, Deadline: now.Add(7 * 24 * time.Hour), Generation: 1, Digest: [32]byte{1},
		}
		json, err := state.Values.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		const n = 5000
		plain := grows(t, client, func() {
			for range n {
				key := "sojourn:s:" + sojourn.NewID().String()
				if err := client.Do(t.Context(), client.B().Set().Key(key).Value(string(json)).Px(time.Hour).Build()).Error(); err != nil {
					t.Fatal(err)
				}
			}
		}) / n
		save := func() {
			for range n {
				if _, err := st.Save(t.Context(), state, time.Hour); err != nil {
					t.Fatal(err)
				}
			}
		}
		visitors := grows(t, client, save) / n
		state.Facts.Subject, state.Facts.Authenticated, state.Facts.Previous = "user-0000042", now, [32]byte{2}
		state.Facts.Label = "Firefox on Linux"
		members := grows(t, client, func() {
			for i := range n { // three sessions each
				state.Facts.Subject = fmt.Sprintf("user-%07d", i/3)
				if _, err := st.Save(t.Context(), state, time.Hour); err != nil {
					t.Fatal(err)
				}
			}
		}) / n
		t.Logf("%d values, %d bytes of JSON: plain SET %d bytes; a visitor's session %d (%.2f times), a login's %d with its part of the index (%.2f times)",
			values, len(json), plain, visitors, float64(visitors)/float64(plain), members, float64(members)/float64(plain))
		if members > 2*plain+600 {
			t.Errorf("a session takes %d bytes, a plain SET %d", members, plain)
		}
	}
}

// grows says by how much f makes the server's data grow.
func grows(t *testing.T, client rueidis.Client, f func()) int64 {
	t.Helper()
	used := func() (n int64) {
		text, err := client.Do(context.Background(), client.B().Info().Section("memory").Build()).ToString()
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(text) {
			fmt.Sscanf(line, "used_memory_dataset:%d", &n)
		}
		return n
	}
	// The keys' table is no part of the dataset; its share is the same for all.
	before := used()
	f()
	return used() - before
}
