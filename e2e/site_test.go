package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should happen at once, on a machine that has other things to do.
const patience = 20 * time.Second

// cookieName is what the demo's sessions go by.
const cookieName = "__Host-id"

// password is everybody's.
const password = "a small tea shop by the road"

// demo is the program under test, built once.
var demo struct {
	sync.Once
	path string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if demo.path != "" {
		os.RemoveAll(filepath.Dir(demo.path))
	}
	os.Exit(code)
}

func program(t testing.TB) string {
	t.Helper()
	demo.Do(func() {
		dir, err := os.MkdirTemp("", "sojourn-e2e-")
		if err != nil {
			demo.err = err
			return
		}
		demo.path = filepath.Join(dir, "sojourn")
		cmd := exec.Command("go", "build", "-buildvcs=false", "-o", demo.path, ".")
		cmd.Dir = filepath.Join("..", "cmd", "sojourn")
		if out, err := cmd.CombinedOutput(); err != nil {
			demo.err = fmt.Errorf("build the demo: %w\n%s", err, out)
		}
	})
	if demo.err != nil {
		t.Fatal(demo.err)
	}
	return demo.path
}

// site is the demo as a process of its own.
type site struct {
	t     *testing.T
	file  string
	url   string // without a slash at the end
	cmd   *exec.Cmd
	log   *output
	agent string // what a client that is no browser calls itself; Go's own if empty
	races bool   // the page of the races was used: their late requests are logged
}

func newSite(t *testing.T) *site {
	t.Helper()
	chromium(t) // without a browser nothing needs to be built
	s := &site{t: t, file: filepath.Join(t.TempDir(), "demo.db")}
	t.Cleanup(func() {
		if s.cmd != nil {
			s.stop()
		}
	})
	s.start("localhost:0")
	return s
}

// start runs the program and waits until it says where it is.
func (s *site) start(addr string) {
	s.t.Helper()
	found := make(chan string, 1)
	out := &output{found: found}
	s.log = &output{}
	s.cmd = exec.Command(program(s.t), "demo", "--addr", addr, "--db", s.file)
	s.cmd.Stdout, s.cmd.Stderr = out, s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	select {
	case s.url = <-found:
	case <-time.After(patience):
		s.t.Fatalf("the demo says nothing; its log:\n%s", s.log)
	}
}

// kill ends the process as kill -9 does.
func (s *site) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	s.cmd.Wait() // says "signal: killed"
	s.cmd = nil
}

// stop asks the process to end, as Ctrl-C does, and looks at what it leaves.
func (s *site) stop() {
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-done:
		if err != nil {
			s.t.Errorf("the demo ended with %v", err)
		}
	case <-time.After(patience):
		s.cmd.Process.Kill()
		<-done
		s.t.Error("the demo did not stop")
	}
	for line := range strings.Lines(s.log.String()) {
		if !s.races || !strings.Contains(line, "event.kind=lost") {
			s.t.Errorf("the demo complains: %s", line)
		}
	}
}

// addr is the host and port of the site.
func (s *site) addr() string { return strings.TrimPrefix(s.url, "http://") }

// output collects what a process writes, and finds the site's address in it.
type output struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	found chan<- string // nil: look for nothing
}

var siteURL = regexp.MustCompile(`http://localhost:\d+`)

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(b)
	if bytes.Contains(b, []byte("\n")) && o.found != nil {
		o.found <- siteURL.FindString(o.buf.String())
		o.found = nil
	}
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// answer is what a client that is no browser got.
type answer struct {
	status int
	body   string
	to     string // Location
	token  string // of the cookie that was set
}

// ask sends a request as any program can, with a token and no other cookie. A form makes it a POST.
func (s *site) ask(path, token string, form ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(form) > 0 {
		fields := url.Values{}
		for i := 0; i < len(form); i += 2 {
			fields.Set(form[i], form[i+1])
		}
		r.Method = http.MethodPost
		r.Body = io.NopCloser(strings.NewReader(fields.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if s.agent != "" {
		r.Header.Set("User-Agent", s.agent)
	}
	if token != "" {
		r.Header.Set("Cookie", cookieName+"="+token)
	}
	client := http.Client{
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	got := answer{status: resp.StatusCode, body: string(body), to: resp.Header.Get("Location")}
	for _, c := range resp.Cookies() {
		if c.Name == cookieName {
			got.token = c.Value
		}
	}
	return got
}

// dead sees that a token opens nothing: no name, no cart, no devices.
func (s *site) dead(token string) {
	s.t.Helper()
	if token == "" {
		s.t.Fatal("no token to look at")
	}
	if got := s.ask("/devices", token); got.status != http.StatusSeeOther || !strings.HasPrefix(got.to, "/signin") {
		s.t.Errorf("a dead token at /devices: got %d to %q, want the sign-in page", got.status, got.to)
	}
	for _, mark := range []string{`data-test="who"`, `data-test="cart-count"`, `data-test="notice"`} {
		if got := s.ask("/", token); strings.Contains(got.body, mark) {
			s.t.Errorf("a dead token shows %s", mark)
		}
	}
}
