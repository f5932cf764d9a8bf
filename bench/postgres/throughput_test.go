package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/scs/pgxstore"
	"github.com/alexedwards/scs/v2"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
)

const (
	clients  = 64
	sessions = 2000
	turn     = time.Second
)

// texts are the values of each session, of 300 B with their names and the counter "n".
var texts = map[string]string{
	"cart": strings.Repeat("tea,coffee,", 8), "theme": "dark", "lang": "en", "name": strings.Repeat("Ada Lovelace ", 12),
}

// subject is a library on PostgreSQL with a small application: /read reads "n", /change reads and increments it.
type subject struct {
	name    string
	handler http.Handler
	cookies []string // of live sessions
}

// BenchmarkRequests lets both libraries serve 64 clients for a second, in turn. An iteration is one turn of each; the
// figures are the medians of the turns: requests per second and their ratio, and the time of processors, of this process
// and the server's together, that a request of either costs. Run it with -benchtime=9x.
//
// In "sliding" each request extends the idle timeout, which scs writes each time and Sojourn where a fifth of it has passed.
func BenchmarkRequests(b *testing.B) {
	server, err := enginetest.Postgres()
	enginetest.Require(b, err)
	b.Cleanup(func() { server.Close() })
	for _, workload := range []struct {
		name, path string
		sliding    bool
	}{{"read", "/read", false}, {"change", "/change", false}, {"sliding", "/read", true}} {
		b.Run(workload.name, func(b *testing.B) {
			subjects := [2]*subject{newSojourn(b, server, workload.sliding), newSCS(b, server, workload.sliding)}
			for _, s := range subjects {
				s.open(b)
				s.check(b, workload.path)
				s.run(b, workload.path) // statements get known, pages warm
			}
			var rates, costs [2][]float64
			var ratios, cheaper []float64
			for b.Loop() {
				var rate, cost [2]float64
				for i, s := range subjects {
					before, began := processors(b, server), time.Now()
					rate[i] = s.run(b, workload.path)
					spent := processors(b, server) - before
					cost[i] = float64(spent.Microseconds()) / (rate[i] * time.Since(began).Seconds())
					rates[i], costs[i] = append(rates[i], rate[i]), append(costs[i], cost[i])
				}
				ratios = append(ratios, rate[0]/rate[1])
				cheaper = append(cheaper, cost[1]/cost[0])
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(rates[0]), "sojourn-req/s")
			b.ReportMetric(median(rates[1]), "scs-req/s")
			b.ReportMetric(median(ratios), "ratio")
			b.ReportMetric(median(costs[0]), "sojourn-cpu-µs/req")
			b.ReportMetric(median(costs[1]), "scs-cpu-µs/req")
			b.ReportMetric(median(cheaper), "cpu-ratio")
		})
	}
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

func pool(b *testing.B, server *enginetest.Server) *pgxpool.Pool {
	p, err := pgxpool.New(context.Background(), "postgres://postgres@"+server.Addr()+"/postgres?pool_max_conns=16")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	return p
}

func newSojourn(b *testing.B, server *enginetest.Server, sliding bool) *subject {
	st, err := postgresstore.New(pool(b, server), postgresstore.Config{Table: fmt.Sprintf("sojourn_%t_%d", sliding, rand.Uint32())})
	if err == nil {
		err = st.Migrate(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	extend := sojourn.ExtendOnChange
	if sliding {
		extend = sojourn.ExtendOnLoad
	}
	m, err := sojourn.New(st, sojourn.Config{Extend: extend, Lifetime: sojourn.Lifetime{Idle: time.Hour, Absolute: 24 * time.Hour}})
	if err != nil {
		b.Fatal(err)
	}
	n := sojourn.Field[int]("n")
	mux := http.NewServeMux()
	mux.Handle("/open", m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
		n.Set(s, 1)
		for name, text := range texts {
			s.Set(name, text)
		}
	}))
	mux.Handle("/read", m.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
		v, _ := n.Get(s)
		fmt.Fprint(w, v)
	}))
	mux.Handle("/change", m.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
		v, _ := n.Get(s)
		n.Set(s, v+1)
		fmt.Fprint(w, v+1)
	}))
	return &subject{name: "Sojourn", handler: mux}
}

func newSCS(b *testing.B, server *enginetest.Server, sliding bool) *subject {
	p := pool(b, server)
	_, err := p.Exec(b.Context(), `CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, data BYTEA NOT NULL, expiry TIMESTAMPTZ NOT NULL);
		CREATE INDEX IF NOT EXISTS sessions_expiry_idx ON sessions (expiry); TRUNCATE sessions`)
	if err != nil {
		b.Fatal(err)
	}
	m := scs.New()
	m.Store = pgxstore.NewWithCleanupInterval(p, 0)
	if sliding {
		m.IdleTimeout = time.Hour
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/open", func(_ http.ResponseWriter, r *http.Request) {
		m.Put(r.Context(), "n", 1)
		for name, text := range texts {
			m.Put(r.Context(), name, text)
		}
	})
	mux.HandleFunc("/read", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, m.GetInt(r.Context(), "n")) })
	mux.HandleFunc("/change", func(w http.ResponseWriter, r *http.Request) {
		v := m.GetInt(r.Context(), "n")
		m.Put(r.Context(), "n", v+1)
		fmt.Fprint(w, v+1)
	})
	return &subject{name: "scs", handler: m.LoadAndSave(mux)}
}

// request makes one request and returns the body, and the cookie that was set.
func (s *subject) request(path, cookie string) (body, set string) {
	r := httptest.NewRequest("GET", "https://example.org"+path, nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		return fmt.Sprint("status ", w.Code), ""
	}
	for _, c := range w.Result().Cookies() {
		set = c.Name + "=" + c.Value
	}
	return w.Body.String(), set
}

func (s *subject) open(b *testing.B) {
	for range sessions {
		_, set := s.request("/open", "")
		if set == "" {
			b.Fatalf("%s: no session begins", s.name)
		}
		s.cookies = append(s.cookies, set)
	}
}

// check sees that the work is really done.
func (s *subject) check(b *testing.B, path string) {
	cookie := s.cookies[0]
	if body, _ := s.request("/read", cookie); body != "1" {
		b.Fatalf("%s: read %q, want 1", s.name, body)
	}
	if path == "/change" {
		s.request("/change", cookie)
		if body, _ := s.request("/read", cookie); body != "2" {
			b.Fatalf("%s: after a change read %q, want 2", s.name, body)
		}
	}
}

// run lets the clients make requests for one turn and returns how many there were in a second. Each client has sessions of
// its own.
func (s *subject) run(b *testing.B, path string) float64 {
	var served atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for client := range clients {
		wg.Go(func() {
			for time.Since(began) < turn {
				cookie := s.cookies[client+clients*rand.IntN(sessions/clients)]
				if body, _ := s.request(path, cookie); strings.HasPrefix(body, "status") || body == "0" {
					b.Errorf("%s: %s", s.name, body)
					return
				}
				served.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(served.Load()) / time.Since(began).Seconds()
}
