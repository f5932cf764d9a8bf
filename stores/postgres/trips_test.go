package postgresstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
	"github.com/sojourn-go/sojourn/storetest"
)

// counted is a store whose round trips a proxy counts. Its pool has one connection, so that all statements get known there.
func counted(t testing.TB, mode string) (*postgresstore.Store, *storetest.Proxy) {
	t.Helper()
	s, err := server()
	enginetest.Require(t, err)
	proxy := storetest.NewProxy(t, "tcp", s.Addr())
	settings, err := pgxpool.ParseConfig(url(proxy.Addr(), "sslmode=disable&pool_max_conns=1&default_query_exec_mode="+mode))
	if err != nil {
		t.Fatal(err)
	}
	// The pool asks a connection that was idle for a second whether it lives. That is not the steady state.
	settings.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
	return openAt(t, newPoolWith(t, settings), postgresstore.Config{Table: table()}), proxy
}

func TestEveryMethod_isOneRoundTrip(t *testing.T) {
	for _, mode := range []string{"cache_statement", "cache_describe", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			st, proxy := counted(t, mode)
			ctx := t.Context()
			var key, mine sojourn.Key
			var state, myState sojourn.State
			ready := func() {
				key, mine = save(t, st, visitor("a", "1")), save(t, st, member("ada", time.Now().Add(time.Hour)))
				state, myState = load(t, st, key), load(t, st, mine)
			}
			calls := []struct {
				name string
				want int
				call func() error
			}{
				{"Load", 1, func() error { _, err := st.Load(ctx, key); return err }},
				{"Save", 1, func() error { _, err := st.Save(ctx, visitor("a", "1"), time.Hour); return err }},
				{"Save with a subject", 1, func() error {
					_, err := st.Save(ctx, member("ada", time.Now().Add(time.Hour)), time.Hour)
					return err
				}},
				{"Update", 1, func() error { _, err := st.Update(ctx, key, state, time.Hour); return err }},
				{"Update with a subject", 1, func() error { _, err := st.Update(ctx, mine, myState, time.Hour); return err }},
				{"UpdateTTL", 1, func() error { return st.UpdateTTL(ctx, key, 2*time.Hour) }},
				{"Patch", 1, func() error { return st.Patch(ctx, key, sojourn.Patch{Set: values("b", "2")}, time.Hour) }},
				{"Patch that is refused", 2, func() error {
					if err := st.Patch(ctx, key, sojourn.Patch{Generation: 7}, time.Hour); !errors.Is(err, sojourn.ErrConflict) {
						return fmt.Errorf("got %w, want ErrConflict", err)
					}
					return nil
				}},
				{"Patch of a large session", 1, func() error {
					p := sojourn.Patch{Set: values("b", strings.Repeat("x", 60_000)), MaxSize: 64 << 10, MaxNames: 256}
					return st.Patch(ctx, key, p, time.Hour)
				}},
				{"ListSubject", 1, func() error { _, err := st.ListSubject(ctx, "app", "ada"); return err }},
				{"List", 1, func() error { _, _, err := st.List(ctx, "", 10); return err }},
				{"TrimSubject", 1, func() error { _, err := st.TrimSubject(ctx, "app", "ada", 1, sojourn.ID{}); return err }},
				{"DeleteSubject", 1, func() error { _, err := st.DeleteSubject(ctx, "app", "ada", sojourn.ID{}); return err }},
				{"Delete", 1, func() error { return st.Delete(ctx, key) }},
				{"Sweep of nothing", 2, func() error { _, err := st.Sweep(ctx, 1000); return err }}, // rows, then marks
			}
			for _, c := range calls {
				if ready(); c.call() != nil { // once before, so that the statement is known
					t.Fatalf("%s failed", c.name)
				}
				ready()
				before := proxy.Trips()
				if err := c.call(); err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
				if got := proxy.Trips() - before; got != c.want {
					t.Errorf("%s: %d round trips, want %d", c.name, got, c.want)
				}
			}
		})
	}
}

// What a request costs, end to end (DESIGN §7).
func TestEveryRequest_costsTheRoundTripsItMust(t *testing.T) {
	st, proxy := counted(t, "cache_statement")
	m, err := sojourn.New(st, sojourn.Config{MaxSessions: 3})
	if err != nil {
		t.Fatal(err)
	}
	handlers := map[string]func(s *sojourn.Session){
		"read":   func(s *sojourn.Session) { s.Has("n") },
		"change": func(s *sojourn.Session) { s.Has("n"); s.Set("n", time.Now().UnixNano()) },
		"renew":  func(s *sojourn.Session) { s.Renew(); s.Set("n", 3) },
		"login":  func(s *sojourn.Session) { s.Login("ada") },
		"logout": func(s *sojourn.Session) { s.Logout() },
	}
	request := func(cookie *http.Cookie, do string) *http.Cookie {
		r := httptest.NewRequest("POST", "https://example.org/", nil)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if f := handlers[do]; f != nil {
				s, err := sojourn.Load(r.Context())
				if err != nil {
					t.Fatal(err)
				}
				f(s)
			}
		})).ServeHTTP(w, r)
		for _, set := range w.Result().Cookies() {
			cookie = set
		}
		return cookie
	}
	for _, tt := range []struct {
		name, do string
		anew     bool
		want     int
	}{
		{"no cookie", "", true, 0},
		{"no cookie, read", "read", true, 0},
		{"untouched", "", false, 0},
		{"read", "read", false, 1},
		{"read and change", "change", false, 2},
		{"create", "change", true, 1},
		{"renew and change", "renew", false, 2},
		{"login with a limit", "login", false, 3},
		{"logout", "logout", false, 2},
	} {
		for again := range 2 { // the first time the statements get known
			cookie := request(nil, "change")
			if tt.anew {
				cookie = nil
			}
			before := proxy.Trips()
			request(cookie, tt.do)
			got := proxy.Trips() - before
			if again == 0 {
				continue
			}
			t.Logf("%s: %d", tt.name, got)
			if got != tt.want {
				t.Errorf("%s: %d round trips, want %d", tt.name, got, tt.want)
			}
		}
	}
}
