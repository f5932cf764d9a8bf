package sojourn_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// Attacks, item 16: a handler or an upstream server sets our cookie: fixation, or a second one (SEC-37).

func TestForeignCookie_isDropped(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		cookie     string // Config.Cookie.Name
		dropped    bool
	}{
		{"ours", "__Host-id=evil; Path=/; Secure", "", true},
		{"ours, spaced", " \t__Host-id =evil", "", true},
		{"ours, removed", "__Host-id=; Max-Age=0", "", true},
		{"ours, without a value", "__Host-id=", "", true},
		// A user agent keeps this as a cookie without a name and sends it as id=evil (RFC 6265bis §5.7; Werkzeug
		// CVE-2023-23934).
		{"nameless", "=id=evil", "id", true},
		{"nameless, spaced", " = id =evil; Path=/", "id", true},
		{"another", "theme=dark", "", false},
		{"another case", "__host-id=x", "", false},
		{"a longer name", "__Host-id2=x", "", false},
		{"ours in a value", "other=__Host-id=x", "", false},
		{"ours as an attribute", "other=x; __Host-id=y", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, reads := range []bool{false, true} {
				a := newApp(t, sojourn.Config{Cookie: sojourn.Cookie{Name: tt.cookie}})
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Add("Set-Cookie", tt.line)
					w.Header().Add("Set-Cookie", "beside=1")
					if reads {
						sojourn.Load(r.Context())
					}
				})
				got := serve(a.m.Handler(h), httptest.NewRequest("GET", "/", nil)).setCookies()
				want := 2
				if tt.dropped {
					want = 1
				}
				if len(got) != want || got[len(got)-1] != "beside=1" {
					t.Errorf("got Set-Cookie %q, want %d with beside=1 last", got, want)
				}
				if seen := a.log.count(sojourn.EventForeignCookie) == 1; seen != tt.dropped {
					t.Errorf("got an event: %v, want %v", seen, tt.dropped)
				}
			}
		})
	}
}

// In a header transport the token's header is ours alone.
func TestForeignCookie_headerTransport(t *testing.T) {
	a := newApp(t, sojourn.Config{Header: "Session-Key"})
	h := a.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["session-key"] = []string{"evil"} // past Header.Set
		w.Header().Set("Session-Key", "evil")
		w.Header().Set("Retry-After", "1") // as long a name
	}))
	header := serve(h, httptest.NewRequest("GET", "/", nil)).Header
	if len(header["Session-Key"])+len(map[string][]string(header)["session-key"]) > 0 || header.Get("Retry-After") != "1" {
		t.Errorf("got %v, want no Session-Key, and what else there was", header)
	}
	a.log.wantEvents(t, sojourn.EventForeignCookie)
}

// A reverse proxy before a less trusted upstream that sets our cookie in every response it can, the informational one
// included.
func TestForeignCookie_upstream(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", hostID+"=early")
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Set-Cookie", hostID+"=evil")
		w.Header().Add("Set-Cookie", "theirs=1")
		io.WriteString(w, "page")
	}))
	defer upstream.Close()
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	a := newApp(t, sojourn.Config{})
	proxy := httputil.NewSingleHostReverseProxy(target)
	a.Handle("/untouched", a.m.Handler(proxy))
	a.on("/creates", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { s.Set("x", 1); proxy.ServeHTTP(w, r) })
	a.on("/logs-out", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { s.Login("42"); proxy.ServeHTTP(w, r) })
	server := httptest.NewServer(a)
	defer server.Close()
	for _, path := range []string{"/untouched", "/creates", "/logs-out"} {
		req, _ := http.NewRequest("GET", server.URL+path, nil)
		hints := 0
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints++
			for _, line := range h["Set-Cookie"] {
				if strings.HasPrefix(line, hostID) {
					t.Errorf("%s: got Set-Cookie %q in a %d", path, line, code)
				}
			}
			return nil
		}}
		resp, err := server.Client().Do(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		ours := 0
		for _, c := range resp.Cookies() {
			if c.Name == hostID {
				ours++
			}
			if c.Value == "evil" || c.Value == "early" {
				t.Errorf("%s: got cookie %v of the upstream's", path, c)
			}
		}
		want := 1
		if path == "/untouched" {
			want = 0
		}
		if ours != want || string(body) != "page" || hints != 1 {
			t.Errorf("%s: got %d cookies of ours, %q and %d early hints, want %d, the page and 1", path, ours, body, hints, want)
		}
	}
}

// Exactly one Set-Cookie of our name, whatever happens in one request (RFC 6265bis §4.1.1).
func TestSetCookie_atMostOne(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.on("/{$}", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		http.SetCookie(w, &http.Cookie{Name: hostID, Value: "mine"})
		s.Login("a")
		for range 3 {
			s.Renew()
			visits.Update(s, increment)
			if err := s.Commit(r.Context()); err != nil {
				t.Error(err)
			}
		}
		s.Logout()
		s.Login("b")
		s.Commit(r.Context())
		s.Set("x", 1)
		fmt.Fprint(w, s.Subject())
	})
	a.on("/who", who)
	b := a.browser(t)
	got := b.get("/")
	got.want(t, 200, "b")
	if lines := got.setCookies(); len(lines) != 1 {
		t.Fatalf("got Set-Cookie %q, want one", lines)
	}
	b.get("/who").want(t, 200, "b") // and it is the last one
	if left, _ := a.m.Sessions(t.Context(), "a"); len(left) != 0 {
		t.Errorf("got %v, want a's session ended", left)
	}
}
