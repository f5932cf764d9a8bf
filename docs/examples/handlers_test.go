package examples

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sojourntest"
)

func TestAddToCart(t *testing.T) {
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

// browser is a client with cookies against a server of h. TLS, because the cookie is Secure.
func browser(t *testing.T, h http.Handler) (*http.Client, string) {
	t.Helper()
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	return newBrowser(t, server), server.URL
}

func newBrowser(t *testing.T, server *httptest.Server) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := *server.Client()
	client.Jar = jar
	return &client
}

func body(t *testing.T, resp *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRoutes_loginKeepsTheCartAndLogoutSaysGoodbye(t *testing.T) {
	m, err := shop(memstore.New(memstore.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	client, base := browser(t, routes(m))
	post := func(path string, form url.Values) string {
		resp, err := client.PostForm(base+path, form)
		return body(t, resp, err)
	}
	get := func(path string) string {
		resp, err := client.Get(base + path)
		return body(t, resp, err)
	}

	post("/cart", url.Values{"item": {"tea"}})
	if got := post("/login", url.Values{"name": {"ann"}, "password": {"wrong"}}); !strings.Contains(got, "Wrong name") {
		t.Errorf("after a wrong password: %q", got)
	}
	post("/login", url.Values{"name": {"ann"}, "password": {"secret"}, "remember": {"on"}})
	if got := post("/cart", url.Values{"item": {"cake"}}); got != "2 items\n" {
		t.Errorf("cart after login: %q, want 2 items", got)
	}
	if got := get("/devices"); !strings.Contains(got, "Go-http-client") || !strings.Contains(got, "true") {
		t.Errorf("devices: %q", got)
	}
	if got := post("/logout", nil); !strings.Contains(got, "Good-bye.") {
		t.Errorf("after logout: %q", got)
	}
	if got := get("/devices"); strings.Contains(got, "Go-http-client") {
		t.Errorf("devices after logout: %q, want the login page", got)
	}
}

func TestEvents_endWhenAnotherDeviceEndsTheSession(t *testing.T) {
	m, err := shop(memstore.New(memstore.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(routes(m))
	t.Cleanup(server.Close)
	login := url.Values{"name": {"ann"}, "password": {"secret"}}
	phone, laptop := newBrowser(t, server), newBrowser(t, server)
	for _, client := range []*http.Client{phone, laptop} {
		resp, err := client.PostForm(server.URL+"/login", login)
		body(t, resp, err)
	}
	stream, err := phone.Get(server.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewReader(stream.Body)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}

	resp, err := laptop.PostForm(server.URL+"/password", nil)
	body(t, resp, err)

	rest, _ := io.ReadAll(lines)
	if !strings.Contains(string(rest), "event: ended") {
		t.Errorf("the stream ended with %q, want the event", rest)
	}
	list, err := m.Sessions(t.Context(), "ann")
	if err != nil || len(list) != 1 {
		t.Fatalf("sessions: %v, %v, want the laptop's", list, err)
	}
	resp, err = laptop.PostForm(server.URL+"/devices/"+sojourn.NewID().String()+"/end", nil)
	if body(t, resp, err); resp.StatusCode != http.StatusNotFound {
		t.Errorf("ending an unknown device: %d, want 404", resp.StatusCode)
	}
	resp, err = laptop.PostForm(server.URL+"/devices/"+list[0].ID.String()+"/end", nil)
	if got := body(t, resp, err); strings.Contains(got, "true") {
		t.Errorf("after ending its own session: %q", got)
	}
}

func TestSocket_countsUntilTheSessionEnds(t *testing.T) {
	m := sojourntest.Manager(t)
	ended := make(chan struct{})
	server := httptest.NewServer(m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		defer close(ended)
		socket(w, r, s)
	}))
	t.Cleanup(server.Close)
	r := httptest.NewRequest("GET", "/", nil)
	sojourntest.Login(t, m, r, "42")
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nCookie: "+r.Header.Get("Cookie")+"\r\n\r\nabc")
	for {
		s := sojourntest.After(t, m, r, &http.Response{})
		if n, _ := views.Get(s); n == 3 {
			if err := m.Revoke(t.Context(), "42", s.ID()); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	<-ended
}

func TestRedeem_spendsAVoucherOnce(t *testing.T) {
	m := sojourntest.Manager(t)
	first := httptest.NewRequest("POST", "/", nil)
	sojourntest.Login(t, m, first, "42")
	var mu sync.Mutex
	redeemed := 0
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			r := httptest.NewRequest("POST", "/?order="+string(rune('A'+i)), nil)
			r.Header.Set("Cookie", first.Header.Get("Cookie"))
			w := httptest.NewRecorder()
			m.HandlerFunc(redeem).ServeHTTP(w, r)
			mu.Lock()
			defer mu.Unlock()
			if w.Code == http.StatusOK {
				redeemed++
			}
		})
	}
	wg.Wait()
	if redeemed != 1 {
		t.Errorf("redeemed %d times, want once", redeemed)
	}
}

func TestSealing_keepsValuesFromTheStore(t *testing.T) {
	inner := memstore.New(memstore.Config{})
	m, err := sealing(inner, []byte("\x8d1\xf0\x9bT\xc2~\x06\xe3\x7f\xaa\x18\x90d\xbe5\x02\xd7I\xf4\x83\x1c\xb6h\x9e/\x57\xc0\x0b\xe1\x74\xa9"))
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/cart?item=tea", nil)
	sojourntest.Login(t, m, r, "42")
	w := httptest.NewRecorder()
	m.HandlerFunc(addToCart).ServeHTTP(w, r)
	s := sojourntest.After(t, m, r, w.Result())
	stored, err := inner.Load(t.Context(), s.ID().Key())
	if err != nil {
		t.Fatal(err)
	}
	c, _ := cart.Get(s)
	if text := stored.Values.Get(string(cart)); len(c.Items) != 1 || text == "" || strings.Contains(text, "tea") {
		t.Errorf("got %v, stored as %s", c, text)
	}
}

func TestBoth_adminLogsAUserIn(t *testing.T) {
	st := memstore.New(memstore.Config{})
	mux := http.NewServeMux()
	if err := both(st, mux); err != nil {
		t.Fatal(err)
	}
	admins, err := sojourn.New(st, sojourn.Config{Cookie: sojourn.Cookie{Name: "__Host-admin"}})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/admin/as/42", nil)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("without an admin: %d, want 403", w.Code)
	}
	sojourntest.Login(t, admins, r, "root")
	w = httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	if got := w.Header().Values("Set-Cookie"); len(got) != 1 || !strings.HasPrefix(got[0], "__Host-id=") {
		t.Errorf("as admin: %q, want the user's cookie", got)
	}
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/cart?item=tea", nil))
}

func TestObserved_countsAndAnswersInItsOwnWords(t *testing.T) {
	seen := make(map[string]int)
	m, err := observed(memstore.New(memstore.Config{}), func(kind string) { seen[kind]++ })
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	sojourntest.Login(t, m, r, "42")
	w := httptest.NewRecorder()
	m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if err := m.End(r.Context(), s.ID()); err != nil {
			t.Error(err)
		}
		views.Set(s, 1)
	}).ServeHTTP(w, r)
	if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "reload") || seen["end"] != 1 {
		t.Errorf("got %d %q and events %v", w.Code, w.Body, seen)
	}
}

func TestServe_stopsWithItsContext(t *testing.T) {
	m, err := api(memstore.New(memstore.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := serve(ctx, m, http.NotFoundHandler()); err == nil {
		t.Error("got no error, want the reason")
	}
}

// frame is a request of a framework that is not net/http.
type frame struct{ request, response http.Header }

func (f frame) RequestHeader(name string) []string        { return f.request.Values(name) }
func (f frame) AddResponseHeader(name, value string)      { f.response.Add(name, value) }
func (f frame) Context() context.Context                  { return context.Background() }
func (f frame) answered(t *testing.T, name string) string { t.Helper(); return f.response.Get(name) }

func TestAdapt_carriesTheTokenInAHeader(t *testing.T) {
	m, err := api(memstore.New(memstore.Config{}))
	if err != nil {
		t.Fatal(err)
	}
	count := func(ctx context.Context) error {
		s, err := sojourn.Load(ctx)
		if err == nil {
			views.Update(s, func(n int) int { return n + 1 })
		}
		return err
	}
	first := frame{http.Header{}, http.Header{}}
	if err := adapt(m, first, count); err != nil {
		t.Fatal(err)
	}
	second := frame{http.Header{"Session-Token": {first.answered(t, "Session-Token")}}, http.Header{}}
	if err := adapt(m, second, count); err != nil {
		t.Fatal(err)
	}
	s, err := m.Begin(second.RequestHeader).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := views.Get(s); n != 2 {
		t.Errorf("counted %d, want 2", n)
	}
}

func TestEvents_underATimeLimitEndAtTheFirstFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := sojourntest.Manager(t)
		r := httptest.NewRequest("GET", "/events", nil)
		sojourntest.Login(t, m, r, "42")
		w := httptest.NewRecorder()
		began := time.Now()
		m.Handler(http.TimeoutHandler(m.HandlerFunc(events), time.Minute, "too slow")).ServeHTTP(w, r)
		if took := time.Since(began); took != time.Second || !strings.HasPrefix(w.Body.String(), "data: ") {
			t.Errorf("got %q after %v, want one line after a second", w.Body, took)
		}
	})
}

func TestWithCauses_logsWhatTheDriverSaid(t *testing.T) {
	var out strings.Builder
	observe := withCauses(slog.New(slog.NewTextHandler(&out, nil)))
	failed := &sojourn.StoreError{Op: "load", Err: errors.New("dial tcp 192.0.2.1:5432: connection refused")}

	observe(t.Context(), sojourn.Event{Kind: sojourn.EventError, Err: failed})
	if got := out.String(); !strings.Contains(got, "level=ERROR") || !strings.Contains(got, `cause="dial tcp 192.0.2.1`) ||
		!strings.Contains(got, `event.err="sojourn: store call load: store unavailable"`) {
		t.Errorf("got %q, want the event and its cause", got)
	}
	out.Reset()
	observe(t.Context(), sojourn.Event{Kind: sojourn.EventWrongSecret})
	observe(t.Context(), sojourn.Event{Kind: sojourn.EventLogin})
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "wrong secret") || strings.Contains(got, "cause") {
		t.Errorf("got %q, want one line without a cause", got)
	}
}
