package demo_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/demo"
	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
)

const password = "a short sentence"

// site is the application under test.
type site struct {
	app      *demo.App
	accounts *sql.DB
	handler  http.Handler
	clock    *clock
}

func newSite(t *testing.T) *site {
	t.Helper()
	return openSite(t, filepath.Join(t.TempDir(), "demo.db"))
}

func openSite(t *testing.T, path string) *site {
	t.Helper()
	return openSiteOver(t, path, func(inner *sqlitestore.Store) sojourn.Store { return inner })
}

// openSiteOver opens the site over what around makes of its store.
func openSiteOver(t *testing.T, path string, around func(*sqlitestore.Store) sojourn.Store) *site {
	t.Helper()
	sessions, err := sqlitestore.Open(t.Context(), sqlitestore.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	accounts, err := demo.OpenAccounts(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(accounts.Close(), sessions.Close()); err != nil {
			t.Error(err)
		}
	})
	c := &clock{}
	app, err := demo.New(t.Context(), demo.Config{
		Store: around(sessions), DB: accounts, Now: c.now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return &site{app: app, accounts: accounts, handler: app.Handler(), clock: c}
}

// clock is the real one, moved forward by hand.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// client is a browser as far as cookies go.
type client struct {
	t      *testing.T
	site   *site
	cookie string // "name=value"
	agent  string
	from   string // the network address
}

func (st *site) client(t *testing.T) *client {
	return &client{t: t, site: st, agent: "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0", from: "127.0.0.1:1"}
}

// answer is a whole response.
type answer struct {
	*http.Response
	body string
}

func (c *client) get(target string) answer { return c.do("GET", target, nil, nil) }

func (c *client) post(target string, pairs ...string) answer {
	return c.do("POST", target, fields(pairs...), http.Header{"Sec-Fetch-Site": {"same-origin"}})
}

func fields(pairs ...string) url.Values {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return form
}

func (c *client) do(method, target string, form url.Values, header http.Header) answer {
	c.t.Helper()
	r := httptest.NewRequestWithContext(c.t.Context(), method, "http://localhost:8080"+target, strings.NewReader(form.Encode()))
	for name, values := range header {
		r.Header[name] = values
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("User-Agent", c.agent)
	if c.cookie != "" {
		r.Header.Set("Cookie", c.cookie)
	}
	r.RemoteAddr = c.from
	w := httptest.NewRecorder()
	c.site.handler.ServeHTTP(w, r)
	resp := w.Result()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, set := range resp.Cookies() {
		c.cookie = set.Name + "=" + set.Value
		if set.MaxAge < 0 {
			c.cookie = ""
		}
	}
	return answer{resp, string(body)}
}

func (c *client) want(got answer, status int) answer {
	c.t.Helper()
	if got.StatusCode != status {
		c.t.Fatalf("%v %v: got status %d, want %d\n%s", c.from, got.Header, got.StatusCode, status, got.body)
	}
	return got
}

// goesTo checks for a redirect that a browser follows with a GET.
func (c *client) goesTo(got answer, target string) {
	c.t.Helper()
	c.want(got, http.StatusSeeOther)
	if at := got.Header.Get("Location"); at != target {
		c.t.Fatalf("got redirect to %q, want %q", at, target)
	}
}

// signUp makes an account and signs in.
func (c *client) signUp(name string) {
	c.t.Helper()
	c.goesTo(c.post("/signup", "name", name, "password", password), "/")
}

func (c *client) signIn(name string) {
	c.t.Helper()
	c.goesTo(c.post("/signin", "name", name, "password", password), "/")
}

// signedIn tells by a page that only members see.
func (c *client) signedIn() bool { return c.get("/devices").StatusCode == http.StatusOK }

// rows is everything in the database that a change would change.
func (st *site) rows(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, query := range []string{
		`SELECT id || ' ' || name || ' ' || password FROM demo_accounts ORDER BY 1`,
		`SELECT hex(id) || ' ' || version || ' ' || hex(record) FROM sojourn_sessions ORDER BY 1`,
	} {
		rows, err := st.accounts.QueryContext(context.WithoutCancel(t.Context()), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var text string
			if err := rows.Scan(&text); err != nil {
				t.Fatal(err)
			}
			b.WriteString(text + "\n")
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
