package comparison

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// client is a browser with one cookie.
type client struct {
	l      library
	cookie string
	last   *http.Cookie
}

func (c *client) get(path string) {
	r := httptest.NewRequest("GET", path, nil)
	if c.cookie != "" {
		r.Header.Set("Cookie", c.cookie)
	}
	for _, set := range c.l.serve(r).Cookies() {
		c.last = set
		c.cookie = set.Name + "=" + set.Value
		if set.MaxAge < 0 {
			c.cookie = ""
		}
	}
}

// app is the application: what its handlers saw last, and a gate in the slow one.
type app struct {
	mu      sync.Mutex
	saw     string
	loaded  chan struct{}
	release chan struct{}
}

func (a *app) handle(path string, r *http.Request, s session) {
	name, value := r.URL.Query().Get("name"), r.URL.Query().Get("value")
	switch path {
	case "/whoami":
		name = "user"
		fallthrough
	case "/get":
		text := s.get(name)
		a.mu.Lock()
		a.saw = text
		a.mu.Unlock()
	case "/set":
		s.set(name, value)
	case "/login":
		s.login("42")
	case "/logout":
		s.logout()
	case "/slow":
		s.get("user")
		a.loaded <- struct{}{}
		<-a.release
		s.set(name, value)
	}
}

func (a *app) see(c client, path string) string {
	a.mu.Lock()
	a.saw = ""
	a.mu.Unlock()
	c.get(path)
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.saw
}

// during runs f while a slow request of c is under way, and returns the slow request's client afterwards.
func (a *app) during(c client, f func()) client {
	slow := c
	var done sync.WaitGroup
	done.Go(func() { slow.get("/slow?name=late&value=yes") })
	<-a.loaded
	f()
	a.release <- struct{}{}
	done.Wait()
	return slow
}

// rows are the situations; each returns what the README's cell says.
var rows = []struct {
	name string
	cell func(t *testing.T, a *app, l library) string
}{
	{"a logged-out session stays dead when a slow request ends", func(t *testing.T, a *app, l library) string {
		c := client{l: l}
		c.get("/login")
		before := c
		slow := a.during(c, func() { c.get("/logout") })
		return yes(a.see(before, "/whoami") == "" && a.see(slow, "/whoami") == "")
	}},
	{"of two parallel requests that set different values, both are kept", func(t *testing.T, a *app, l library) string {
		c := client{l: l}
		c.get("/set?name=first&value=yes")
		a.during(c, func() { c.get("/set?name=other&value=yes") })
		return yes(a.see(c, "/get?name=late") == "yes" && a.see(c, "/get?name=other") == "yes")
	}},
	{"a token from before a login opens nothing after it, whatever is under way", func(t *testing.T, a *app, l library) string {
		c := client{l: l}
		c.get("/set?name=first&value=yes")
		planted := c
		a.during(c, func() { c.get("/login") })
		return yes(a.see(planted, "/whoami") == "" && a.see(planted, "/get?name=late") == "")
	}},
	{"store calls of a request that presents a session and does not use it", func(t *testing.T, a *app, l library) string {
		c := client{l: l}
		c.get("/set?name=first&value=yes")
		before := l.calls.Load()
		c.get("/static")
		return strconv.FormatInt(l.calls.Load()-before, 10)
	}},
	{"a copy of the store alone opens no session", func(t *testing.T, a *app, l library) string {
		c := client{l: l}
		c.get("/login")
		if l.stored == nil {
			return "yes, signed" // its cookie is the same securecookie as gorilla's
		}
		_, token, _ := strings.Cut(c.cookie, "=")
		if strings.Contains(l.stored(t), token) {
			return "no"
		}
		if l.name == "Sojourn" {
			return "yes, digest"
		}
		return "yes, signed"
	}},
	{"the cookie, by default", func(t *testing.T, a *app, l library) string {
		c := client{l: l}
		c.get("/login")
		var flags []string
		if strings.HasPrefix(c.last.Name, "__Host-") {
			flags = append(flags, "`__Host-`")
		}
		if c.last.Secure {
			flags = append(flags, "Secure")
		}
		if c.last.HttpOnly {
			flags = append(flags, "HttpOnly")
		}
		if c.last.SameSite == http.SameSiteLaxMode {
			flags = append(flags, "Lax")
		}
		if len(flags) == 0 {
			return "no attribute"
		}
		return strings.Join(flags, ", ")
	}},
}

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "no"
}

// observe runs every situation on every library and returns the table.
func observe(t *testing.T) string {
	var b strings.Builder
	a := &app{loaded: make(chan struct{}), release: make(chan struct{})}
	all := libraries(t, a.handle)
	b.WriteString("| |")
	for _, l := range all {
		b.WriteString(" " + l.name + version(t, l.module) + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(all)) + "\n")
	for _, row := range rows {
		b.WriteString("| " + row.name + " |")
		for _, l := range libraries(t, a.handle) {
			b.WriteString(" " + row.cell(t, a, l) + " |")
		}
		b.WriteString("\n")
	}
	return b.String()
}

// version is a library's version, out of go.mod.
func version(t *testing.T, module string) string {
	t.Helper()
	if module == "" {
		return ""
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(mod), "\t"+module+" v")
	if !ok {
		t.Fatalf("go.mod does not require %s", module)
	}
	v, _, _ := strings.Cut(after, "\n")
	return " " + v
}

// The README's table says what was observed.
func TestReadme_everyCellWasObserved(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if table := observe(t); !strings.Contains(string(readme), table) {
		t.Errorf("the README does not have this table:\n%s", table)
	}
}
