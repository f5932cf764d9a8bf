// Package cookies measures sessions that live in the cookie, ours and gorilla's, in one process and by turns: what it costs
// to read one value through the whole middleware.
//
//	go test -run '^$' -bench Read -benchmem ./cookies
//	go test -run '^$' -bench Ratio -benchtime 300x ./cookies
package cookies

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/sessions"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
)

// The session is of about 300 bytes: four texts and a number. The handler reads the number.
const views = sojourn.Field[int]("views")

const seen = 1234

func texts() map[string]string {
	return map[string]string{
		"name": "Ada Lovelace", "theme": "dark", "locale": "en-GB", "cart": strings.Repeat("tea,coffee,cocoa;", 12),
	}
}

// subject is a library under a handler that reads.
type subject struct {
	name     string
	read     http.Handler
	requests []*http.Request // of its clients, a session each
	next     int
}

// writer is a ResponseWriter that costs nothing itself.
type writer struct{ header http.Header }

func (w *writer) Header() http.Header         { return w.header }
func (w *writer) Write(b []byte) (int, error) { return len(b), nil }
func (w *writer) WriteHeader(int)             {}

// run is one request of the next client. It is as the server made it, each time: gorilla keeps in it what it has decoded.
func (s *subject) run(w *writer, r *http.Request) {
	clear(w.header)
	*r = *s.requests[s.next]
	if s.next++; s.next == len(s.requests) {
		s.next = 0
	}
	s.read.ServeHTTP(w, r)
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// present turns the response that made a session into the next request of its client.
func present(begin http.Handler) *http.Request {
	w := httptest.NewRecorder()
	begin.ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	r := httptest.NewRequest("GET", "/", nil)
	for _, c := range w.Result().Cookies() {
		r.Header.Add("Cookie", c.Name+"="+c.Value)
	}
	return r
}

func newSubject(name string, clients int, begin, read http.Handler) *subject {
	s := &subject{name: name, read: read}
	for range clients {
		s.requests = append(s.requests, present(begin))
	}
	return s
}

func ours(tb testing.TB, name string, clients int, st sojourn.Store) *subject {
	tb.Helper()
	m, err := sojourn.New(st, sojourn.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	begin := m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
		for name, text := range texts() {
			s.Set(name, text)
		}
		views.Set(s, seen)
	})
	read := m.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
		if n, _ := views.Get(s); n != seen {
			tb.Fatalf("got %d, want %d", n, seen)
		}
		w.Write(nil)
	})
	return newSubject(name, clients, begin, read)
}

func sealed(tb testing.TB, cfg cookiestore.Config) sojourn.Store {
	tb.Helper()
	cfg.Secrets = [][]byte{random(32)}
	st, err := cookiestore.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return st
}

func gorilla(tb testing.TB, name string, clients int) *subject {
	st := sessions.NewCookieStore(random(64), random(32)) // HMAC-SHA-256 and AES-256, as its page advises
	begin := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := st.Get(r, "id")
		if err != nil {
			tb.Fatal(err)
		}
		for name, text := range texts() {
			s.Values[name] = text
		}
		s.Values["views"] = seen
		if err := s.Save(r, w); err != nil {
			tb.Fatal(err)
		}
	})
	read := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := st.Get(r, "id")
		if err != nil {
			tb.Fatal(err)
		}
		if n, _ := s.Values["views"].(int); n != seen {
			tb.Fatalf("got %d, want %d", n, seen)
		}
		w.Write(nil)
	})
	return newSubject(name, clients, begin, read)
}

// many clients are so many that none is remembered until it comes again.
const many = 8192

// subjects are the libraries, gorilla last. "One" is a client that comes again and again; "many" come in turn.
func subjects(tb testing.TB) []*subject {
	return []*subject{
		ours(tb, "memstore", 1, memstore.New(memstore.Config{})), // for comparison: the manager and the lease alone
		ours(tb, "lease/one", 1, sealed(tb, cookiestore.Config{Leases: memstore.New(memstore.Config{})})),
		ours(tb, "lease/many", many, sealed(tb, cookiestore.Config{Leases: memstore.New(memstore.Config{})})),
		ours(tb, "irrevocable/one", 1, sealed(tb, cookiestore.Config{Irrevocable: true})),
		ours(tb, "irrevocable/many", many, sealed(tb, cookiestore.Config{Irrevocable: true})),
		gorilla(tb, "gorilla/many", many),
		gorilla(tb, "gorilla/one", 1),
	}
}

// Every subject does the work: its handler fails the test if it does not find the value.
func TestSubjects_readWhatWasStored(t *testing.T) {
	w, r := &writer{http.Header{}}, new(http.Request)
	for _, s := range subjects(t) {
		for range 3 {
			s.run(w, r)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	for _, s := range subjects(b) {
		b.Run(s.name, func(b *testing.B) {
			w, r := &writer{http.Header{}}, new(http.Request)
			b.ReportAllocs()
			for b.Loop() {
				s.run(w, r)
			}
		})
	}
}

// BenchmarkRatio runs all subjects in turn, some hundred requests each, round after round, so that whatever else the machine
// does meets all of them. It reports for each the median processor time of a request, the garbage collector's included, and
// the median of the rounds' ratios to gorilla.
func BenchmarkRatio(b *testing.B) {
	const requests = 500
	all := subjects(b)
	times := make([][]float64, len(all))
	w, r := &writer{http.Header{}}, new(http.Request)
	for b.Loop() {
		for i, s := range all {
			start := processorTime(b)
			for range requests {
				s.run(w, r)
			}
			times[i] = append(times[i], float64(processorTime(b)-start)/requests)
		}
	}
	gorilla := times[len(all)-1]
	for i, s := range all {
		ratios := make([]float64, len(gorilla))
		for round := range ratios {
			ratios[round] = gorilla[round] / times[i][round]
		}
		b.ReportMetric(median(times[i]), s.name+"-ns")
		b.ReportMetric(median(ratios), s.name+"-x")
	}
	b.ReportMetric(0, "ns/op")
}

// processorTime is what this process has used of all processors.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}
