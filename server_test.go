package sojourn_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// The middleware over real servers, HTTP/1.1 and HTTP/2: what a recorder cannot show.

// servers runs f against a server of each protocol.
func servers(t *testing.T, h http.Handler, f func(t *testing.T, server *httptest.Server)) {
	for _, http2 := range []bool{false, true} {
		server := httptest.NewUnstartedServer(h)
		server.EnableHTTP2 = http2
		name := "HTTP1"
		if http2 {
			name = "HTTP2"
			server.StartTLS()
		} else {
			server.Start()
		}
		t.Run(name, func(t *testing.T) {
			defer server.Close()
			f(t, server)
		})
	}
}

// fetch sends a request and returns the response, its body, and the informational responses before it.
func fetch(t *testing.T, server *httptest.Server, method, path, cookie string) (resp *http.Response, body string, hints []textproto.MIMEHeader) {
	t.Helper()
	trace := &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
		hints = append(hints, h)
		return nil
	}}
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	resp, err = server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b), hints
}

func TestServer_everyWayToAnswer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "big.txt")
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	a := newApp(t, sojourn.Config{})
	for path, f := range map[string]http.HandlerFunc{
		"/return": func(w http.ResponseWriter, r *http.Request) {},
		"/write":  func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "body") },
		"/status": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) },
		"/file":   func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) },
		"/redirect": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/return")
			w.WriteHeader(303)
		},
		"/superfluous": func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404); io.WriteString(w, "none") },
		"/stream": func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			for range 3 {
				io.WriteString(w, "data")
				if err := rc.Flush(); err != nil && r.Method == "GET" { // HTTP/2 ends the stream of a HEAD with its header
					t.Error(err)
				}
			}
		},
		"/hints": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</a.css>")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusProcessing)
			io.WriteString(w, "body")
		},
	} {
		a.on(path, func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			s.Set("x", 1)
			f(w, r)
		})
	}
	servers(t, a, func(t *testing.T, server *httptest.Server) {
		server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		for path, want := range map[string]struct {
			code int
			body string
		}{
			"/return": {200, ""}, "/write": {200, "body"}, "/status": {204, ""}, "/file": {200, string(content)}, "/redirect": {303, ""},
			"/superfluous": {404, "none"}, "/stream": {200, "datadatadata"}, "/hints": {200, "body"},
		} {
			for _, method := range []string{"GET", "HEAD"} {
				resp, body, hints := fetch(t, server, method, path, "")
				wantBody := want.body
				if method == "HEAD" {
					wantBody = ""
				}
				if resp.StatusCode != want.code || body != wantBody {
					t.Errorf("%s %s: got %d and %d bytes, want %d and %d", method, path, resp.StatusCode, len(body), want.code, len(wantBody))
				}
				if lines := resp.Header["Set-Cookie"]; len(lines) != 1 || resp.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s %s: got %v, want one cookie and no-store", method, path, resp.Header)
				}
				if wanted := map[bool]int{true: 2}[path == "/hints"]; len(hints) != wanted {
					t.Errorf("%s %s: got %d informational responses, want %d", method, path, len(hints), wanted)
				}
				for _, h := range hints {
					if len(h["Set-Cookie"])+len(h["Cache-Control"])+len(h["Vary"]) > 0 {
						t.Errorf("%s %s: got %v in an informational response", method, path, h)
					}
				}
			}
		}
	})
}

// A conditional request: 304 carries what depends on the session, and nothing of ours is lost on the way.
func TestServer_notModified(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.on("/", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		visits.Update(s, increment)
		w.Header().Set("ETag", `"1"`)
		w.WriteHeader(http.StatusNotModified)
	})
	servers(t, a, func(t *testing.T, server *httptest.Server) {
		resp, _, _ := fetch(t, server, "GET", "/", "")
		if resp.StatusCode != 304 || len(resp.Cookies()) != 1 || resp.Header.Get("Vary") != "Cookie" {
			t.Errorf("got %d %v, want 304 with a cookie and Vary", resp.StatusCode, resp.Header)
		}
	})
}

// A panic: the connection is cut or an empty answer comes, never a cookie of a session that was not stored.
func TestServer_panic(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/", func(s *sojourn.Session) { s.Set("x", 1); panic(http.ErrAbortHandler) })
	servers(t, a, func(t *testing.T, server *httptest.Server) {
		resp, err := server.Client().Get(server.URL)
		if err == nil {
			t.Errorf("got %v, want the connection or stream to be cut", resp)
			resp.Body.Close()
		}
		a.spy.wantCalls(t)
	})
}

// Hijack commits first. Whoever takes the connection writes the response, so a cookie cannot be told.
func TestServer_hijack(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.on("/show", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { fmt.Fprint(w, s.Values()) })
	a.on("/socket/{what}", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		switch r.PathValue("what") {
		case "change", "create":
			s.Set("x", 1)
		case "renew":
			s.Renew()
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			if err != sojourn.ErrSent {
				t.Errorf("got %v, want ErrSent", err)
			}
			return
		}
		defer conn.Close()
		s.Set("y", 1)
		if err := s.Commit(r.Context()); err != nil {
			t.Error(err)
		}
		s.Renew()
		if err := s.Commit(r.Context()); err != sojourn.ErrSent {
			t.Errorf("got %v of a renewal over a taken connection, want ErrSent", err)
		}
		rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello")
		rw.Flush()
	})
	server := httptest.NewServer(a)
	defer server.Close()
	login, _, _ := fetch(t, server, "GET", "/login", "")
	cookie := hostID + "=" + login.Cookies()[0].Value
	for path, want := range map[string]string{"change": "HTTP/1.1 101 Switching Protocols", "renew": "HTTP/1.1 500 Internal Server Error", "create": "HTTP/1.1 500 Internal Server Error"} {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		header := "Cookie: " + cookie + "\r\n"
		if path == "create" {
			header = ""
		}
		fmt.Fprintf(conn, "GET /socket/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n", path, header)
		b, _ := io.ReadAll(bufio.NewReader(conn))
		conn.Close()
		if line, rest, _ := strings.Cut(string(b), "\r\n"); line != want || strings.Contains(rest, "Set-Cookie") {
			t.Errorf("%s: got %q, want %q without a cookie", path, b, want)
		}
	}
	if _, body, _ := fetch(t, server, "GET", "/show", cookie); body != "[x y]" {
		t.Errorf("got %s, want the changes before and after the connection was taken", body)
	}
}

// 101 is final: what the session needs goes with it.
func TestServer_switchingProtocols(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.on("/", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Set("x", 1)
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(http.StatusSwitchingProtocols)
	})
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 101 || len(w.Header()["Set-Cookie"]) != 1 {
		t.Errorf("got %d %v, want 101 with a cookie", w.Code, w.Header())
	}
	a.spy.wantCalls(t, "save")
}
