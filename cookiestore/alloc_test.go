package cookiestore_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
)

// lightWriter is a ResponseWriter that costs nothing itself.
type lightWriter struct{ header http.Header }

func (w *lightWriter) Header() http.Header         { return w.header }
func (w *lightWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *lightWriter) WriteHeader(int)             {}

const name = sojourn.Field[string]("name")

// What a request costs in allocations through the whole middleware, to read one value: two of the manager; at a cookie's
// first time two of AES-GCM under the key of the message, and one of the values; at its second two more, to remember it;
// and from then on none of the store's.
func TestAllocations_ofARead(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	const runs = 300
	for _, irrevocable := range []bool{false, true} {
		a := newApp(t, newStore(t, memoryConfig(irrevocable)), sojourn.Config{})
		var requests []*http.Request
		for range runs + 1 { // the first one of AllocsPerRun warms up
			c := &client{}
			c.do(a, func(s *sojourn.Session) { s.Login("42"); name.Set(s, "Ada") })
			requests = append(requests, request(c.cookie))
		}
		a.act = func(s *sojourn.Session) {
			if v, _ := name.Get(s); v != "Ada" {
				t.Fatalf("got %q, want Ada", v)
			}
		}
		for _, tt := range []struct {
			name string
			most float64
		}{{"first", 5}, {"second", 7}} {
			n := 0
			check(t, fmt.Sprintf("%s time, irrevocable %v", tt.name, irrevocable), tt.most, allocations(a, runs, func() *http.Request {
				n++
				return requests[n-1]
			}))
		}
		check(t, fmt.Sprintf("from then on, irrevocable %v", irrevocable), 2, allocations(a, runs, func() *http.Request { return requests[runs] }))
	}
}

// What opens nothing costs no more than that.
func TestAllocations_ofWhatOpensNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	for _, irrevocable := range []bool{false, true} {
		a := newApp(t, newStore(t, memoryConfig(irrevocable)), sojourn.Config{})
		valid, unknown := &client{}, &client{}
		valid.do(a, login)
		cfg := memoryConfig(irrevocable)
		cfg.Secrets = [][]byte{randomSecret(2)}
		unknown.do(newApp(t, newStore(t, cfg), sojourn.Config{}), login)
		a.act = func(s *sojourn.Session) {
			if s.Subject() != "" {
				t.Fatal("it opens something")
			}
			a.events = a.events[:0]
		}
		for _, tt := range []struct {
			name, cookie string
			most         float64
		}{
			{"no cookie", "", 2},
			{"an unknown secret", unknown.cookie, 2},
			{"a damaged head", valid.cookie[:44] + "B" + valid.cookie[45:], 2},
			{"a damaged tag", valid.cookie[:len(valid.cookie)-8] + "AAAAAAAA", 5},
		} {
			r := request(tt.cookie)
			check(t, fmt.Sprintf("%s, irrevocable %v", tt.name, irrevocable), tt.most, allocations(a, 300, func() *http.Request { return r }))
		}
	}
}

func memoryConfig(irrevocable bool) cookiestore.Config {
	if irrevocable {
		return cookiestore.Config{Irrevocable: true}
	}
	return cookiestore.Config{Leases: memstore.New(memstore.Config{})}
}

func request(cookie string) *http.Request {
	r := httptest.NewRequest("GET", "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookieName+"="+cookie)
	}
	return r
}

func allocations(a *app, runs int, next func() *http.Request) float64 {
	w := &lightWriter{http.Header{}}
	return testing.AllocsPerRun(runs, func() {
		clear(w.header)
		a.handler.ServeHTTP(w, next())
	})
}

func check(t *testing.T, name string, most, got float64) {
	t.Helper()
	if got > most {
		t.Errorf("%s: got %v allocations, want at most %v", name, got, most)
	}
	t.Logf("%s: %v allocations", name, got)
}
