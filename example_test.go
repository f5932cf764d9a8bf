package sojourn_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// The programs that the guide shows. programs_test.go runs those that say nothing an Example could compare.

const (
	notice = sojourn.Field[string]("notice")
	cart   = sojourn.Field[Cart]("cart")
)

// Cart is a value of an application's own.
type Cart struct{ Items []string }

func login(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	user, ok := authenticate(r)
	if !ok {
		notice.Set(s, "Wrong name or password.")
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	s.Login(user, string(cart)) // of the visitor's values only the cart stays
	s.Remember(r.FormValue("remember") != "")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func logout(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	s.Logout()
	notice.Set(s, "Good-bye.")
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

func loginPage(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	if text, ok := notice.Take(s); ok {
		fmt.Fprintln(w, text)
	}
}

func addToCart(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	item := r.FormValue("item")
	c := cart.Update(s, func(c Cart) Cart {
		c.Items = append(c.Items, item)
		return c
	})
	fmt.Fprintln(w, len(c.Items), "items")
}

// authenticate stands for the application's own check.
func authenticate(r *http.Request) (string, bool) { return "42", r.FormValue("password") != "wrong" }

// requireLogin is a middleware far from the manager.
func requireLogin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := sojourn.Load(r.Context())
		if err != nil {
			sojourn.Error(w, r, err)
			return
		}
		if s.Subject() == "" {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func devices(m *sojourn.Manager) http.Handler {
	return m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		list, err := m.Sessions(r.Context(), s.Subject())
		if err != nil {
			sojourn.Error(w, r, err)
			return
		}
		for _, e := range list {
			fmt.Fprintln(w, e.ID, e.Facts.Label, e.Seen, e.ID == s.ID())
		}
	})
}

func revoke(m *sojourn.Manager) http.Handler {
	return m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		id, err := sojourn.ParseID(r.PathValue("id"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		switch err := m.Revoke(r.Context(), s.Subject(), id); {
		case errors.Is(err, sojourn.ErrNotFound):
			http.NotFound(w, r)
		case err != nil:
			sojourn.Error(w, r, err)
		default:
			http.Redirect(w, r, "/devices", http.StatusSeeOther)
		}
	})
}

func changePassword(m *sojourn.Manager) http.Handler {
	return m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if !s.Fresh(5 * time.Minute) {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		user, ctx := s.Subject(), context.WithoutCancel(r.Context())
		s.Renew()
		if err := s.Commit(ctx); err != nil {
			_, all := m.RevokeAll(ctx, user) // somebody with the same token may have been faster: nobody stays
			sojourn.Error(w, r, cmp.Or(all, err))
			return
		}
		if _, err := m.RevokeOthers(ctx, user, s.ID()); err != nil {
			sojourn.Error(w, r, err)
		}
	})
}

// events is a stream of server-sent events that stops when the session ends.
func events(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	ctx, stop := s.Context(r.Context())
	defer stop()
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	for tick := time.Tick(time.Second); ; {
		select {
		case <-ctx.Done():
			return
		case now := <-tick:
			fmt.Fprintf(w, "data: %s\n\n", now)
			rc.Flush()
		}
	}
}

// socket takes the connection, as a WebSocket library does.
func socket(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	if s.Subject() == "" {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	ctx, stop := s.Context(context.WithoutCancel(r.Context()))
	defer stop()
	conn, rw, err := http.NewResponseController(w).Hijack() // commits first
	if err != nil {
		return
	}
	defer conn.Close()
	context.AfterFunc(ctx, func() { conn.Close() })
	for {
		if _, err := rw.ReadByte(); err != nil { // not conn.Read: rw may hold the first bytes already
			return
		}
		visits.Update(s, func(n int) int { return n + 1 })
		if err := s.Commit(ctx); err != nil {
			return
		}
	}
}

// both has two managers share a handler: administrators act as a user.
func both(st sojourn.Store, mux *http.ServeMux) error {
	users, err := sojourn.New(st, sojourn.Config{})
	if err != nil {
		return err
	}
	admins, err := sojourn.New(st, sojourn.Config{
		Cookie:   sojourn.Cookie{Name: "__Host-admin", SameSite: http.SameSiteStrictMode},
		Lifetime: sojourn.AAL3(),
	})
	if err != nil {
		return err
	}
	mux.Handle("POST /shop/", users.HandlerFunc(addToCart))
	mux.Handle("POST /admin/login", admins.HandlerFunc(login))
	mux.Handle("POST /admin/as/{user}", users.Handler(admins.HandlerFunc(func(w http.ResponseWriter, r *http.Request, admin *sojourn.Session) {
		user, err := users.Load(r.Context())
		if err != nil {
			sojourn.Error(w, r, err)
			return
		}
		if admin.Subject() != "" {
			user.Login(r.PathValue("user"))
		}
	})))
	return nil
}

// metadata stands for a protocol's own header type, gRPC's say.
type metadata map[string][]string

func (md metadata) Get(name string) []string { return md[name] }

// intercept serves a request of another protocol.
func intercept(ctx context.Context, m *sojourn.Manager, in metadata, setHeader func(name, value string), handle func(context.Context) error) error {
	v := m.Begin(in.Get)
	if err := handle(v.Context(ctx)); err != nil {
		v.Abandon() // a logout holds all the same
		return err
	}
	reply, err := v.Commit(ctx)
	for name, value := range reply.Headers() {
		setHeader(name, value)
	}
	v.Sent()
	return err
}

// A counter: the session begins with its first value, and the cookie is sent once.
func Example() {
	m, err := sojourn.New(memstore.New(memstore.Config{}), sojourn.Config{})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewTLSServer(m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		n := visits.Update(s, func(n int) int { return n + 1 })
		fmt.Fprintf(w, "Visit number %d\n", n)
	}))
	defer server.Close()

	client := server.Client()
	client.Jar, _ = cookiejar.New(nil)
	for range 3 {
		resp, err := client.Get(server.URL)
		if err != nil {
			log.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Print(string(body))
		for _, c := range resp.Cookies() {
			fmt.Println("and a cookie named", c.Name)
		}
	}
	// Output:
	// Visit number 1
	// and a cookie named __Host-id
	// Visit number 2
	// Visit number 3
}

// The token may travel in a header instead of a cookie: for clients that are no browsers.
func ExampleConfig_header() {
	m, err := sojourn.New(memstore.New(memstore.Config{}), sojourn.Config{Header: "Session-Key", Lifetime: sojourn.AAL2()})
	if err != nil {
		log.Fatal(err)
	}
	h := m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		fmt.Fprint(w, visits.Update(s, func(n int) int { return n + 1 }))
	})
	key := ""
	for range 2 {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Session-Key", key)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Body, "with a new key:", w.Header().Get("Session-Key") != "")
		if next := w.Header().Get("Session-Key"); next != "" {
			key = next
		}
	}
	// Output:
	// 1 with a new key: true
	// 2 with a new key: false
}

// New names everything that is wrong.
func ExampleNew() {
	_, err := sojourn.New(memstore.New(memstore.Config{}), sojourn.Config{
		Cookie:   sojourn.Cookie{Name: "__Host-id", Path: "/shop"},
		Lifetime: sojourn.Lifetime{Renew: time.Minute},
	})
	fmt.Println(err)
	// Output:
	// sojourn: Config.Cookie.Name: "__Host-id" promises no Domain and the path /
	// sojourn: Config.Lifetime.Renew: 1m0s is shorter than 5m0s
}
