package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Config is what the application needs from outside.
type Config struct {
	// Store keeps the sessions. Required.
	Store sojourn.Store
	// DB keeps the accounts; it may be the database that Store uses. Required.
	DB *sql.DB
	// Kept tells visitors where all this is kept. Default: that everything is in one SQLite file on this machine.
	Kept string
	// Forgets says that nothing of it outlives the program. Default: false.
	Forgets bool
	// InsecureCookie sends the cookie without Secure, for the one browser that keeps no Secure cookies on
	// http://localhost, Safari. Default: false, a __Host- cookie.
	InsecureCookie bool
	// Now is the clock. Default: time.Now.
	Now func() time.Time
	// Log receives failures. Default: slog.Default().
	Log *slog.Logger
}

// App is the application. It is safe for concurrent use.
type App struct {
	sessions  *sojourn.Manager
	accounts  *Accounts
	passwords *Passwords
	hub       *Hub
	pages     *pages
	kept      string
	forgets   bool
	races     *races
	now       func() time.Time
	log       *slog.Logger

	byAccount *Throttle // guesses at one account's password
	byAddress *Throttle // everything that costs a hash, from one address
	byRace    *Throttle // runs of the races, from one address

	closing chan struct{} // closed when the server shuts down: streams would never end otherwise
}

// New returns the application over the tables in cfg.DB, which it creates where they are missing.
func New(ctx context.Context, cfg Config) (*App, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Kept == "" {
		cfg.Kept = "Everything you do is kept in one SQLite file on this machine."
	}
	a := &App{
		kept:      cfg.Kept,
		forgets:   cfg.Forgets,
		accounts:  &Accounts{db: cfg.DB, now: cfg.Now},
		hub:       NewHub(),
		races:     newRaces(),
		now:       cfg.Now,
		log:       cfg.Log,
		byAccount: NewThrottle(5, 20*time.Second, cfg.Now),
		byAddress: NewThrottle(20, 2*time.Second, cfg.Now),
		byRace:    NewThrottle(3, 10*time.Second, cfg.Now),
		closing:   make(chan struct{}),
	}
	var err error
	if a.sessions, err = sojourn.New(cfg.Store, sojourn.Config{
		Cookie:   sojourn.Cookie{Insecure: cfg.InsecureCookie},
		Lifetime: sojourn.AAL2(),
		Remember: sojourn.Lifetime{Idle: 7 * 24 * time.Hour, Absolute: 30 * 24 * time.Hour, Persistent: true},
		Recheck:  2 * time.Second, // not every store can push what another process did
		Label:    browser,
		OnError:  a.sessionFailed,
		Observe:  a.observe,
		Now:      cfg.Now,
	}); err != nil {
		return nil, err
	}
	if a.pages, err = newPages(cfg.Now); err != nil {
		return nil, err
	}
	if a.passwords, err = NewPasswords(ctx); err != nil {
		return nil, err
	}
	if err := a.accounts.Migrate(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// observe logs what is suspicious or failed; the life of ordinary sessions is nobody's business.
func (a *App) observe(ctx context.Context, e sojourn.Event) {
	if level := e.Kind.Level(); level >= slog.LevelWarn {
		a.log.LogAttrs(ctx, level, "session", slog.Any("event", e))
	}
}

// Handler returns the whole site.
func (a *App) Handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(http.ResponseWriter, *http.Request, *sojourn.Session)) {
		mux.Handle(pattern, a.sessions.HandlerFunc(f))
	}
	handle("GET /{$}", a.shopPage)
	handle("GET /cart", a.cartPage)
	handle("POST /cart/add", a.addToCart)
	handle("POST /cart/set", a.setInCart)

	handle("GET /signup", a.signUpPage)
	handle("POST /signup", a.signUp)
	handle("GET /signin", a.signInPage)
	handle("POST /signin", a.signIn)
	handle("POST /signout", a.signOut)
	handle("GET /signedout", a.signedOutPage)

	handle("GET /devices", a.member(a.devicesPage))
	handle("GET /devices/list", a.devicesList)
	handle("POST /devices/{id}/revoke", a.member(a.revoke))
	handle("POST /devices/others", a.member(a.revokeOthers))
	handle("GET /password", a.member(a.passwordPage))
	handle("POST /password", a.member(a.changePassword))
	handle("GET /events", a.events)

	handle("GET /break", a.breakPage)
	handle("POST /break", a.breakIt)
	handle("GET /lab/count", a.labRead)
	handle("POST /lab/count", a.labCount)
	handle("POST /lab/hold/{gate}", a.labHold)

	mux.Handle("GET /static/", a.pages.assets())
	handle("/", a.notFoundPage)

	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(a.crossOrigin))
	const maxBody = 16 << 10
	return headers(thisMachine(sameOrigin.Handler(http.MaxBytesHandler(mux, maxBody))))
}

// headers tells browsers what a page of this site may do: use what comes from the site itself, and nothing else.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
			"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // no-referrer would turn the Origin of our own forms into "null"
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// member lets only those through who are signed in, and sends all others to the sign-in page.
func (a *App) member(next func(http.ResponseWriter, *http.Request, *sojourn.Session)) func(http.ResponseWriter, *http.Request, *sojourn.Session) {
	return func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if s.Subject() == "" {
			signInFirst(w, r)
			return
		}
		next(w, r, s)
	}
}

// Serve answers on l until ctx ends, then lets requests under way finish. It closes l.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           a.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	server.RegisterOnShutdown(func() { close(a.closing) })

	background, stop := context.WithCancel(ctx)
	defer stop()
	swept := make(chan error, 1)
	go func() { swept <- a.sessions.Run(background) }()

	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil {
		server.Close()
		return fmt.Errorf("shut down: %w", err)
	}
	if err := <-swept; err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}
