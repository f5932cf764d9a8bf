package demo_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/demo"
)

func TestThrottle_allowsABurstAndThenOneEachInterval(t *testing.T) {
	now := time.Unix(1e9, 0)
	th := demo.NewThrottle(3, time.Second, func() time.Time { return now })
	for i := range 3 {
		if wait := th.Take("a"); wait != 0 {
			t.Fatalf("attempt %d: got %v to wait", i+1, wait)
		}
	}
	if wait := th.Take("a"); wait != time.Second {
		t.Errorf("got %v to wait, want 1s", wait)
	}
	if wait := th.Take("b"); wait != 0 {
		t.Errorf("another name: got %v to wait", wait)
	}
	th.Return("a")
	if wait := th.Take("a"); wait != 0 {
		t.Errorf("after one was returned: got %v to wait", wait)
	}
	now = now.Add(999 * time.Millisecond)
	if wait := th.Take("a"); wait != time.Millisecond {
		t.Errorf("got %v to wait, want 1ms", wait)
	}
	now = now.Add(time.Millisecond)
	if wait := th.Take("a"); wait != 0 {
		t.Errorf("after the interval: got %v to wait", wait)
	}
}

func TestThrottle_isBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	th := demo.NewThrottle(1, time.Hour, func() time.Time { return now })
	for i := range 2 * demo.MaxThrottled {
		th.Take(fmt.Sprint(i))
	}
	if n := th.Len(); n > demo.MaxThrottled {
		t.Errorf("got %d names, want at most %d", n, demo.MaxThrottled)
	}
}

func TestSignIn_isThrottledPerAccount(t *testing.T) {
	st := newSite(t)
	st.client(t).signUp("ada")
	st.client(t).signUp("bob")
	try := func(i int, name, password string) answer {
		c := st.client(t)
		c.from = fmt.Sprintf("10.0.0.%d:99", i) // from everywhere
		return c.post("/signin", "name", name, "password", password)
	}
	for i := range 5 {
		if got := try(i, "ada", "a wrong guess"); got.StatusCode != http.StatusUnprocessableEntity {
			t.Fatalf("guess %d: got status %d", i+1, got.StatusCode)
		}
	}
	hashes := demo.CountHashes(st.app)
	got := try(6, "ADA", password)
	if got.StatusCode != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" {
		t.Errorf("the right password among too many: got status %d, Retry-After %q", got.StatusCode, got.Header.Get("Retry-After"))
	}
	if n := hashes.Load(); n != 0 {
		t.Errorf("a throttled attempt cost %d hashes", n)
	}
	if got := try(7, "bob", password); got.StatusCode != http.StatusSeeOther {
		t.Errorf("another account: got status %d", got.StatusCode)
	}
	st.clock.advance(21 * time.Second)
	if got := try(8, "ada", password); got.StatusCode != http.StatusSeeOther {
		t.Errorf("after a while: got status %d", got.StatusCode)
	}
}

func TestSignIn_isThrottledPerAddress(t *testing.T) {
	st := newSite(t)
	status := func(from string) int {
		c := st.client(t)
		c.from = from
		return c.post("/signin", "name", "no name at all!", "password", "a wrong guess").StatusCode // costs no hash, so no time
	}
	for i := range 20 {
		if got := status(fmt.Sprintf("[2001:db8:1:2::%x]:99", i)); got != http.StatusUnprocessableEntity {
			t.Fatalf("guess %d: got status %d", i+1, got)
		}
	}
	if got := status("[2001:db8:1:2:ffff::1]:99"); got != http.StatusTooManyRequests {
		t.Errorf("the same /64: got status %d", got)
	}
	if got := status("[2001:db8:1:3::1]:99"); got != http.StatusUnprocessableEntity {
		t.Errorf("another /64: got status %d", got)
	}
}
