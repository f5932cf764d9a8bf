package sojourn_test

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// The middleware matrix: what a handler does to its session × how it answers × what stands around × HTTP/1.1 and HTTP/2 ×
// what goes wrong, each against a model of store calls, cookies and headers. Attacks, items 1, 3, 6, 7; G7 to G19.

// act is what a handler does to its session, and the model of it.
type act struct {
	name    string
	visitor bool // the client presents nothing
	do      func(s *sojourn.Session)
	calls   []string // of the store
	cookie  string   // none, set or removed
	late    string   // the store call of a change after the commit point, "" if there is none to be made
}

const lateName = "late"

func matrixActs() []act {
	set := func(s *sojourn.Session) { s.Set("x", 1) }
	return []act{
		{"untouched", false, nil, nil, "none", ""},
		{"read", false, func(s *sojourn.Session) { s.Has("x") }, []string{"load"}, "none", "patch"},
		{"read nothing", true, func(s *sojourn.Session) { s.Has("x") }, nil, "none", ""},
		{"create", true, set, []string{"save"}, "set", "patch"},
		{"change", false, set, []string{"load", "patch"}, "none", "patch"},
		{"renew", false, func(s *sojourn.Session) { s.Renew() }, []string{"load", "update"}, "set", "patch"},
		{"login", false, func(s *sojourn.Session) { s.Login("42") }, []string{"load", "update"}, "set", "patch"},
		{"login of another", false, func(s *sojourn.Session) { s.Login("43") }, []string{"load", "delete", "save"}, "set", "patch"},
		{"logout", false, func(s *sojourn.Session) { s.Logout() }, []string{"load", "delete"}, "removed", ""},
	}
}

// way is how a handler answers.
type way struct {
	name string
	code int
	body string
	// around, if any, are the only wrappers that let it through as it is.
	around []string
	do     func(w http.ResponseWriter, r *http.Request)
}

const matrixBody = "0123456789"

func matrixWays(upstream http.Handler) []way {
	flush := func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }
	content := func(header, value string) func(w http.ResponseWriter, r *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set(header, value)
			w.Header().Set("Cache-Control", "public")
			http.ServeContent(w, r, "a.txt", time.Unix(1e9, 0), strings.NewReader(matrixBody))
		}
	}
	return []way{
		{name: "return", code: 200, do: func(http.ResponseWriter, *http.Request) {}},
		{name: "WriteHeader", code: 204, do: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }},
		{name: "Write", code: 200, body: matrixBody, do: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(matrixBody)) }},
		{name: "WriteString", code: 200, body: matrixBody, do: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, matrixBody) }},
		{name: "ReadFrom", code: 200, body: matrixBody, do: func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.Copy(w, io.LimitReader(strings.NewReader(matrixBody), 99))
		}},
		{name: "Flush", code: 200, body: matrixBody, do: func(w http.ResponseWriter, _ *http.Request) {
			flush(w)
			_, _ = io.WriteString(w, matrixBody)
			flush(w)
		}},
		{name: "superfluous", code: 404, body: matrixBody, do: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			_, _ = io.WriteString(w, matrixBody)
		}},
		{name: "early hints", code: 200, body: matrixBody, around: []string{"nothing", "wrapper", "MaxBytesHandler", "ReverseProxy"}, do: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "</a.css>")
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = io.WriteString(w, matrixBody)
		}},
		{name: "trailers", code: 200, body: matrixBody, around: []string{"nothing", "wrapper", "MaxBytesHandler", "ReverseProxy"}, do: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-Sum")
			flush(w)
			_, _ = io.WriteString(w, matrixBody)
			w.Header().Set("X-Sum", "45")
			w.Header().Set("Trailer:X-Late", "1")
		}},
		{name: "redirect", code: 303, do: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(303)
		}},
		{name: "content", code: 200, body: matrixBody, do: content("X", "")},
		{name: "content, a range", code: 206, body: matrixBody[:2], do: content("Range", "bytes=0-1")},
		{name: "content, no such range", code: 416, body: "invalid range: failed to overlap\n", do: content("Range", "bytes=99-")},
		{name: "content, not modified", code: 304, do: content("If-Modified-Since", "Sun, 09 Sep 2035 01:46:40 GMT")},
		{name: "body too large", code: 413, body: "too large\n", do: func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, io.NopCloser(strings.NewReader(matrixBody)), 5)
			if _, err := io.ReadAll(r.Body); errors.As(err, new(*http.MaxBytesError)) {
				http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			}
		}},
		{name: "upstream", code: 200, body: "of the upstream", do: upstream.ServeHTTP},
		{name: "hijack", code: 200, body: matrixBody, around: []string{"nothing", "wrapper", "MaxBytesHandler"}, do: takeOver},
	}
}

// takeOver writes the response itself where the protocol lets it.
func takeOver(w http.ResponseWriter, _ *http.Request) {
	conn, rw, err := http.NewResponseController(w).Hijack()
	switch {
	case errors.Is(err, http.ErrNotSupported): // HTTP/2
		_, _ = io.WriteString(w, matrixBody)
	case err == nil:
		defer conn.Close()
		_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\nX-Taken: over\r\n\r\n" + matrixBody)
		_ = rw.Flush()
	}
}

// unwrapping is a middleware's writer: it hides what the one below can do, but for Unwrap.
type unwrapping struct{ http.ResponseWriter }

func (w unwrapping) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// wrappers stand around the manager's handler, or between it and the application's.
func wrappers() map[string]func(manage func(http.Handler) http.Handler, h http.Handler) http.Handler {
	return map[string]func(manage func(http.Handler) http.Handler, h http.Handler) http.Handler{
		"nothing": func(manage func(http.Handler) http.Handler, h http.Handler) http.Handler { return manage(h) },
		"wrapper": func(manage func(http.Handler) http.Handler, h http.Handler) http.Handler {
			wrap := func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(unwrapping{w}, r) })
			}
			return wrap(manage(wrap(h)))
		},
		"TimeoutHandler inside": func(manage func(http.Handler) http.Handler, h http.Handler) http.Handler {
			return manage(http.TimeoutHandler(h, time.Minute, "too slow"))
		},
		"TimeoutHandler outside": func(manage func(http.Handler) http.Handler, h http.Handler) http.Handler {
			return http.TimeoutHandler(manage(h), time.Minute, "too slow")
		},
		"MaxBytesHandler": func(manage func(http.Handler) http.Handler, h http.Handler) http.Handler {
			return http.MaxBytesHandler(manage(h), 1<<20)
		},
		"ReverseProxy": nil, // a server of its own in front, see newMatrix
	}
}

// matrix is an app whose one handler does what the current cell says, with servers of both protocols before it.
type matrix struct {
	*app
	t       *testing.T
	cell    atomic.Pointer[http.HandlerFunc]
	servers map[string]*httptest.Server // by protocol and wrapper
	ended   chan struct{}               // gets a value when a request has ended on the server
	cells   int
}

func newMatrix(t *testing.T, cfg sojourn.Config) *matrix {
	x := &matrix{app: newApp(t, cfg), t: t, servers: map[string]*httptest.Server{}, ended: make(chan struct{}, 1)}
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*x.cell.Load())(w, r) })
	start := func(name string, h http.Handler) {
		for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() { x.ended <- struct{}{} }()
				h.ServeHTTP(w, r)
			}))
			server.EnableHTTP2 = protocol == "HTTP/2"
			server.Config.ErrorLog = quiet
			if server.EnableHTTP2 {
				server.StartTLS()
			} else {
				server.Start()
			}
			server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			t.Cleanup(server.Close)
			x.servers[protocol+" "+name] = server
		}
	}
	for name, wrap := range wrappers() {
		if wrap != nil {
			start(name, wrap(x.m.Handler, inner))
		}
	}
	behind := httptest.NewServer(x.m.Handler(inner))
	t.Cleanup(behind.Close)
	target, err := url.Parse(behind.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = quiet
	start("ReverseProxy", proxy)
	return x
}

// seen is what the client saw.
type seen struct {
	code    int
	header  http.Header
	body    string
	trailer http.Header
	hints   []http.Header
	err     error // the response was cut off
}

// token begins a session of subject 42 and returns its token.
func (x *matrix) token() string {
	x.t.Helper()
	v := x.m.Begin(func(string) []string { return nil })
	s, err := v.Load(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	s.Login("42")
	reply, err := v.Commit(x.t.Context())
	if err != nil {
		x.t.Fatal(err)
	}
	token := ""
	for name, value := range reply.Headers() {
		if name == "Set-Cookie" {
			token, _, _ = strings.Cut(strings.TrimPrefix(value, hostID+"="), ";")
		}
	}
	return token
}

// run does one cell: the handler acts and answers. It returns what the client saw once the server is done with it.
func (x *matrix) run(server string, a act, answer func(w http.ResponseWriter, r *http.Request), token string) seen {
	x.t.Helper()
	x.cells++
	cell := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.do != nil {
			s, err := sojourn.Load(r.Context())
			if err != nil {
				sojourn.Error(w, r, err)
				return
			}
			a.do(s)
		}
		answer(w, r)
	})
	x.cell.Store(&cell)
	x.spy.take()
	x.log.take()
	got := x.ask(server, token)
	<-x.ended
	return got
}

// ask sends the request: over a raw connection where that shows more.
func (x *matrix) ask(server, token string) seen {
	x.t.Helper()
	cookie := ""
	if token != "" {
		cookie = hostID + "=" + token
	}
	if strings.HasPrefix(server, "HTTP/2") {
		return askHTTP2(x.t, x.servers[server], cookie)
	}
	conn, err := net.Dial("tcp", x.servers[server].Listener.Addr().String())
	if err != nil {
		x.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprintf(conn, "GET /page HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\nTE: trailers\r\n")
	if cookie != "" {
		fmt.Fprintf(conn, "Cookie: theme=dark; %s\r\n", cookie)
	}
	fmt.Fprint(conn, "\r\n")
	return readSeen(bufio.NewReader(conn))
}

func readSeen(r *bufio.Reader) (got seen) {
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return seen{err: err, hints: got.hints}
		}
		if resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols {
			got.hints = append(got.hints, resp.Header)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		return seen{resp.StatusCode, resp.Header, string(body), resp.Trailer, got.hints, err}
	}
}

// cookieOf tells what a header does to our cookie: none, set, removed, or several.
func cookieOf(header http.Header) string {
	var ours []string
	for _, line := range header["Set-Cookie"] {
		if c, err := http.ParseSetCookie(line); err == nil && c.Name == hostID {
			ours = append(ours, map[bool]string{true: "removed", false: "set"}[c.MaxAge < 0])
		}
	}
	if len(ours) > 1 {
		return "several"
	}
	return cmp.Or(strings.Join(ours, ""), "none")
}

// showHeader is a header's bytes, for messages.
func showHeader(header http.Header) string {
	var b bytes.Buffer
	_ = header.Write(&b)
	return b.String()
}
