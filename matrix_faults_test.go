package sojourn_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
)

var protocols = []string{"HTTP/1.1", "HTTP/2"}

// Each store call that a cell makes fails in turn.
func TestMatrix_eachStoreCallFails(t *testing.T) {
	x := newMatrix(t, sojourn.Config{})
	ways := matrixWays(evilUpstream(t))
	for _, around := range []string{"nothing", "TimeoutHandler inside", "TimeoutHandler outside"} {
		for _, protocol := range protocols {
			for _, w := range ways {
				if w.around != nil && !slices.Contains(w.around, around) {
					continue
				}
				for _, a := range matrixActs() {
					for _, failing := range slices.Compact(slices.Sorted(slices.Values(a.calls))) {
						token := ""
						if !a.visitor {
							token = x.token()
						}
						x.spy.fail(errDriver, failing)
						got := x.run(protocol+" "+around, a, w.do, token)
						where := fmt.Sprintf("%s, %s around, %s, %s, %s fails", protocol, around, a.name, w.name, failing)
						x.check(where, got, expect(a, w, w.name == "hijack" && protocol == "HTTP/1.1", failing))
						x.spy.fail(nil)
					}
				}
			}
		}
	}
	t.Logf("%d combinations", x.cells)
}

// A change after the commit point is kept where it needs no cookie, and told where it does.
func TestMatrix_changesAfterTheCommit(t *testing.T) {
	x := newMatrix(t, sojourn.Config{})
	for _, around := range []string{"nothing", "wrapper", "TimeoutHandler outside", "MaxBytesHandler"} {
		for _, protocol := range protocols {
			for _, w := range matrixWays(evilUpstream(t)) {
				if w.name == "return" || w.name == "hijack" || w.around != nil && !slices.Contains(w.around, around) {
					continue
				}
				for _, a := range matrixActs() {
					if a.do == nil {
						continue
					}
					token := ""
					if !a.visitor {
						token = x.token()
					}
					got := x.run(protocol+" "+around, a, func(wr http.ResponseWriter, r *http.Request) {
						w.do(wr, r)
						if s, err := sojourn.Load(r.Context()); err == nil {
							s.Set(lateName, 1)
						}
					}, token)
					want := expect(a, w, false, "")
					lost := 1
					if a.late != "" {
						want.calls, lost = append(slices.Clone(want.calls), a.late), 0
					}
					where := fmt.Sprintf("%s, %s around, %s, %s, then a change", protocol, around, a.name, w.name)
					x.check(where, got, want)
					if n := x.log.count(sojourn.EventLost); n != lost {
						t.Errorf("%s: got %d events of a loss, want %d", where, n, lost)
					}
				}
			}
		}
	}
	t.Logf("%d combinations", x.cells)
}

// after tells whom the token that the client presented opens once the act has been stored.
func (a act) after() string {
	if a.cookie == "none" && !a.visitor {
		return "42"
	}
	return "" // replaced, ended, or there was none
}

func (x *matrix) checkKept(where, token string, a act, calls []string, kept bool) {
	x.t.Helper()
	want := a.after()
	if !kept && !a.visitor {
		want = "42"
	}
	if got := x.spy.take(); !slices.Equal(got, calls) {
		x.t.Errorf("%s: got store calls %v, want %v", where, got, calls)
	}
	if token != "" {
		if got := x.opens(token); got != want {
			x.t.Errorf("%s: the token opens %q afterwards, want %q", where, got, want)
		}
	}
}

// A panic stores nothing but a logout, before the commit point, and undoes nothing after it. The client gets no response that
// looks whole.
func TestMatrix_panics(t *testing.T) {
	x := newMatrix(t, sojourn.Config{})
	for _, around := range []string{"nothing", "wrapper", "MaxBytesHandler", "TimeoutHandler inside"} {
		for _, protocol := range protocols {
			for _, when := range []string{"before", "after Write", "after Flush"} {
				for _, value := range []any{http.ErrAbortHandler, "boom"} {
					for _, a := range matrixActs() {
						token := ""
						if !a.visitor {
							token = x.token()
						}
						got := x.run(protocol+" "+around, a, func(w http.ResponseWriter, _ *http.Request) {
							if when != "before" {
								_, _ = w.Write([]byte(matrixBody))
							}
							if when == "after Flush" {
								_ = http.NewResponseController(w).Flush()
							}
							panic(value)
						}, token)
						where := fmt.Sprintf("%s, %s around, %s, panic %s", protocol, around, a.name, when)
						kept := a.name == "logout" || when != "before" && around != "TimeoutHandler inside" // which buffers
						calls := a.calls
						if !kept {
							calls = slices.DeleteFunc(slices.Clone(calls), func(op string) bool { return op != "load" })
						}
						if got.err == nil {
							t.Errorf("%s: got a whole response, %d %q", where, got.code, got.body)
						}
						x.checkKept(where, token, a, calls, kept)
					}
				}
			}
		}
	}
	t.Logf("%d combinations", x.cells)
}

// The client leaves: what its handler did is stored all the same, unless it left before there was a session to be had.
func TestMatrix_clientGone(t *testing.T) {
	x := newMatrix(t, sojourn.Config{})
	for _, around := range []string{"nothing", "wrapper", "MaxBytesHandler"} {
		for _, protocol := range protocols {
			for _, when := range []string{"before the load", "before the commit", "during the commit", "after the commit"} {
				for _, a := range matrixActs() {
					token := ""
					if !a.visitor {
						token = x.token()
					}
					x.leaving(protocol+" "+around, when, a, token)
					calls, kept := a.calls, true
					if when == "before the load" && !a.visitor && a.do != nil {
						calls, kept = []string{"load"}, false
					}
					x.checkKept(fmt.Sprintf("%s, %s around, %s, gone %s", protocol, around, a.name, when), token, a, calls, kept)
				}
			}
		}
	}
	t.Logf("%d combinations", x.cells)
}

// leaving does one cell whose client leaves at the named moment.
func (x *matrix) leaving(server, when string, a act, token string) {
	x.t.Helper()
	x.cells++
	here := make(chan struct{}) // the moment has come
	wait := func(r *http.Request) {
		close(here)
		<-r.Context().Done()
	}
	cell := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if when == "before the load" {
			wait(r)
		}
		if a.do != nil {
			s, err := sojourn.Load(r.Context())
			if err != nil {
				sojourn.Error(w, r, err)
				return
			}
			a.do(s)
		}
		switch when {
		case "before the commit":
			wait(r)
		case "during the commit":
			last := ""
			if len(a.calls) > 0 {
				last = a.calls[len(a.calls)-1]
			}
			if last == "" || last == "load" {
				wait(r)
				break
			}
			x.spy.hook(func(op string, _ sojourn.Key) error {
				if op == last {
					wait(r)
				}
				return nil
			})
		}
		_, _ = w.Write([]byte(matrixBody))
		if when == "after the commit" {
			_ = http.NewResponseController(w).Flush()
			wait(r)
		}
	})
	x.cell.Store(&cell)
	x.spy.take()
	if strings.HasPrefix(server, "HTTP/2") {
		ctx, leave := context.WithCancel(x.t.Context())
		go func() {
			<-here
			leave()
		}()
		r, err := http.NewRequestWithContext(ctx, "GET", x.servers[server].URL, nil)
		if err != nil {
			x.t.Fatal(err)
		}
		r.Header.Set("Cookie", hostID+"="+token)
		if resp, err := x.servers[server].Client().Do(r); err == nil {
			resp.Body.Close()
		}
		<-here
	} else {
		conn, err := net.Dial("tcp", x.servers[server].Listener.Addr().String())
		if err != nil {
			x.t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: example.com\r\nCookie: %s=%s\r\n\r\n", hostID, token)
		<-here
		conn.Close()
	}
	<-x.ended
	x.spy.hook(nil)
}

// http.TimeoutHandler fires. Inside, its answer commits the session like any other. Outside, it answers without the session's
// headers while the handler runs on: what that did is stored, and the client keeps the token it had.
func TestMatrix_timeoutHandlerFires(t *testing.T) {
	for _, inside := range []bool{true, false} {
		for _, c := range matrixActs() {
			synctest.Test(t, func(t *testing.T) { // whose clock goes on only when all wait
				x := &matrix{app: newApp(t, sojourn.Config{}), t: t}
				r := httptest.NewRequest("GET", "/", nil)
				token := ""
				if !c.visitor {
					token = x.token()
					r.Header.Set("Cookie", hostID+"="+token)
				}
				x.spy.take()
				got := serve(x.slow(c, inside), r)
				synctest.Wait() // for a handler that runs on
				want := expect(c, way{code: 503, body: "too slow"}, false, "")
				if !inside {
					want.cookie, want.control, want.vary = "none", "", ""
				}
				where := fmt.Sprintf("inside %v, %s", inside, c.name)
				calls := x.spy.take()
				x.spy.calls = slices.Clone(calls)
				x.check(where, seen{code: got.StatusCode, header: got.Header, body: got.body}, want)
				x.spy.calls = calls
				x.checkKept(where, token, c, c.calls, true)
			})
		}
	}
}

// slow is a handler that acts and then waits until its time is up.
func (x *matrix) slow(c act, inside bool) http.Handler {
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.do != nil {
			s, err := sojourn.Load(r.Context())
			if err != nil {
				x.t.Error(err)
				return
			}
			c.do(s)
		}
		<-r.Context().Done()
		_, _ = w.Write([]byte(matrixBody))
	})
	if inside {
		return x.m.Handler(http.TimeoutHandler(h, time.Second, "too slow"))
	}
	return http.TimeoutHandler(x.m.Handler(h), time.Second, "too slow")
}
