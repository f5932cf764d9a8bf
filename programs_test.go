package sojourn_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sojourntest"
)

// The programs of example_test.go do what the guide says of them.

func TestProgram_loginFlow(t *testing.T) {
	a := newApp(t, sojourn.Config{Label: (*http.Request).UserAgent})
	a.on("POST /login", login)
	a.on("GET /login", loginPage)
	a.on("POST /logout", logout)
	a.on("POST /cart", addToCart)
	a.Handle("GET /account", a.m.Handler(requireLogin(a.m.HandlerFunc(who))))
	a.Handle("GET /devices", devices(a.m))
	a.Handle("POST /devices/{id}/revoke", revoke(a.m))
	a.Handle("POST /password", changePassword(a.m))
	b := a.browser(t)

	if got := b.get("/account"); got.StatusCode != 303 {
		t.Errorf("got %d without a login, want a redirect", got.StatusCode)
	}
	b.do("POST", "/login?password=wrong")
	b.get("/login").want(t, 200, "Wrong name or password.\n")
	b.get("/login").want(t, 200, "")
	b.do("POST", "/cart?item=tea").want(t, 200, "1 items\n")
	if c := b.do("POST", "/login").cookie(hostID); c == nil || c.MaxAge != 0 {
		t.Errorf("got cookie %v, want one for as long as the browser runs", c)
	}
	b.get("/account").want(t, 200, "42")
	b.do("POST", "/cart?item=milk").want(t, 200, "2 items\n")

	phone := a.browser(t)
	if c := phone.do("POST", "/login?remember=on").cookie(hostID); c == nil || c.MaxAge != 30*24*3600 {
		t.Errorf("got cookie %v, want one for 30 days", c)
	}
	tablet := a.browser(t)
	tablet.do("POST", "/login")
	lines := strings.Split(strings.TrimSpace(b.get("/devices").body), "\n")
	if len(lines) != 3 {
		t.Fatalf("got devices %q, want three", lines)
	}
	for _, line := range lines {
		if strings.HasSuffix(line, "true") {
			continue // one's own
		}
		id, _, _ := strings.Cut(line, " ")
		if got := b.do("POST", "/devices/"+id+"/revoke"); got.StatusCode != 303 {
			t.Errorf("got %d revoking, want a redirect", got.StatusCode)
		}
		if got := b.do("POST", "/devices/"+id+"/revoke"); got.StatusCode != 404 {
			t.Errorf("got %d revoking again, want 404", got.StatusCode)
		}
		break
	}
	if list, _ := a.m.Sessions(t.Context(), "42"); len(list) != 2 {
		t.Errorf("got %d sessions after a revocation, want 2", len(list))
	}
	for _, id := range []string{"nonsense", sojourn.NewID().String()} {
		if got := b.do("POST", "/devices/"+id+"/revoke"); got.StatusCode != 404 {
			t.Errorf("got %d revoking %s, want 404", got.StatusCode, id)
		}
	}

	before := b.clone()
	b.do("POST", "/password").want(t, 200, "")
	b.get("/account").want(t, 200, "42")
	if list, _ := a.m.Sessions(t.Context(), "42"); len(list) != 1 {
		t.Errorf("got %d sessions after a change of password, want 1", len(list))
	}
	if got := before.get("/account"); got.StatusCode != 303 {
		t.Errorf("got %d with the cookie before, want a redirect", got.StatusCode)
	}
	a.clock.advance(6 * time.Minute)
	if got := b.do("POST", "/password"); got.Header.Get("Location") != "/login" {
		t.Errorf("got %v six minutes after the login, want it asked for again", got.Header)
	}

	b.do("POST", "/logout")
	b.get("/login").want(t, 200, "Good-bye.\n")
}

func TestProgram_events(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := sojourntest.Manager(t)
		r := httptest.NewRequest("GET", "/events", nil)
		sojourntest.Login(t, m, r, "42")
		w := httptest.NewRecorder()
		done := make(chan struct{})
		go func() {
			defer close(done)
			m.HandlerFunc(events).ServeHTTP(w, r)
		}()
		time.Sleep(10*time.Second + time.Millisecond)
		if _, err := m.RevokeAll(t.Context(), "42"); err != nil {
			t.Fatal(err)
		}
		<-done
		if got := strings.Count(w.Body.String(), "data: "); got != 10 {
			t.Errorf("got %d events, want 10", got)
		}
	})
}

func TestProgram_socket(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.on("/socket", socket)
	a.on("/login", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { s.Login("42") })
	server := httptest.NewServer(a)
	defer server.Close()
	if resp, _, _ := fetch(t, server, "GET", "/socket", ""); resp.StatusCode != 401 {
		t.Errorf("got %d without a login, want 401", resp.StatusCode)
	}
	resp, _, _ := fetch(t, server, "GET", "/login", "")
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	conn.Write([]byte("GET /socket HTTP/1.1\r\nHost: x\r\nCookie: " + hostID + "=" + resp.Cookies()[0].Value + "\r\n\r\n"))
	list, _ := a.m.Sessions(t.Context(), "42")
	count := func() string {
		state, err := a.spy.inner.Load(t.Context(), list[0].ID.Key())
		if err != nil {
			t.Fatal(err)
		}
		return state.Values.Get("visits")
	}
	for _, want := range []string{"1", "2", "3"} {
		conn.Write([]byte("x"))
		for deadline := time.Now().Add(5 * time.Second); count() != want; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("got %s visits, want %s", count(), want)
			}
		}
	}
	if err := a.m.End(t.Context(), list[0].ID); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection goes on after the session ended")
	} else if netErr, ok := err.(net.Error); ok && netErr.Timeout() {
		t.Error("the connection was not closed when the session ended")
	}
}

func TestProgram_twoManagers(t *testing.T) {
	mux := http.NewServeMux()
	if err := both(memstore.New(memstore.Config{}), mux); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, mux)
	if got := b.do("POST", "/admin/as/customer"); len(got.Cookies()) != 0 {
		t.Errorf("got %v of nobody, want no login", got.Cookies())
	}
	b.do("POST", "/admin/login")
	if got := b.do("POST", "/admin/as/customer"); got.cookie("__Host-id") == nil {
		t.Errorf("got %v of an administrator, want the customer's cookie", got.Cookies())
	}
	b.do("POST", "/shop/?item=tea").want(t, 200, "1 items\n")
}

func TestProgram_otherProtocol(t *testing.T) {
	a := newApp(t, sojourn.Config{Header: "session-key"})
	md := metadata{}
	call := func(f func(s *sojourn.Session) error) error {
		return intercept(t.Context(), a.m, md, func(name, value string) {
			if name == "Session-Key" {
				md[name] = []string{value}
			}
		}, func(ctx context.Context) error {
			s, err := sojourn.Load(ctx)
			if err != nil {
				return err
			}
			return f(s)
		})
	}
	for want := 1; want <= 2; want++ {
		if err := call(func(s *sojourn.Session) error {
			if n := visits.Update(s, increment); n != want {
				t.Errorf("got %d, want %d", n, want)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	old := md["Session-Key"]
	if err := call(func(s *sojourn.Session) error { s.Logout(); return errDriver }); err != errDriver {
		t.Errorf("got %v, want the handler's error", err)
	}
	md["Session-Key"] = old
	call(func(s *sojourn.Session) error {
		if !s.IsNew() {
			t.Error("got a live session after a logout whose handler failed")
		}
		return nil
	})
}

// Testing a handler, as the guide shows it.
func TestProgram_testingAHandler(t *testing.T) {
	m := sojourntest.Manager(t)
	r := httptest.NewRequest("POST", "/cart?item=tea", nil)
	sojourntest.Login(t, m, r, "42")
	w := httptest.NewRecorder()

	m.HandlerFunc(addToCart).ServeHTTP(w, r)

	s := sojourntest.After(t, m, r, w.Result())
	if c, _ := cart.Get(s); len(c.Items) != 1 || s.Subject() != "42" {
		t.Errorf("got %v of %q, want one item of 42", c, s.Subject())
	}
}
