package sojourn_test

import (
	"fmt"
	"hash/maphash"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// newcomers limits how many sessions each network begins in an hour. It takes the same room whatever comes: networks that
// share a place in begun share a limit.
type newcomers struct {
	limit int
	seed  maphash.Seed
	now   func() time.Time

	mu    sync.Mutex
	hour  time.Time
	begun [1 << 16]int
}

func newNewcomers(limit int) *newcomers {
	return &newcomers{limit: limit, seed: maphash.MakeSeed(), now: time.Now}
}

// admit wraps a handler that may begin a session. Whoever shows a live one passes, and is not counted.
func (n *newcomers) admit(next func(http.ResponseWriter, *http.Request, *sojourn.Session)) func(http.ResponseWriter, *http.Request, *sojourn.Session) {
	return func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if s.IsNew() && !n.count(network(r)) {
			w.Header().Set("Retry-After", "3600")
			http.Error(w, "Too many new visitors from your network.", http.StatusTooManyRequests)
			return
		}
		next(w, r, s)
	}
}

// count notes one more newcomer, and reports whether there is room for it.
func (n *newcomers) count(from netip.Prefix) bool {
	place := maphash.Comparable(n.seed, from) % uint64(len(n.begun))
	n.mu.Lock()
	defer n.mu.Unlock()
	if hour := n.now().Truncate(time.Hour); !hour.Equal(n.hour) {
		n.hour, n.begun = hour, [1 << 16]int{}
	}
	if n.begun[place] >= n.limit {
		return false
	}
	n.begun[place]++
	return true
}

// network is where a request comes from: an address, of IPv6 the /64 that one customer has. Behind a proxy of your own it has
// to be read from what the proxy says.
func network(r *http.Request) netip.Prefix {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Prefix{}
	}
	addr, bits := from.Addr().Unmap(), 64
	if addr.Is4() {
		bits = 32
	}
	prefix, err := addr.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}

// Visitors begin no session before a handler puts something into it, so what limits them stands before the handlers that
// do. They live shorter than those who have logged in, and give way to them when memory is short.
func ExampleConfig_visitors() {
	st := memstore.New(memstore.Config{MaxSessions: 100_000})
	m, err := sojourn.New(st, sojourn.Config{
		Lifetime: sojourn.Lifetime{Idle: 24 * time.Hour},
		Visitors: sojourn.Lifetime{Idle: time.Hour},
	})
	if err != nil {
		log.Fatal(err)
	}
	newcomers := newNewcomers(2)
	mux := http.NewServeMux()
	mux.Handle("POST /cart", m.HandlerFunc(newcomers.admit(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		fmt.Fprintf(w, "%d in the cart", visits.Update(s, func(n int) int { return n + 1 }))
	})))
	h := http.NewCrossOriginProtection().Handler(mux)

	post := func(from, cookie string) *http.Response {
		r := httptest.NewRequest("POST", "/cart", nil)
		r.RemoteAddr = from
		r.Header.Set("Cookie", cookie)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(from, w.Code, w.Body)
		return w.Result()
	}
	customer := post("192.0.2.1:1024", "").Cookies()[0]
	post("192.0.2.1:1025", "")
	post("192.0.2.1:1026", "")                               // a robot that keeps no cookie
	post("192.0.2.1:1027", customer.Name+"="+customer.Value) // who has a session is no newcomer
	post("[2001:db8::1]:1024", "")
	// Output:
	// 192.0.2.1:1024 200 1 in the cart
	// 192.0.2.1:1025 200 1 in the cart
	// 192.0.2.1:1026 429 Too many new visitors from your network.
	//
	// 192.0.2.1:1027 200 2 in the cart
	// [2001:db8::1]:1024 200 1 in the cart
}
