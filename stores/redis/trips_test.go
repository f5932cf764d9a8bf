package redisstore_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
	"github.com/sojourn-go/sojourn/storetest"
)

// proxied makes a store whose client reaches the server through a proxy, by one connection.
func proxied(tb testing.TB, cfg redisstore.Config) (*redisstore.Store, *storetest.Proxy) {
	tb.Helper()
	proxy := storetest.NewProxy(tb, "tcp", singleAddr(tb))
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{proxy.Addr()}, DisableCache: true, PipelineMultiplex: -1,
		// An idle connection is asked whether it lives once in this time, which would be a round trip.
		Dialer: net.Dialer{KeepAlive: time.Hour}, ConnWriteTimeout: 10 * time.Second,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.Close)
	st, err := redisstore.New(client, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return st, proxy
}

// trips counts the round trips of f. What nobody waits for (the tidying of an index) is let pass first.
func trips(tb testing.TB, proxy *storetest.Proxy, f func()) int {
	tb.Helper()
	quiet(proxy)
	before := proxy.Trips()
	f()
	return proxy.Trips() - before
}

// quiet waits until nothing has gone through the proxy for a moment.
func quiet(proxy *storetest.Proxy) {
	for seen := -1; seen != proxy.Trips(); {
		seen = proxy.Trips()
		time.Sleep(20 * time.Millisecond)
	}
}

// TestTrips_ofEachMethod counts the round trips of each method once the server knows the scripts. Apart is what a session
// costs whose subject's index is in another slot.
func TestTrips_ofEachMethod(t *testing.T) {
	for _, tt := range []struct {
		name    string
		sharded bool
		want    map[string]int
	}{
		{"together", false, map[string]int{
			"load": 1, "load of none": 1, "save": 1, "save a login": 1, "update": 1, "log in by update": 1, "renew a login": 1,
			"touch": 1, "touch a login": 1, "patch": 1, "patch a login": 1, "delete": 1,
			"list none": 1, "list 1": 2, "list 200": 2, "trim under the limit": 1, "trim": 2, "revoke none": 1, "revoke": 2,
			"page": 2,
		}},
		{"apart", true, map[string]int{
			"load": 1, "load of none": 1, "save": 1, "save a login": 2, "update": 1, "log in by update": 3, "renew a login": 1,
			"touch": 1, "touch a login": 1, "patch": 1, "patch a login": 1, "delete": 1,
			"list none": 1, "list 1": 2, "list 200": 2, "trim under the limit": 1, "trim": 5, "revoke none": 1, "revoke": 3,
			"page": 2,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st, proxy := proxied(t, redisstore.Config{Sharded: tt.sharded})
			for _, step := range tripSteps(t, st) { // the server learns the scripts
				if err := step.do(); err != nil {
					t.Fatalf("%s: %v", step.name, err)
				}
			}
			for _, step := range tripSteps(t, st) {
				var err error
				if got := trips(t, proxy, func() { err = step.do() }); got != tt.want[step.name] || err != nil {
					t.Errorf("%s: got %d round trips, error %v, want %d", step.name, got, err, tt.want[step.name])
				}
				delete(tt.want, step.name)
			}
			for name := range tt.want {
				t.Errorf("%s: not tried", name)
			}
		})
	}
}

type tripStep struct {
	name string
	do   func() error
}

// tripSteps makes the calls to count, on sessions that are there already.
func tripSteps(t *testing.T, st *redisstore.Store) []tripStep {
	t.Helper()
	ctx, later := t.Context(), start.Add(time.Hour)
	subject := func(n int) (name string) {
		name = sojourn.NewID().String()
		for i := range n {
			save(t, st, member(name, later.Add(-time.Duration(i)*time.Second)))
		}
		return name
	}
	none, one, many, three := subject(0), subject(1), subject(200), subject(3)
	visit, login := save(t, st, visitor("n", "1")), save(t, st, member(one, later, "n", "1"))
	doomed := save(t, st, member(one, later))
	entered, other := save(t, st, visitor()), save(t, st, visitor())
	entering, renewed, changed := load(t, st, entered), load(t, st, login), load(t, st, other)
	entering.Facts.Subject, entering.Facts.Authenticated = none+"2", later
	renewed.Facts.Generation++
	patch := sojourn.Patch{Generation: 1, Set: values("n", "2")}
	save := func(state sojourn.State) error { _, err := st.Save(ctx, state, time.Hour); return err }
	load := func(key sojourn.Key) error { _, err := st.Load(ctx, key); return err }
	update := func(key sojourn.Key, state sojourn.State) error {
		_, err := st.Update(ctx, key, state, time.Hour)
		return err
	}
	list := func(subject string) error { _, err := st.ListSubject(ctx, "app", subject); return err }
	trim := func(subject string, n int) error {
		_, err := st.TrimSubject(ctx, "app", subject, n, sojourn.ID{})
		return err
	}
	revoke := func(subject string) error { _, err := st.DeleteSubject(ctx, "app", subject, sojourn.ID{}); return err }
	return []tripStep{
		{"load", func() error { return load(visit) }},
		{"load of none", func() error {
			if err := load(sojourn.NewID().Key()); err != sojourn.ErrNotFound {
				return fmt.Errorf("got %v, want ErrNotFound", err)
			}
			return nil
		}},
		{"save", func() error { return save(visitor("n", "1")) }},
		{"save a login", func() error { return save(member(none+"3", later)) }},
		{"update", func() error { return update(other, changed) }},
		{"log in by update", func() error { return update(entered, entering) }},
		{"touch", func() error { return st.UpdateTTL(ctx, visit, 2*time.Hour) }},
		{"touch a login", func() error { return st.UpdateTTL(ctx, login, 2*time.Hour) }},
		{"patch", func() error { return st.Patch(ctx, visit, patch, time.Hour) }},
		{"patch a login", func() error { return st.Patch(ctx, doomed, patch, 3*time.Hour) }},
		{"renew a login", func() error { return update(login, renewed) }},
		{"delete", func() error { return st.Delete(ctx, visit) }},
		{"list none", func() error { return list(none) }},
		{"list 1", func() error { return list(none + "2") }},
		{"list 200", func() error { return list(many) }},
		{"trim under the limit", func() error { return trim(three, 3) }},
		{"trim", func() error { return trim(three, 1) }},
		{"revoke none", func() error { return revoke(none) }},
		{"revoke", func() error { return revoke(many) }},
		{"page", func() error { _, _, err := st.List(ctx, "", 1); return err }},
	}
}

// TestTrips_ofRequests counts the round trips of whole requests, as a manager makes them.
func TestTrips_ofRequests(t *testing.T) {
	type handler = func(w http.ResponseWriter, r *http.Request, s *sojourn.Session)
	st, proxy := proxied(t, redisstore.Config{Prefix: "trips:"})
	cfg := sojourn.Config{}
	m, err := sojourn.New(st, cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.MaxSessions = 3
	limited, err := sojourn.New(st, cfg)
	if err != nil {
		t.Fatal(err)
	}
	// What short has made is always to be touched by long, whose idle timeout is longer.
	cfg.Lifetime = sojourn.Lifetime{Idle: time.Hour, Absolute: 24 * time.Hour}
	short, err := sojourn.New(st, cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Lifetime.Idle = 2 * time.Hour
	long, err := sojourn.New(st, cfg)
	if err != nil {
		t.Fatal(err)
	}
	serve := func(m *sojourn.Manager, cookie string, h handler) string {
		t.Helper()
		r := httptest.NewRequest("POST", "https://example.org/", nil)
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		w := httptest.NewRecorder()
		next := m.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		if h != nil {
			next = m.HandlerFunc(h)
		}
		next.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("got status %d", w.Code)
		}
		for _, c := range w.Result().Cookies() {
			cookie = c.Name + "=" + c.Value
		}
		return cookie
	}
	set := func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Set("n", 1) }
	read := func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Has("n") }
	change := func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
		sojourn.Field[int]("n").Update(s, func(n int) int { return n + 1 })
	}
	renew := func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
		s.Renew()
		s.Set("n", 7)
	}
	login := func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Login("ada", "n") }
	bob := sojourn.NewID().String() // who has no session yet
	loginBob := func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Login(bob, "n") }
	logout := func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Logout() }
	for range 2 { // once for the server to learn the scripts
		serve(m, serve(m, serve(m, serve(m, "", set), change), renew), login)
		serve(long, serve(short, "", set), read)
		serve(limited, serve(limited, serve(limited, "", set), loginBob), logout)
		time.Sleep(10 * time.Millisecond)
	}
	for _, tt := range []struct {
		name    string
		m       *sojourn.Manager
		session bool
		do      handler
		want    int
	}{
		{"no cookie", m, false, nil, 0},
		{"untouched", m, true, nil, 0},
		{"read", m, true, read, 1},
		{"read and change", m, true, change, 2},
		{"create", m, false, set, 1},
		{"renew and change", m, true, renew, 2},
		{"read when a touch is due", long, true, read, 2},
		{"login", m, true, login, 2},
		{"login with a limit", limited, true, loginBob, 3},
		{"second login with a limit", limited, true, loginBob, 3},
		{"third login with a limit", limited, true, loginBob, 3},
		{"login that ends the oldest", limited, true, loginBob, 3},
		{"another that does", limited, true, loginBob, 3},
		{"logout", m, true, logout, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cookie := ""
			if tt.session {
				cookie = serve(m, "", set)
			}
			if tt.m == long {
				cookie = serve(short, "", set)
			}
			if got := trips(t, proxy, func() { serve(tt.m, cookie, tt.do) }); got != tt.want {
				t.Errorf("got %d round trips, want %d", got, tt.want)
			}
		})
	}
}
