package sojourn_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// What a request costs in allocations, through the whole middleware on memstore: docs/performance.md says why so many.
// Times are for bench.

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
	crowded := newBrowser(t, m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		for i := range 40 {
			s.Set(fmt.Sprintf("value%02d", i), strings.Repeat("v", 90))
		}
		name.Set(s, "Ada")
	}))
	crowded.get("/")
	body := []byte("hello")
	session := func(f func(s *sojourn.Session)) http.Handler {
		return m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { f(s); w.Write(body) })
	}
	for _, tt := range []struct {
		name    string
		handler http.Handler
		browser *browser // nil: has no cookie
		most    float64
	}{
		{"untouched", m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body) })), seeded, 2},
		{"untouched, no cookie", m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body) })), nil, 2},
		{"read", session(func(s *sojourn.Session) {
			if v, _ := name.Get(s); v != "Ada" || s.Subject() != "42" {
				t.Fatalf("got %q of %q", v, s.Subject())
			}
		}), seeded, 2},
		{"read one of 41 values", session(func(s *sojourn.Session) {
			if v, _ := name.Get(s); v != "Ada" {
				t.Fatalf("got %q", v)
			}
		}), crowded, 2},
		{"read, no cookie", session(func(s *sojourn.Session) {
			if _, ok := name.Get(s); ok {
				t.Fatal("got a value of nobody")
			}
		}), nil, 2},
		{"change", session(func(s *sojourn.Session) { visits.Update(s, increment) }), seeded, 5},
		{"create", session(func(s *sojourn.Session) { visits.Set(s, 1000) }), nil, 8},
		{"renew and change", session(func(s *sojourn.Session) {
			s.Renew()
			visits.Update(s, increment)
		}), seeded, 8}, // the last: its browser's cookie is another one after each request
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			if tt.browser != nil {
				r.Header.Set("Cookie", hostID+"="+tt.browser.cookies[hostID])
			}
			w := &lightWriter{http.Header{}}
			got := testing.AllocsPerRun(500, func() {
				clear(w.header)
				tt.handler.ServeHTTP(w, r)
				if set := w.header["Set-Cookie"]; len(set) > 0 && tt.browser != nil {
					r.Header["Cookie"][0], _, _ = strings.Cut(set[0], ";")
				} else if tt.name == "renew and change" {
					t.Fatal("no cookie was set")
				}
			})
			if got > tt.most {
				t.Errorf("got %v allocations, want at most %v", got, tt.most)
			}
			t.Logf("%v allocations", got)
		})
	}
}
