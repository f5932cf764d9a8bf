package sojourn_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// upgrade asks for a WebSocket through a manager around a reverse proxy, whose upstream switches protocols and sets fields of
// its own, and returns the answer.
func upgrade(t *testing.T, cfg sojourn.Config, own string, before func(*sojourn.Session, *http.Request)) *http.Response {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+own+"\r\n")
		_ = rw.Flush()
	}))
	t.Cleanup(upstream.Close)
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	m := newManager(t, memstore.New(memstore.Config{}), cfg)
	front := httptest.NewServer(m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		before(s, r)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	conn, err := net.Dial("tcp", strings.TrimPrefix(front.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	got, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("got %s, want 101", got.Status)
	}
	return got
}

// httputil.ReverseProxy writes the answer of an upstream server that switches protocols itself, after it has taken the
// connection: a cookie of ours in it would be a fixation (SEC-37).
func TestUpgrade_dropsTheUpstreamsCookie(t *testing.T) {
	const evil = "Set-Cookie: __Host-id=EVIL; Path=/; Secure\r\nSet-Cookie: theme=dark\r\n"
	nothing := func(*sojourn.Session, *http.Request) {}
	login := func(s *sojourn.Session, r *http.Request) {
		s.Login("alice")
		if err := s.Commit(r.Context()); err != nil {
			t.Error(err)
		}
	}
	if got := upgrade(t, sojourn.Config{}, evil, nothing).Header.Values("Set-Cookie"); len(got) != 1 || got[0] != "theme=dark" {
		t.Errorf("got Set-Cookie %q, want the upstream's other one alone", got)
	}
	got := upgrade(t, sojourn.Config{}, evil, login).Header.Values("Set-Cookie")
	if len(got) != 2 || strings.Contains(strings.Join(got, " "), "EVIL") || !strings.Contains(strings.Join(got, " "), "__Host-id=") {
		t.Errorf("after a login: got Set-Cookie %q, want ours and the upstream's other one", got)
	}
	header := sojourn.Config{Header: rigHeader}
	logout := func(s *sojourn.Session, r *http.Request) {
		login(s, r)
		s.Logout()
		if err := s.Commit(r.Context()); err != nil {
			t.Error(err)
		}
	}
	if got, ok := upgrade(t, header, "", logout).Header[rigHeader]; !ok || len(got) != 1 || got[0] != "" {
		t.Errorf("after a logout: got %s %q, want our empty one", rigHeader, got)
	}
	if got := upgrade(t, header, rigHeader+": EVIL\r\n", nothing).Header.Values(rigHeader); len(got) != 0 {
		t.Errorf("got %s %q, want none", rigHeader, got)
	}
	if got := upgrade(t, header, rigHeader+": EVIL\r\n", login).Header.Values(rigHeader); len(got) != 1 || got[0] == "EVIL" {
		t.Errorf("after a login: got %s %q, want our token alone", rigHeader, got)
	}
}
