package demo_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/demo"
)

// serve runs the site as a real server until the test ends or stop is called; stop returns what Serve did.
func (st *site) serve(t *testing.T) (base string, stop func() error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() {
		served <- st.app.Serve(ctx, l)
		close(served)
	}()
	stop = func() error {
		cancel()
		return <-served
	}
	t.Cleanup(func() { stop() })
	return demo.URL(l), stop
}

// stream opens the page's events and returns its lines.
func (c *client) stream(base string) (lines *bufio.Scanner, status int) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 10*time.Second)
	c.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", base+"/events", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Cookie", c.cookie)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { resp.Body.Close() })
	return bufio.NewScanner(resp.Body), resp.StatusCode
}

// next returns the next line that says something, "" at the end of the stream.
func next(lines *bufio.Scanner) string {
	for lines.Scan() {
		if text := lines.Text(); text != "" && text != "data: " && !strings.HasPrefix(text, "retry:") && !strings.HasPrefix(text, ":") {
			return text
		}
	}
	return ""
}

func TestEvents_aRevokedPageHearsItAtOnce(t *testing.T) {
	st := newSite(t)
	base, _ := st.serve(t)
	here, there := st.client(t), st.client(t)
	here.signUp("ada")
	there.signIn("ada")
	mine, _ := here.stream(base)
	theirs, status := there.stream(base)
	if status != http.StatusOK {
		t.Fatalf("got status %d", status)
	}
	for _, lines := range []*bufio.Scanner{mine, theirs} {
		lines.Scan() // both listen
	}
	start := time.Now()
	here.goesTo(here.post("/devices/"+deviceIDs(here.get("/devices").body)[1]+"/revoke"), "/devices")

	if got := next(mine); got != "event: account" {
		t.Errorf("the other device: got %q", got)
	}
	if got := next(mine); got != "data: Another device was signed out." {
		t.Errorf("the other device: got %q", got)
	}
	heard := ""
	for line := next(theirs); line != ""; line = next(theirs) {
		heard += line + "\n"
	}
	if !strings.HasSuffix(heard, "event: ended\n") {
		t.Errorf("the revoked page: got %q, want it to end with \"event: ended\"", heard)
	}
	// Less than Config.Recheck: it was told and did not find out by asking.
	if took := time.Since(start); took > 1500*time.Millisecond {
		t.Errorf("took %v", took)
	}
}

func TestEvents_areForMembers(t *testing.T) {
	c := newSite(t).client(t)
	c.want(c.get("/events"), http.StatusUnauthorized)
	c.want(c.get("/devices/list"), http.StatusUnauthorized)
}

func TestEvents_doNotKeepTheServerFromStopping(t *testing.T) {
	st := newSite(t)
	base, stop := st.serve(t)
	c := st.client(t)
	c.signUp("ada")
	lines, _ := c.stream(base)
	lines.Scan()
	start := time.Now()
	if err := stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	if got := next(lines); got != "" {
		t.Errorf("got %q, want the end: the session lives on", got)
	}
}

func TestBreakIt_holds(t *testing.T) {
	st := newSite(t)
	base, _ := st.serve(t)
	before := strings.Count(st.rows(t), "\n")
	resp, err := http.Post(base+"/break", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(page), `data-passed="true"`); resp.StatusCode != http.StatusOK || n != 2 {
		t.Errorf("got status %d and %d of 2 races held:\n%s", resp.StatusCode, n, page)
	}
	if !strings.Contains(string(page), "200 of 200") {
		t.Error("no 200 of 200 on the page")
	}
	if after := strings.Count(st.rows(t), "\n"); after != before {
		t.Errorf("the races left %d records behind", after-before)
	}
}

func TestBreakIt_isThrottled(t *testing.T) {
	st := newSite(t)
	base, _ := st.serve(t)
	for i, want := range []int{200, 200, 200, 429} {
		resp, err := http.Post(base+"/break", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("run %d: got status %d, want %d", i+1, resp.StatusCode, want)
		}
	}
}

func TestLab_holdsNoRequestOutsideARace(t *testing.T) {
	c := newSite(t).client(t)
	c.want(c.post("/lab/hold/x"), http.StatusNotFound)
	if c.cookie != "" {
		t.Error("it began a session")
	}
}
