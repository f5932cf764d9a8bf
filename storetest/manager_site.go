package storetest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// site is a web site of two nodes over the store under test, with a clock and a subject of its own. Sites share the
// store.
type site struct {
	tb    testing.TB
	gate  *gateStore
	nodes [2]*sojourn.Manager
	// brief is a third node with a shorter idle timeout: a session that it made is due to be touched at the others.
	brief   *sojourn.Manager
	subject string
	opened  time.Time    // what the site's clock shows, or zero if it shows the real time
	offset  atomic.Int64 // of the clock
}

const (
	siteCookie   = "__Host-id"
	siteRenew    = 5 * time.Minute
	siteAbsolute = 7 * 24 * time.Hour
	sitePatience = 5 * time.Minute // for a store call: a slow machine breaks no promise
	siteCounter  = sojourn.Field[int]("counter")
	siteCart     = sojourn.Field[[]string]("cart")
)

// handler is what an application writes.
type handler = func(w http.ResponseWriter, r *http.Request, s *sojourn.Session)

// newSite opens a site whose clock stands still until it is advanced: what may be done for 30 s may be done however slow the
// machine is. change, if any, edits the configuration of its nodes.
func newSite(tb testing.TB, gate *gateStore, change func(*sojourn.Config)) *site {
	tb.Helper()
	return openSite(&site{tb: tb, gate: gate, opened: time.Now()}, change)
}

// newLiveSite opens a site in real time, for what the store's own clock decides: which logins a revocation refuses.
func newLiveSite(tb testing.TB, gate *gateStore, change func(*sojourn.Config)) *site {
	tb.Helper()
	return openSite(&site{tb: tb, gate: gate}, change)
}

func openSite(s *site, change func(*sojourn.Config)) *site {
	s.subject = "ada-" + sojourn.NewID().String()
	cfg := sojourn.Config{
		Lifetime: sojourn.Lifetime{Idle: 24 * time.Hour, Absolute: siteAbsolute, Renew: siteRenew},
		Timeout:  sitePatience, LoadTimeout: sitePatience,
		Now:     s.now,
		Observe: func(context.Context, sojourn.Event) {},
	}
	if change != nil {
		change(&cfg)
	}
	for i := range s.nodes {
		s.nodes[i] = s.manager(cfg)
	}
	cfg.Lifetime.Idle = time.Hour
	s.brief = s.manager(cfg)
	return s
}

func (s *site) manager(cfg sojourn.Config) *sojourn.Manager {
	s.tb.Helper()
	m, err := sojourn.New(s.gate, cfg)
	if err != nil {
		s.tb.Fatal(err)
	}
	return m
}

func (s *site) now() time.Time {
	now := s.opened
	if now.IsZero() {
		now = time.Now()
	}
	return now.Add(time.Duration(s.offset.Load()))
}

func (s *site) advance(d time.Duration) { s.offset.Add(int64(d)) }

// answer is what a client gets.
type answer struct {
	status     int
	cookie     string // "set", "removed", or "" if the response leaves the cookie alone
	token      string // of a cookie that is set
	retryAfter string
}

func (a answer) ok() bool { return 200 <= a.status && a.status < 300 }

// send has node m answer a request that presents tokens, and waits for it. x, if any, watches its store calls.
func (s *site) send(m *sojourn.Manager, f handler, x *exchange, tokens ...string) answer {
	r := httptest.NewRequest("POST", "https://example.org/", nil)
	for _, token := range tokens {
		r.Header.Add("Cookie", siteCookie+"="+token)
	}
	return s.serve(m.HandlerFunc(f), r, x)
}

func (s *site) serve(h http.Handler, r *http.Request, x *exchange) answer {
	if x != nil {
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return answerOf(s.tb, w.Result())
}

// answerOf reads a response, and holds that it has one cookie of ours at most.
func answerOf(tb testing.TB, res *http.Response) answer {
	a := answer{status: res.StatusCode, retryAfter: res.Header.Get("Retry-After")}
	for _, c := range res.Cookies() {
		if c.Name != siteCookie {
			continue
		}
		if a.cookie != "" {
			tb.Error("a response has two cookies of the manager's")
		}
		a.cookie, a.token = "set", c.Value
		if c.Value == "" || c.MaxAge < 0 {
			a.cookie, a.token = "removed", ""
		}
	}
	return a
}

// sight is what a handler sees of a session.
type sight struct {
	live    bool
	id      sojourn.ID
	subject string
	values  sojourn.Values
}

func (v sight) names() (names []string) {
	for name := range v.values.All() {
		names = append(names, name)
	}
	return names
}

func seeing(v *sight) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
		*v = sight{live: !s.IsNew(), id: s.ID(), subject: s.Subject(), values: s.Values()}
	}
}

// look says what token opens. It changes nothing: the node that looks neither touches nor renews.
func (s *site) look(token string) (v sight) {
	s.tb.Helper()
	quiet := s.manager(sojourn.Config{
		Lifetime: sojourn.Lifetime{Idle: time.Hour, Absolute: siteAbsolute}, Extend: sojourn.ExtendOnChange,
		LoadTimeout: sitePatience, Now: s.now, Observe: func(context.Context, sojourn.Event) {},
	})
	if a := s.send(quiet, seeing(&v), nil, token); a.status != http.StatusOK || a.cookie != "" {
		s.tb.Errorf("a look at a session got status %d, cookie %q", a.status, a.cookie)
	}
	return v
}

// open begins a session at node m, of subject if that is not empty, with a cart and whatever more sets.
func (s *site) open(m *sojourn.Manager, subject string, more func(*sojourn.Session)) (token string, id sojourn.ID) {
	s.tb.Helper()
	a := s.send(m, func(_ http.ResponseWriter, r *http.Request, ses *sojourn.Session) {
		siteCart.Set(ses, []string{"tea"})
		if subject != "" {
			ses.Login(subject, string(siteCart))
		}
		if more != nil {
			more(ses)
		}
		if err := ses.Commit(r.Context()); err != nil {
			s.tb.Errorf("begin a session: %s", withCause(err))
		}
		id = ses.ID()
	}, nil)
	if !a.ok() || a.cookie != "set" {
		s.tb.Fatalf("begin a session: status %d, cookie %q", a.status, a.cookie)
	}
	return a.token, id
}

// browser is the client: the last Set-Cookie that it received wins.
type browser struct{ token string }

func (b *browser) receive(a answer) {
	if a.cookie != "" {
		b.token = a.token
	}
}

// inParallel runs f n times, all released at once, and waits.
func inParallel(n int, f func(i int)) {
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-start
			f(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
}
