package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The demo over each engine, as people use it: through its command line and over HTTP.

// demoEngine is a store for the demo.
type demoEngine struct {
	name    string
	address func(t *testing.T) string
	keeps   bool // sessions outlive the demo
}

func TestDemo_overEachEngine(t *testing.T) {
	for _, e := range []demoEngine{
		{"SQLite", func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "sessions.db") }, true},
		{"memory", func(t *testing.T) string { return "memory" }, false},
	} {
		t.Run(e.name, func(t *testing.T) { checkDemo(t, e) })
	}
}

func checkDemo(t *testing.T, e demoEngine) {
	t.Helper()
	address, file := e.address(t), filepath.Join(t.TempDir(), "accounts.db")
	site := startDemo(t, "--store", address, "--db", file)
	laptop, phone := newPerson(t), newPerson(t)
	laptop.post(site.base+"/cart/add", "tea", "mint")
	laptop.post(site.base+"/signup", "name", "ada", "password", "a short sentence")
	phone.post(site.base+"/signin", "name", "ada", "password", "a short sentence")

	page := laptop.get(site.base + "/devices")
	ids := regexp.MustCompile(`data-id="([0-9a-f]{32})"`).FindAllStringSubmatch(page, -1)
	if nothingIsLost := strings.Contains(laptop.get(site.base+"/"), "nothing is lost"); nothingIsLost != e.keeps {
		t.Errorf("the shop says that nothing is lost: %v, want %v", nothingIsLost, e.keeps)
	}
	if len(ids) != 2 || !strings.Contains(page, "kept in "+e.name) {
		t.Fatalf("got %d devices, want 2, in %s:\n%s", len(ids), e.name, page)
	}
	laptop.post(site.base + "/devices/others")
	if strings.Contains(phone.get(site.base+"/devices"), `data-test="current"`) {
		t.Error("a device that was signed out is signed in")
	}

	site.stop()
	site = startDemo(t, "--store", address, "--db", file)
	page = laptop.get(site.base + "/devices")
	if there := strings.Contains(page, `data-test="current"`); there != e.keeps {
		t.Errorf("signed in after a restart: %v, want %v", there, e.keeps)
	}
	if e.keeps && !strings.Contains(page, `data-test="cart-count">1<`) {
		t.Errorf("the cart is gone:\n%s", page)
	}
	site.stop()
}

// site is a demo that runs.
type site struct {
	base string
	stop func()
}

func startDemo(t *testing.T, args ...string) *site {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	stdout, out := io.Pipe()
	var stderr bytes.Buffer
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, append([]string{"demo", "--addr", "localhost:0"}, args...), out, &stderr)
		out.Close()
	}()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the demo did not start: %v, %q", err, &stderr)
	}
	return &site{
		// 127.0.0.1 is another host to browsers than localhost; cookies follow the name.
		base: regexp.MustCompile(`http://localhost:\d+`).FindString(line),
		stop: func() {
			t.Helper()
			cancel()
			if got := <-status; got != 0 || stderr.Len() > 0 {
				t.Errorf("got exit status %d and %q", got, &stderr)
			}
		},
	}
}

// person is somebody with a browser.
type person struct {
	t *testing.T
	http.Client
}

func newPerson(t *testing.T) *person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t, http.Client{Jar: secure{jar}, Timeout: 20 * time.Second}}
}

// secure is a jar that sends Secure cookies to http://localhost, as browsers do and net/http does not. Like theirs, its
// cookies know no port.
type secure struct{ http.CookieJar }

func (j secure) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.CookieJar.SetCookies(overTLS(u), cookies)
}
func (j secure) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(overTLS(u)) }

func overTLS(u *url.URL) *url.URL {
	other := *u
	other.Scheme = "https"
	return &other
}

func (p *person) get(address string) string {
	p.t.Helper()
	resp, err := p.Get(address)
	return p.body(resp, err)
}

func (p *person) post(address string, pairs ...string) string {
	p.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	resp, err := p.PostForm(address, form)
	return p.body(resp, err)
}

func (p *person) body(resp *http.Response, err error) string {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= http.StatusInternalServerError {
		p.t.Fatalf("got status %d, %v:\n%s", resp.StatusCode, err, text)
	}
	return string(text)
}
