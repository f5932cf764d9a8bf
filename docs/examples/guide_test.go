// Package examples holds the programs of the guide, so that they compile and run. The README's is in the folder readme.
package examples

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sealstore"
)

// The names and types of an application's values, in one place.
type Cart struct{ Items []string }

const (
	cart   = sojourn.Field[Cart]("cart")
	notice = sojourn.Field[string]("notice")
	views  = sojourn.Field[int]("views")
)

func addToCart(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	item := r.FormValue("item")
	c := cart.Update(s, func(c Cart) Cart {
		c.Items = append(c.Items, item)
		return c
	})
	fmt.Fprintln(w, len(c.Items), "items")
}

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

func loginPage(w http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
	if text, ok := notice.Take(s); ok {
		fmt.Fprintln(w, text)
	}
}

func authenticate(r *http.Request) (string, bool) {
	return r.FormValue("name"), r.FormValue("password") == "secret"
}

// A middleware far from the manager.
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

func routes(m *sojourn.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /cart", m.HandlerFunc(addToCart))
	mux.Handle("GET /login", m.HandlerFunc(loginPage))
	mux.Handle("POST /login", m.HandlerFunc(login))
	mux.Handle("POST /logout", m.HandlerFunc(logout))
	mux.Handle("GET /devices", m.Handler(requireLogin(devices(m))))
	mux.Handle("POST /devices/{id}/end", m.HandlerFunc(endDevice(m)))
	mux.Handle("POST /devices/end", m.HandlerFunc(logoutEverywhere(m)))
	mux.Handle("POST /password", m.HandlerFunc(changePassword(m)))
	mux.Handle("GET /events", m.HandlerFunc(events))
	return http.NewCrossOriginProtection().Handler(mux)
}

func devices(m *sojourn.Manager) http.Handler {
	return m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		list, err := m.Sessions(r.Context(), s.Subject())
		if err != nil {
			sojourn.Error(w, r, err)
			return
		}
		for _, e := range list {
			fmt.Fprintln(w, e.ID, e.Facts.Label, e.Seen.Format(time.DateTime), e.ID == s.ID())
		}
	})
}

func endDevice(m *sojourn.Manager) func(http.ResponseWriter, *http.Request, *sojourn.Session) {
	return func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		id, err := sojourn.ParseID(r.PathValue("id"))
		if err != nil || s.Subject() == "" {
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
	}
}

func logoutEverywhere(m *sojourn.Manager) func(http.ResponseWriter, *http.Request, *sojourn.Session) {
	return func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if s.Subject() == "" {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		if _, err := m.RevokeAll(r.Context(), s.Subject()); err != nil {
			sojourn.Error(w, r, err)
			return
		}
		s.Logout() // this device's cookie goes too, and what is set from here on begins a new session
		notice.Set(s, "You are logged out on all your devices.")
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	}
}

func changePassword(m *sojourn.Manager) func(http.ResponseWriter, *http.Request, *sojourn.Session) {
	return func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if !s.Fresh(5 * time.Minute) {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		// … check and store the new password, then:
		user, ctx := s.Subject(), context.WithoutCancel(r.Context())
		s.Renew()
		if err := s.Commit(ctx); err != nil {
			// Somebody with the same token may have been faster. Then nobody stays.
			if _, err := m.RevokeAll(ctx, user); err != nil {
				sojourn.Error(w, r, err)
				return
			}
			s.Logout()
			notice.Set(s, "Please log in with your new password.")
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		if _, err := m.RevokeOthers(ctx, user, s.ID()); err != nil {
			sojourn.Error(w, r, err)
			return
		}
		http.Redirect(w, r, "/devices", http.StatusSeeOther)
	}
}

func events(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	ctx, stop := s.Context(r.Context())
	defer stop()
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	for tick := time.Tick(time.Second); ; {
		select {
		case <-ctx.Done():
			if context.Cause(ctx) == sojourn.ErrEnded {
				fmt.Fprint(w, "event: ended\ndata:\n\n")
			}
			return
		case now := <-tick:
			fmt.Fprintf(w, "data: %s\n\n", now.Format(time.TimeOnly))
			if err := rc.Flush(); err != nil {
				return
			}
		}
	}
}

func socket(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	if s.Subject() == "" {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	ctx, stop := s.Context(context.WithoutCancel(r.Context()))
	defer stop()
	conn, buffered, err := http.NewResponseController(w).Hijack() // commits first
	if err != nil {
		return
	}
	defer conn.Close()
	context.AfterFunc(ctx, func() { conn.Close() })
	for {
		if _, err := buffered.ReadByte(); err != nil {
			return
		}
		views.Update(s, func(n int) int { return n + 1 })
		if err := s.Commit(ctx); err != nil {
			return
		}
	}
}

// A voucher that must be spent once: who wrote his name first has it.
const voucher = sojourn.Field[string]("voucher")

func redeem(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	me := r.FormValue("order")
	voucher.Update(s, func(by string) string {
		if by == "" {
			return me
		}
		return by
	})
	if err := s.Commit(r.Context()); err != nil {
		sojourn.Error(w, r, err)
		return
	}
	if by, _ := voucher.Get(s); by != me {
		http.Error(w, "already redeemed", http.StatusConflict)
		return
	}
	fmt.Fprintln(w, "redeemed")
}

func shop(st sojourn.Store) (*sojourn.Manager, error) {
	return sojourn.New(st, sojourn.Config{
		Lifetime:    sojourn.Lifetime{Idle: 2 * time.Hour, Absolute: 24 * time.Hour},
		MaxSessions: 5,
		Label:       func(r *http.Request) string { return r.UserAgent() },
	})
}

func api(st sojourn.Store) (*sojourn.Manager, error) {
	return sojourn.New(st, sojourn.Config{
		Header:   "Session-Token",
		Lifetime: sojourn.AAL2(),
	})
}

func sealing(inner sojourn.Store, secret []byte) (*sojourn.Manager, error) {
	st, err := sealstore.New(inner, sealstore.Config{
		Secrets: [][]byte{secret}, // 32 random bytes; the first seals, all open
	})
	if err != nil {
		return nil, err
	}
	return sojourn.New(st, sojourn.Config{})
}

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
	mux.Handle("POST /cart", users.HandlerFunc(addToCart))
	mux.Handle("POST /admin/as/{user}", users.Handler(admins.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request, admin *sojourn.Session) {
			user, err := users.Load(r.Context())
			if err != nil {
				sojourn.Error(w, r, err)
				return
			}
			if admin.Subject() == "" {
				http.Error(w, "admins only", http.StatusForbidden)
				return
			}
			user.Login(r.PathValue("user"))
		})))
	return nil
}

func observed(st sojourn.Store, count func(kind string)) (*sojourn.Manager, error) {
	return sojourn.New(st, sojourn.Config{
		Observe: func(_ context.Context, e sojourn.Event) { count(e.Kind.String()) },
		OnError: func(w http.ResponseWriter, r *http.Request, err error) {
			switch {
			case errors.Is(err, sojourn.ErrRenewed), errors.Is(err, sojourn.ErrConflict), errors.Is(err, sojourn.ErrEnded):
				http.Error(w, "Your session changed meanwhile. Please reload the page.", http.StatusConflict)
			default:
				http.Error(w, "Sessions are unavailable for a moment.", http.StatusServiceUnavailable)
			}
		},
	})
}

// withCauses logs what is suspicious or failed, as is the default, and what the store's driver said.
func withCauses(logger *slog.Logger) func(context.Context, sojourn.Event) {
	return func(ctx context.Context, e sojourn.Event) {
		if level := e.Kind.Level(); level >= slog.LevelWarn {
			attrs := []slog.Attr{slog.Any("event", e)}
			var failed *sojourn.StoreError
			if errors.As(e.Err, &failed) {
				attrs = append(attrs, slog.String("cause", failed.Err.Error()))
			}
			logger.LogAttrs(ctx, level, "session", attrs...)
		}
	}
}

func serve(ctx context.Context, m *sojourn.Manager, app http.Handler) error {
	go m.Run(ctx) // sweeps, and listens to the store

	server := &http.Server{
		Addr: "localhost:8080",
		// Outermost first: what must see the server's own ResponseWriter, then sessions, then time limits.
		Handler: http.MaxBytesHandler(m.Handler(http.TimeoutHandler(app, 10*time.Second, "too slow")), 1<<20),
	}
	context.AfterFunc(ctx, func() { server.Shutdown(context.Background()) })
	return server.ListenAndServe()
}

// adapt is the whole of an adapter to a framework that is not net/http.
func adapt(m *sojourn.Manager, c interface {
	RequestHeader(name string) []string
	AddResponseHeader(name, value string)
	Context() context.Context
}, handle func(context.Context) error) error {
	v := m.Begin(c.RequestHeader)
	defer v.Abandon() // a logout holds even if the handler fails
	if err := handle(v.Context(c.Context())); err != nil {
		return err
	}
	reply, err := v.Commit(c.Context())
	for name, value := range reply.Headers() {
		c.AddResponseHeader(name, value)
	}
	if err != nil {
		return err // answer with an error page, and not with what the handler wrote
	}
	v.Sent()
	return nil
}
