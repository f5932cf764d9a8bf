package e2e_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// What the library relies on, asked of real browsers: docs/browsers.md has the answers, and this holds it to them.

// driver is a browser that goes where it is told.
type driver interface {
	open(address string)
	script(code string)
	days(name string) int
	version() string
}

// chrome drives Chromium.
type chrome struct {
	t   *testing.T
	ctx context.Context
}

func newChrome(t *testing.T) *chrome {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.UserDataDir(filepath.Join(t.TempDir(), "profile")), chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true), chromedp.Flag("ignore-certificate-errors", true),
	)
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, release := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		closing, stop := context.WithTimeout(ctx, patience)
		defer stop()
		_ = chromedp.Cancel(closing)
		cancel()
		release()
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return &chrome{t, ctx}
}

func (c *chrome) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		c.t.Fatalf("%s: %v", what, err)
	}
}

func (c *chrome) open(address string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Navigate(address)); err != nil {
		c.t.Fatalf("open %s: %v", address, err)
	}
}

func (c *chrome) script(code string) {
	c.t.Helper()
	c.do(code, chromedp.Evaluate[chromedp.Void](code))
}

func (c *chrome) days(name string) int {
	c.t.Helper()
	got, err := chromedp.Call(c.ctx, storage.GetCookies, storage.GetCookiesParams{})
	if err != nil {
		c.t.Fatal(err)
	}
	for _, cookie := range got.Cookies {
		if cookie.Name == name {
			return daysFromNow(int64(cookie.Expires))
		}
	}
	return -1
}

func (c *chrome) version() string {
	got, err := chromedp.Call(c.ctx, cdpbrowser.GetVersion, cdp.Empty{})
	if err != nil {
		return "unknown"
	}
	_, version, _ := strings.Cut(got.Product, "/")
	return version
}

// daysFromNow rounds up what is left until an instant in seconds since 1970; 0 stands for none.
func daysFromNow(at int64) int {
	if at <= 0 {
		return 0
	}
	return int((time.Until(time.Unix(at, 0)) + 23*time.Hour) / (24 * time.Hour))
}

// lab is a site for both browsers: it sets any cookie and notes what comes back.
type lab struct {
	t     *testing.T
	d     driver
	here  string // https://localhost:port
	there string // the same server, which to a browser is another site
	m     *sojourn.Manager

	mu    sync.Mutex
	notes map[string]chan string
	n     int
}

func newLab(t *testing.T, d driver) *lab {
	t.Helper()
	m, err := sojourn.New(memstore.New(memstore.Config{}), sojourn.Config{
		Cookie: sojourn.Cookie{Name: "__Host-shop"}, Observe: func(context.Context, sojourn.Event) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, d: d, m: m, notes: map[string]chan string{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/set", func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Set-Cookie"] = r.URL.Query()["c"]
		l.page(w, r)
	})
	mux.HandleFunc("/note/", func(w http.ResponseWriter, r *http.Request) {
		// Also of the method, because browsers turn some POSTs into GETs.
		l.note(r.URL.Query().Get("as"), r.Method+" "+strings.Join(r.Header["Cookie"], "; "))
		l.page(w, r)
	})
	session := func(f func(s *sojourn.Session)) http.Handler {
		return http.NewCrossOriginProtection().Handler(m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			f(s)
			l.page(w, r)
		}))
	}
	mux.Handle("/login", session(func(s *sojourn.Session) { s.Login("ada") }))
	mux.Handle("/remember", session(func(s *sojourn.Session) { s.Login("ada"); s.Remember(true) }))
	mux.Handle("/logout", session(func(s *sojourn.Session) { s.Logout() }))
	mux.Handle("/who", session(func(s *sojourn.Session) { l.note("who", s.Subject()) }))
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	l.there = server.URL
	l.here = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return l
}

// page answers with the HTML that the query has.
func (l *lab) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprintf(w, "<!DOCTYPE html><title>lab</title><link rel=icon href=data:,>%s", r.URL.Query().Get("html"))
}

func (l *lab) noted(as string) chan string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.notes[as] == nil {
		l.notes[as] = make(chan string, 8)
	}
	return l.notes[as]
}

func (l *lab) note(as, what string) {
	select {
	case l.noted(as) <- what:
	default:
	}
}

// wait returns what was noted.
func (l *lab) wait(as string) string {
	l.t.Helper()
	select {
	case what := <-l.noted(as):
		return what
	case <-time.After(patience):
		l.t.Fatalf("no request noted as %s came", as)
		return ""
	}
}

// address is one of the site's, with the query's names and values.
func address(site, path string, pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return site + path + "?" + q.Encode()
}

// name is a cookie's name that no other row has.
func (l *lab) name(prefix string) string {
	l.n++
	return fmt.Sprintf("%sc%d", prefix, l.n)
}

// sent opens a page and returns the values of name that came with it, "-" if none did.
func (l *lab) sent(site, path, name string) string {
	l.t.Helper()
	l.d.open(address(site, "/note"+path, "as", name))
	return values(l.wait(name), name)
}

func values(note, name string) string {
	_, header, _ := strings.Cut(note, " ")
	var all []string
	for pair := range strings.SplitSeq(header, "; ") {
		if n, value, ok := strings.Cut(pair, "="); ok && n == name {
			all = append(all, value)
		}
	}
	if len(all) == 0 {
		return "-"
	}
	return strings.Join(all, " ")
}

// keeps tells whether the browser keeps a cookie that is set with these attributes.
func (l *lab) keeps(prefix, attributes string) string {
	l.t.Helper()
	name := l.name(prefix)
	l.d.open(address(l.here, "/set", "c", name+"=1"+attributes))
	return kept(l.sent(l.here, "/", name))
}

func kept(value string) string {
	if value == "-" {
		return "refused"
	}
	return "kept"
}

// scripted is keeps for a cookie that a script sets.
func (l *lab) scripted(prefix, attributes string) string {
	l.t.Helper()
	name := l.name(prefix)
	l.d.open(address(l.here, "/set"))
	l.d.script(fmt.Sprintf("document.cookie = %q", name+"=1"+attributes))
	return kept(l.sent(l.here, "/", name))
}

// sized tells whether a cookie of this many bytes, name and value, is kept.
func (l *lab) sized(size int) string {
	l.t.Helper()
	name := l.name("")
	l.d.open(address(l.here, "/set", "c", name+"="+strings.Repeat("v", size-len(name))+"; Path=/"))
	return kept(l.sent(l.here, "/", name))
}

// form is a page that posts to an address at once, or goes there by a link.
func form(method, to string) string {
	return fmt.Sprintf(`<form method=%s action="%s"><input name=as value=x type=hidden></form><script>document.forms[0].submit()</script>`, method, html.EscapeString(to))
}

// crossSite tells whether a cookie with these attributes comes along when a page of another site has the browser send a form.
func (l *lab) crossSite(method, attributes string) string {
	l.t.Helper()
	name := l.name("")
	l.d.open(address(l.here, "/set", "c", name+"=1; Path=/"+attributes))
	to := address(l.here, "/note/", "as", name)
	body := form("post", to)
	if method == "GET" {
		body = fmt.Sprintf(`<script>location = %q</script>`, to)
	}
	l.d.open(address(l.there, "/set", "html", body))
	note := l.wait(name)
	if !strings.HasPrefix(note, method+" ") {
		l.t.Fatalf("got %q, want a %s", note, method)
	}
	return map[bool]string{true: "not sent", false: "sent"}[values(note, name) == "-"]
}

// framed sets a cookie in a frame of another site's page, and tells where it is sent afterwards: in such a frame again, and
// when its own site is visited.
func (l *lab) framed(attributes, remove string) string {
	l.t.Helper()
	name := l.name("__Host-")
	frame := func(path string, pairs ...string) {
		l.d.open(address(l.there, "/set", "html", fmt.Sprintf(`<iframe src="%s"></iframe>`, html.EscapeString(address(l.here, path, pairs...)))))
	}
	frame("/set", "c", name+"=1"+attributes)
	if remove != "" {
		frame("/set", "c", name+"="+remove)
	}
	frame("/note/", "as", name)
	framed := values(l.wait(name), name)
	return fmt.Sprintf("in the frame %s, on its own %s", there(framed), there(l.sent(l.here, "/", name)))
}

func there(value string) string { return map[bool]string{true: "no", false: "yes"}[value == "-"] }

// rows are the questions, in the order of the page.
func (l *lab) rows() []struct{ question, answer string } {
	const host, gone = "; Secure; Path=/", "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
	var all []struct{ question, answer string }
	ask := func(question, answer string) {
		all = append(all, struct{ question, answer string }{question, answer})
	}
	ask("`__Host-` as it should be", l.keeps("__Host-", host+"; HttpOnly; SameSite=Lax"))
	ask("`__Host-` without Secure", l.keeps("__Host-", "; Path=/"))
	ask("`__Host-` with a longer Path", l.keeps("__Host-", "; Secure; Path=/note"))
	ask("`__Host-` with a Domain", l.keeps("__Host-", host+"; Domain=localhost"))
	ask("`__host-` in lower case, without Secure", l.keeps("__host-", "; Path=/"))
	ask("`__Secure-` as it should be", l.keeps("__Secure-", "; Secure; Path=/note"))
	ask("`__Secure-` without Secure", l.keeps("__Secure-", "; Path=/"))
	ask("`__Http-` as it should be", l.keeps("__Http-", "; Secure; HttpOnly; Path=/"))
	ask("`__Http-` without HttpOnly", l.keeps("__Http-", "; Secure; Path=/"))
	ask("`__Http-` by a script", l.scripted("__Http-", "; Secure; Path=/"))
	ask("`__Host-Http-` as it should be", l.keeps("__Host-Http-", host+"; HttpOnly"))
	ask("`__Host-Http-` without HttpOnly", l.keeps("__Host-Http-", host))
	ask("`__Host-` by a script", l.scripted("__Host-", host))
	ask("no name, and a value that begins with `__Host-`", l.keeps("=__Host-", host))
	ask("name and value of 4095 bytes", l.sized(4095))
	ask("name and value of 4096 bytes", l.sized(4096))
	ask("name and value of 4097 bytes", l.sized(4097))
	for _, days := range []int{399, 400, 401, 4000} {
		name := l.name("")
		l.d.open(address(l.here, "/set", "c", fmt.Sprintf("%s=1; Path=/; Max-Age=%d", name, days*86400)))
		ask(fmt.Sprintf("Max-Age of %d days", days), fmt.Sprintf("%d days", l.d.days(name)))
	}
	name := l.name("")
	l.d.open(address(l.here, "/set", "c", name+"=1; Path=/", "c", name+"=2; Path=/note"))
	ask("one name with two Paths", "sent as "+l.sent(l.here, "/", name))
	l.d.open(address(l.here, "/set", "c", name+"="+gone+"; Path=/"))
	ask("the one of Path=/ removed", "sent as "+l.sent(l.here, "/", name))
	l.d.open(address(l.here, "/set", "c", name+"="+gone+"; Path=/note"))
	ask("both removed", "sent as "+l.sent(l.here, "/", name))
	for _, attributes := range []string{"", "; SameSite=Lax", "; SameSite=Strict", "; SameSite=None; Secure"} {
		what := strings.TrimPrefix(strings.ReplaceAll(attributes, "; Secure", ""), "; ")
		if what == "" {
			what = "no SameSite"
		}
		ask(what+", a POST of another site", l.crossSite("POST", attributes))
		ask(what+", a GET of another site", l.crossSite("GET", attributes))
	}
	const frame = host + "; HttpOnly; SameSite=None"
	ask("set in a frame, SameSite=Lax", l.framed(host+"; SameSite=Lax", ""))
	ask("set in a frame, SameSite=None", l.framed(frame, ""))
	ask("set in a frame, Partitioned", l.framed(frame+"; Partitioned", ""))
	ask("the same, removed with Partitioned", l.framed(frame+"; Partitioned", gone+frame+"; Partitioned"))
	ask("the same, removed without Partitioned", l.framed(frame+"; Partitioned", gone+frame))
	return all
}

// browsersPage has a row for each question and a column for each browser.
var browsersPage = filepath.Join("..", "docs", "browsers.md")

func TestBrowsers_answerAsTheTableSays(t *testing.T) {
	text, err := os.ReadFile(browsersPage)
	if err != nil {
		t.Fatal(err)
	}
	for column, start := range []func(t *testing.T) driver{
		func(t *testing.T) driver { return newChrome(t) },
		func(t *testing.T) driver { return newFirefox(t) },
	} {
		name := []string{"Chromium", "Firefox"}[column]
		t.Run(name, func(t *testing.T) {
			l := newLab(t, start(t))
			want := map[string]string{}
			for line := range strings.Lines(string(text)) {
				if cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|"); len(cells) == 3 {
					want[strings.TrimSpace(cells[0])] = strings.TrimSpace(cells[1+column])
				}
			}
			rows := l.rows()
			for _, row := range rows {
				if want[row.question] != row.answer {
					t.Errorf("%s: got %q, the table says %q", row.question, row.answer, want[row.question])
				}
				delete(want, row.question)
			}
			for _, heading := range []string{"", "question", "---"} {
				delete(want, heading)
			}
			for left := range want {
				t.Errorf("the table has a row %q that nobody asked", left)
			}
			t.Logf("%s %s: %d rows", name, l.d.version(), len(rows))
		})
	}
}

// The manager's own cookie in both browsers: it is kept, remembered until the deadline, gone after a logout, and not sent with
// a POST of another site, which http.CrossOriginProtection refuses besides.
func TestBrowsers_keepTheSession(t *testing.T) {
	for name, start := range map[string]func(t *testing.T) driver{
		"Chromium": func(t *testing.T) driver { return newChrome(t) },
		"Firefox":  func(t *testing.T) driver { return newFirefox(t) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, start(t))
			const cookie = "__Host-shop"
			who := func(want string) {
				t.Helper()
				l.d.open(l.here + "/who")
				if got := l.wait("who"); got != want {
					t.Errorf("got subject %q, want %q", got, want)
				}
			}
			who("")
			l.d.open(l.here + "/login")
			who("ada")
			if days := l.d.days(cookie); days != 0 {
				t.Errorf("got a cookie of %d days, want one that ends with the browser", days)
			}
			l.d.open(l.here + "/remember")
			if days := l.d.days(cookie); days != 30 {
				t.Errorf("got a cookie of %d days, want 30", days)
			}
			l.d.open(address(l.there, "/set", "html", form("post", l.here+"/logout")))
			who("ada")
			l.d.open(l.here + "/logout")
			if days := l.d.days(cookie); days != -1 {
				t.Errorf("got a cookie of %d days after the logout", days)
			}
			who("")
		})
	}
}
