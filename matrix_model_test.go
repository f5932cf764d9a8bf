package sojourn_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

var quiet = log.New(io.Discard, "", 0)

func askHTTP2(t *testing.T, server *httptest.Server, cookie string) (got seen) {
	t.Helper()
	trace := &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
		got.hints = append(got.hints, http.Header(h))
		return nil
	}}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), "GET", server.URL+"/page", nil)
	if err != nil {
		t.Fatal(err)
	}
	if cookie != "" {
		r.Header.Set("Cookie", "theme=dark; "+cookie) // two fields on the wire
	}
	resp, err := server.Client().Do(r)
	if err != nil {
		got.err = err
		return got
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 {
		t.Fatalf("got %s, want HTTP/2", resp.Proto)
	}
	body, err := io.ReadAll(resp.Body)
	return seen{resp.StatusCode, resp.Header, string(body), resp.Trailer, got.hints, err}
}

// evilUpstream is what a reverse proxy may stand before: it sets our cookie wherever it can.
func evilUpstream(t *testing.T) http.Handler {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		w.Header().Add("Set-Cookie", hostID+"=evil; Path=/")
		w.Header().Add("Set-Cookie", "theirs=1")
		_, _ = io.WriteString(w, "of the upstream")
		w.Header().Set("X-Sum", "1")
	}))
	t.Cleanup(upstream.Close)
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = quiet
	return proxy
}

// expectation is the model's answer for one cell.
type expectation struct {
	calls         []string
	cookie        string
	control, vary string
	code          int
	body          string
}

// expect is the model. failing is the store call that fails, "" if none does.
func expect(a act, w way, hijacks bool, failing string) expectation {
	e := expectation{a.calls, a.cookie, "", "", w.code, w.body}
	// A taken connection can be told of no cookie: what needs one is refused before it is stored.
	refused := hijacks && a.cookie == "set"
	if refused {
		e.calls = slices.DeleteFunc(slices.Clone(e.calls), func(op string) bool { return op != "load" })
	}
	if a.do != nil {
		e.control, e.vary = "private", "Cookie"
	}
	if strings.HasPrefix(w.name, "content") && w.code != 416 {
		e.control = "public" // its handler says so, and net/http takes it back where there is an error
	}
	at := slices.Index(e.calls, failing)
	switch {
	case at >= 0:
		e.calls, e.code, e.body, e.control = slices.Clone(e.calls[:at+1]), 503, "", "no-store"
		if failing == "update" {
			e.calls = append(e.calls, "load") // whether it happened
		}
		if e.cookie != "removed" || failing == "load" || hijacks {
			e.cookie = "none"
		}
	case refused:
		e.code, e.body, e.control, e.cookie = 500, "", "no-store", "none"
	case hijacks:
		e.cookie, e.control, e.vary = "none", "", "" // the handler wrote the response
	case e.cookie != "none":
		e.control = "no-store"
	}
	return e
}

// check compares a cell with the model.
func (x *matrix) check(where string, got seen, want expectation) {
	x.t.Helper()
	if got.err != nil {
		x.t.Errorf("%s: %v", where, got.err)
		return
	}
	calls := x.spy.take()
	control, vary := strings.Join(got.header["Cache-Control"], "|"), strings.Join(got.header["Vary"], "|")
	if got.code != want.code || got.body != want.body || cookieOf(got.header) != want.cookie || control != want.control || vary != want.vary ||
		!slices.Equal(calls, want.calls) {
		x.t.Errorf("%s: got %d %q, cookie %s, Cache-Control %q, Vary %q, store calls %v; want %+v\n%s",
			where, got.code, got.body, cookieOf(got.header), control, vary, calls, want, showHeader(got.header))
	}
	for _, line := range got.header["Set-Cookie"] {
		if strings.Contains(line, "evil") {
			x.t.Errorf("%s: got Set-Cookie %q of the upstream's", where, line)
		}
	}
	for _, early := range got.hints {
		if cookieOf(early) != "none" || len(early["Cache-Control"])+len(early["Vary"]) > 0 {
			x.t.Errorf("%s: got %v in an informational response", where, early)
		}
	}
	for name, values := range got.trailer {
		if strings.Contains(strings.Join(values, ""), hostID) || name == "Set-Cookie" || name == "Cache-Control" {
			x.t.Errorf("%s: got %s: %q in a trailer", where, name, values)
		}
	}
}

// opens tells whose session the token opens now, "" if nobody's.
func (x *matrix) opens(token string) string {
	x.t.Helper()
	x.spy.fail(nil)
	defer x.spy.take()
	s, err := x.m.Begin(func(name string) []string {
		if name == "Cookie" {
			return []string{hostID + "=" + token}
		}
		return nil
	}).Load(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	return s.Subject()
}

func TestMatrix_everyWayToAnswer(t *testing.T) {
	x := newMatrix(t, sojourn.Config{})
	for name := range wrappers() {
		for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
			for _, w := range matrixWays(evilUpstream(t)) {
				if w.around != nil && !slices.Contains(w.around, name) {
					continue
				}
				for _, a := range matrixActs() {
					token := ""
					if !a.visitor {
						token = x.token()
					}
					got := x.run(protocol+" "+name, a, w.do, token)
					hijacks := w.name == "hijack" && protocol == "HTTP/1.1"
					want := expect(a, w, hijacks, "")
					if hijacks && want.code == 200 && got.header.Get("X-Taken") != "over" {
						t.Errorf("%s %s, %s: the connection was not taken", protocol, name, a.name)
					}
					x.check(protocol+", "+name+" around, "+a.name+", "+w.name, got, want)
					if w.name == "early hints" && len(got.hints) != 1 || w.name == "trailers" && got.trailer.Get("X-Sum") != "45" {
						t.Errorf("%s, %s around, %s: got hints %v and trailers %v", protocol, name, w.name, got.hints, got.trailer)
					}
				}
			}
		}
	}
	t.Logf("%d combinations", x.cells)
}
