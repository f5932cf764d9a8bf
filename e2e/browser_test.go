package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// browser is a Chromium with a profile of its own, which is what a site takes for a device, and one page open in it.
type browser struct {
	t      *testing.T
	site   *site
	ctx    context.Context
	faults *faults
	heard  *streams
}

// chromium finds the browser, or skips the test.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing := "no browser is there: install the Debian package chromium"
	if os.Getenv("SOJOURN_TEST_REQUIRE") == "all" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// newBrowser starts a browser. Any agent is what it calls itself.
func newBrowser(t *testing.T, s *site, agent ...string) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)),
		chromedp.UserDataDir(filepath.Join(t.TempDir(), "profile")),
		// Nothing but the tests' own requests: no updates, no synchronisation, no QUIC.
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-quic", true),
		chromedp.DisableGPU,
		chromedp.WindowSize(1280, 900),
	)
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // the browser refuses to start as root otherwise
	}
	for _, a := range agent {
		options = append(options, chromedp.UserAgent(a))
	}
	allocator, release := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	b := &browser{t: t, site: s, ctx: ctx, faults: &faults{}, heard: &streams{}}
	t.Cleanup(func() {
		b.faults.report(t)
		closing, stop := context.WithTimeout(ctx, patience)
		defer stop()
		if err := chromedp.Cancel(closing); err != nil {
			t.Errorf("close the browser: %v", err)
		}
		cancel()
		release()
	})
	// The browser lives as long as the context of the first call: this one has no timeout.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	if err := b.faults.collect(ctx); err != nil {
		t.Fatal(err)
	}
	if err := b.heard.collect(ctx); err != nil {
		t.Fatal(err)
	}
	return b
}

// in is the same browser for a subtest.
func (b *browser) in(t *testing.T) *browser {
	c, s := *b, *b.site
	c.t, s.t = t, t
	c.site = &s
	return &c
}

// do runs steps one after the other, all of them within patience.
func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.fatal("%s: %v", what, err)
	}
}

// load runs steps that lead to another page, waits for it and returns its status.
func (b *browser) load(what string, steps ...chromedp.Action[chromedp.Void]) int {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	resp, err := chromedp.RunResponse(ctx, steps...)
	if err != nil {
		b.fatal("%s: %v", what, err)
	}
	return int(resp.Status)
}

// open goes to a path of the site, or to another site's address.
func (b *browser) open(path string) int {
	b.t.Helper()
	address := path
	if strings.HasPrefix(path, "/") {
		address = b.site.url + path
	}
	return b.load("open "+path, chromedp.Navigate(address))
}

// follow clicks on what leads to another page.
func (b *browser) follow(selector string) int {
	b.t.Helper()
	return b.load("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

func (b *browser) reload() int {
	b.t.Helper()
	return b.load("reload", chromedp.Reload())
}

// fill types into an empty field.
func (b *browser) fill(selector, text string) {
	b.t.Helper()
	b.do("fill "+selector, chromedp.Clear(chromedp.CSS(selector)), chromedp.SendKeys(chromedp.CSS(selector), text))
}

// run evaluates an expression in the page; a promise is waited for.
func run[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.fatal("%s: %v", expression, err)
	}
	return got
}

// has tells whether the page has such an element.
func (b *browser) has(selector string) bool {
	b.t.Helper()
	return run[bool](b, fmt.Sprintf("document.querySelector(%q) !== null", selector))
}

// text is what an element shows, "" if there is none.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return run[string](b, fmt.Sprintf("document.querySelector(%q)?.innerText.trim() ?? ''", selector))
}

// texts are what all such elements show.
func (b *browser) texts(selector string) []string {
	b.t.Helper()
	return run[[]string](b, fmt.Sprintf("[...document.querySelectorAll(%q)].map(e => e.innerText.trim())", selector))
}

// shows sees that an element shows a text now.
func (b *browser) shows(selector, want string) {
	b.t.Helper()
	if got := b.text(selector); !strings.Contains(got, want) {
		b.fatal("%s shows %q, want %q", selector, got, want)
	}
}

// until waits until an expression is true in the page, without touching the page, and returns how long that took.
func (b *browser) until(expression string) time.Duration {
	b.t.Helper()
	start := time.Now()
	b.do("wait for "+expression, chromedp.Poll[chromedp.Void](expression,
		chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(patience)))
	return time.Since(start)
}

// fatal fails the test and says what the page shows.
func (b *browser) fatal(format string, args ...any) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Second)
	defer cancel()
	page, err := chromedp.Run(ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
	if err != nil {
		page = err.Error()
	}
	b.t.Fatalf(format+"\nThe page is %s", append(args, page)...)
}

// jar is every cookie that the browser stores.
func (b *browser) jar() []*network.Cookie {
	b.t.Helper()
	got, err := chromedp.Call(b.ctx, storage.GetCookies, storage.GetCookiesParams{})
	if err != nil {
		b.t.Fatal(err)
	}
	return got.Cookies
}

// cookie is the session's as the browser stores it: the only one of the name, and of the whole jar.
func (b *browser) cookie() *network.Cookie {
	b.t.Helper()
	jar := b.jar()
	if len(jar) != 1 || jar[0].Name != cookieName {
		b.fatal("the jar has %s, want one %s", cookieNames(jar), cookieName)
	}
	return jar[0]
}

func cookieNames(jar []*network.Cookie) string {
	var names []string
	for _, c := range jar {
		names = append(names, fmt.Sprintf("%s (%s%s)", c.Name, c.Domain, c.Path))
	}
	return fmt.Sprintf("%q", names)
}
