package sojourn_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// What a request costs in allocations, through the whole middleware on memstore (DESIGN §7). Times are for benchmarks.

// lightWriter is a ResponseWriter that costs nothing itself.
type lightWriter struct{ header http.Header }

func (w *lightWriter) Header() http.Header         { return w.header }
func (w *lightWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *lightWriter) WriteHeader(int)             {}

func TestAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	m := newManager(t, memstore.New(memstore.Config{}), sojourn.Config{Observe: func(context.Context, sojourn.Event) {}})
	const name = sojourn.Field[string]("name")
	seeded := newBrowser(t, m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Login("42")
		name.Set(s, "Ada")
		visits.Set(s, 1000)
	}))
	seeded.get("/")
	body := []byte("hello")
	session := func(f func(s *sojourn.Session)) http.Handler {
		return m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { f(s); w.Write(body) })
	}
	for _, tt := range []struct {
		name    string
		handler http.Handler
		visitor bool
		most    float64
	}{
		{"untouched", m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body) })), false, 2},
		{"untouched, no cookie", m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body) })), true, 2},
		{"read", session(func(s *sojourn.Session) {
			if v, _ := name.Get(s); v != "Ada" || s.Subject() != "42" {
				t.Fatalf("got %q of %q", v, s.Subject())
			}
		}), false, 3},
		{"read, no cookie", session(func(s *sojourn.Session) {
			if _, ok := name.Get(s); ok {
				t.Fatal("got a value of nobody")
			}
		}), true, 3},
		{"change", session(func(s *sojourn.Session) { visits.Update(s, increment) }), false, 6},
		{"create", session(func(s *sojourn.Session) { visits.Set(s, 1000) }), true, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			if !tt.visitor {
				r.Header.Set("Cookie", hostID+"="+seeded.cookies[hostID])
			}
			w := &lightWriter{http.Header{}}
			got := testing.AllocsPerRun(500, func() {
				clear(w.header)
				tt.handler.ServeHTTP(w, r)
			})
			if got > tt.most {
				t.Errorf("got %v allocations, want at most %v", got, tt.most)
			}
			t.Logf("%v allocations", got)
		})
	}
}
