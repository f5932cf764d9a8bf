package sojourn_test

// The black-box tests of actix-session 0.11 and of its fork actix-extended-session, as behaviour: what their suites send,
// and what a client must see. Where this library decides otherwise, the test says what it decides and why. Tests of the
// client-side store are not here: they belong to that store.

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

const week = 7 * 24 * time.Hour

// newShop is the application of those suites: a counter that needs nobody, a login, and a page that needs one. The user is
// the session's subject here, not a value.
func newShop(tb testing.TB, cfg sojourn.Config) *app {
	a := newApp(tb, cfg)
	const counter = sojourn.Field[int]("counter")
	reply := func(w http.ResponseWriter, s *sojourn.Session) {
		n, _ := counter.Get(s)
		var user *string
		if subject := s.Subject(); subject != "" {
			user = &subject
		}
		b, _ := json.Marshal([]any{user, n})
		w.Write(b)
	}
	a.on("GET /{$}", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { reply(w, s) })
	a.on("POST /do_something", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		counter.Update(s, increment)
		reply(w, s)
	})
	a.on("POST /login", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Login("ferris", string(counter))
		reply(w, s)
	})
	a.on("POST /logout", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		subject := s.Subject()
		s.Logout()
		if subject == "" {
			subject = "nobody"
		}
		fmt.Fprint(w, "Logged out: ", subject)
	})
	a.on("GET /protected/count", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if s.Subject() == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		reply(w, s)
	})
	return a
}

func TestActix_basicWorkflow(t *testing.T) {
	a := newApp(t, sojourn.Config{
		Cookie:   sojourn.Cookie{Name: "actix-test", Path: "/test/", Domain: "localhost"},
		Lifetime: sojourn.Lifetime{Idle: 100 * time.Second, Absolute: 100 * time.Second, Persistent: true},
	})
	a.does("GET /{$}", func(s *sojourn.Session) { s.Set("counter", 100) })
	a.on("GET /test/", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		var n int
		s.Get("counter", &n)
		fmt.Fprint(w, "counter: ", n)
	})
	b := a.browser(t)
	if c := b.get("/").cookie("actix-test"); c == nil || c.Path != "/test/" || c.Domain != "localhost" || c.MaxAge != 100 {
		t.Fatalf("got cookie %v, want Path=/test/, Domain=localhost, Max-Age=100", c)
	}
	b.get("/test/").want(t, 200, "counter: 100")
}

// There every change sends the cookie again with a new Max-Age. Here Max-Age is the time to the deadline, so it is right
// once and for ever; sent again after another request's login it would bring the old cookie back (attacks, item 1).
func TestActix_expirationOnChanges(t *testing.T) {
	a := newApp(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: time.Minute, Absolute: time.Hour, Persistent: true}})
	a.does("GET /{$}", func(s *sojourn.Session) { visits.Update(s, increment) })
	a.Handle("GET /test/", a.m.Handler(http.NotFoundHandler()))
	b := a.browser(t)
	if c := b.get("/").cookie(hostID); c == nil || c.MaxAge != 3600 {
		t.Fatalf("got cookie %v, want Max-Age 3600", c)
	}
	a.spy.take()

	a.clock.advance(40 * time.Second)
	b.get("/test/").wantNoCookie(t)
	a.spy.wantCalls(t) // untouched

	b.get("/").wantNoCookie(t)
	a.clock.advance(40 * time.Second) // 80 s after the first request, 40 s after the change
	b.get("/").wantNoCookie(t)
	a.clock.advance(time.Minute)
	if c := b.get("/").cookie(hostID); c == nil {
		t.Error("got no cookie a whole idle timeout after the last change, want a new session")
	}
}

// Setting the value that is there already is no change, as there; and the touch happens in the store.
func TestActix_expirationOnEveryRequest(t *testing.T) {
	for _, tt := range []struct {
		name   string
		extend sojourn.Extend
		lives  bool
	}{
		{"ExtendOnRequest", sojourn.ExtendOnRequest, true},
		{"ExtendOnLoad", sojourn.ExtendOnLoad, false},
		{"ExtendOnChange", sojourn.ExtendOnChange, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, sojourn.Config{
				Lifetime: sojourn.Lifetime{Idle: time.Minute, Absolute: time.Hour, Persistent: true}, Extend: tt.extend,
			})
			a.on("GET /{$}", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
				fmt.Fprint(w, visits.Update(s, increment))
			})
			a.Handle("GET /test/", a.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {})))
			b := a.browser(t)
			b.get("/").want(t, 200, "1")
			for range 3 {
				a.clock.advance(40 * time.Second)
				b.get("/test/").wantNoCookie(t)
			}
			want := "1"
			if tt.lives {
				want = "2"
			}
			b.get("/").want(t, 200, want)
		})
	}
}

// A browser-session cookie whose TTL is extended is never sent again (§4.9: BrowserSession × OnEveryRequest).
func TestActix_browserSessionIsExtendedWithoutACookie(t *testing.T) {
	a := newShop(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: time.Minute, Absolute: time.Hour}, Extend: sojourn.ExtendOnRequest})
	b := a.browser(t)
	if c := b.do("POST", "/do_something").cookie(hostID); c == nil || c.MaxAge != 0 || !c.Expires.IsZero() {
		t.Fatalf("got cookie %v, want one without Max-Age and Expires", c)
	}
	a.spy.take()
	a.clock.advance(40 * time.Second)
	b.get("/").wantNoCookie(t)
	a.spy.wantCalls(t, "load", "touch")
	a.clock.advance(40 * time.Second)
	b.get("/").want(t, 200, "[null,1]")
}

func TestActix_guard(t *testing.T) {
	a := newShop(t, sojourn.Config{Cookie: sojourn.Cookie{Name: "test-session"}, Lifetime: sojourn.Lifetime{Idle: week, Absolute: week, Persistent: true}})
	b := a.browser(t)
	b.get("/protected/count").want(t, 401, "")
	if b.do("POST", "/login").cookie("test-session") == nil {
		t.Fatal("got no cookie, want one from a login")
	}
	// There the change renews the cookie; here it does not (promise 3).
	changed := b.do("POST", "/do_something")
	changed.want(t, 200, `["ferris",1]`)
	changed.wantNoCookie(t)
	b.get("/protected/count").want(t, 200, `["ferris",1]`)
}

func TestActix_complexWorkflow(t *testing.T) {
	a := newShop(t, sojourn.Config{Cookie: sojourn.Cookie{Name: "test-session"}, Lifetime: sojourn.Lifetime{Idle: week, Absolute: week, Persistent: true}})
	b := a.browser(t)

	first := b.get("/") // 1
	first.want(t, 200, "[null,0]")
	first.wantNoCookie(t)

	created := b.do("POST", "/do_something") // 2
	created.want(t, 200, "[null,1]")
	cookie1 := created.cookie("test-session")
	if cookie1 == nil || cookie1.MaxAge != int(week/time.Second) {
		t.Fatalf("got cookie %v, want Max-Age of seven days", cookie1)
	}

	read := b.get("/") // 3
	read.want(t, 200, "[null,1]")
	read.wantNoCookie(t)

	again := b.do("POST", "/do_something") // 4; no second cookie, see TestActix_expirationOnChanges
	again.want(t, 200, "[null,2]")
	again.wantNoCookie(t)
	visitor := b.clone()

	login := b.do("POST", "/login") // 5
	login.want(t, 200, `["ferris",2]`)
	if c := login.cookie("test-session"); c == nil || c.Value == cookie1.Value {
		t.Fatalf("got cookie %v after the login, want a new value", c)
	}

	b.get("/").want(t, 200, `["ferris",2]`)                    // 6
	b.do("POST", "/do_something").want(t, 200, `["ferris",3]`) // 7
	user := b.clone()

	old := visitor.get("/") // 8
	old.want(t, 200, "[null,0]")
	old.wantNoCookie(t)
	a.clock.advance(time.Minute) // also after the time in which a late request is told from an unknown one
	visitor.get("/").want(t, 200, "[null,0]")

	logout := b.do("POST", "/logout") // 9
	logout.want(t, 200, "Logged out: ferris")
	if c := logout.cookie("test-session"); c == nil || c.MaxAge >= 0 || c.Value != "" || c.Path != "/" {
		t.Errorf("got cookie %v from the logout, want it removed with Path=/", c)
	}

	emptied := b.get("/", withCookie("test-session=")) // 10
	emptied.want(t, 200, "[null,0]")
	emptied.wantNoCookie(t)

	replayed := user.get("/") // 10b: not the emptied cookie, but the one that was live
	replayed.want(t, 200, "[null,0]")
	replayed.wantNoCookie(t)
	user.get("/protected/count").want(t, 401, "")
}

// Logging out without a session costs nothing and removes nothing: there is nothing to end, and the cookie that this
// response would remove may be the one that a parallel login has just set.
func TestActix_logoutOfNobody(t *testing.T) {
	a := newShop(t, sojourn.Config{})
	b := a.browser(t)
	out := b.do("POST", "/logout")
	out.want(t, 200, "Logged out: nobody")
	out.wantNoCookie(t)
	a.spy.wantCalls(t)
}

// lifecycle of the fork: there any request may turn a persistent session into a browser session. Here that is a fact, and
// facts change with the secret only: beside a Login (attacks, item 22).
func TestActix_lifecycle(t *testing.T) {
	a := newApp(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: time.Minute, Absolute: time.Minute, Persistent: true}, Remember: sojourn.Lifetime{Idle: time.Hour, Absolute: time.Hour}})
	a.does("/", func(s *sojourn.Session) { s.Set("x", 1) })
	a.does("/switch", func(s *sojourn.Session) { s.Remember(true) })
	a.does("/login", func(s *sojourn.Session) { s.Login("ferris"); s.Remember(true) })
	b := a.browser(t)
	if c := b.get("/").cookie(hostID); c == nil || c.MaxAge != 60 {
		t.Fatalf("got cookie %v, want Max-Age 60", c)
	}
	switched := b.get("/switch")
	switched.want(t, 200, "")
	switched.wantNoCookie(t)
	if c := b.get("/login").cookie(hostID); c == nil || c.MaxAge != 0 {
		t.Errorf("got cookie %v, want one without Max-Age", c)
	}
}

// cookie_storage of tests/middleware.rs asserts the attributes of setting and removal, here with SameSite on both, which
// it leaves out. Secure with a Path other than / is what the default name __Secure-id is for.
func TestActix_cookieAttributes(t *testing.T) {
	a := newShop(t, sojourn.Config{Cookie: sojourn.Cookie{Name: "id", Path: "/test", Domain: "localhost"}})
	b := a.browser(t)
	set, removed := b.do("POST", "/login").cookie("id"), b.do("POST", "/logout").cookie("id")
	for _, c := range []*http.Cookie{set, removed} {
		if c == nil {
			t.Fatal("got no cookie, want one set and one removed")
		}
		if c.Path != "/test" || c.Domain != "localhost" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("got cookie %v, want the attributes of the configuration", c)
		}
	}
	if set.MaxAge != 0 || removed.MaxAge >= 0 {
		t.Errorf("got Max-Age %d and %d, want none and 0", set.MaxAge, removed.MaxAge)
	}
}

// errors_are_opaque of tests/opaque_errors.rs. There the answer is 500; 503 tells a client that it may come back.
func TestActix_errorsAreOpaque(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("POST /create_session", func(s *sojourn.Session) { s.Set("x", 1) })
	a.does("POST /load_session_with_error", func(s *sojourn.Session) { t.Error("the handler ran without a session") })
	b := a.browser(t)
	if b.do("POST", "/create_session").cookie(hostID) == nil {
		t.Fatal("got no cookie, want one")
	}
	a.spy.fail(errDriver, "load")
	b.do("POST", "/load_session_with_error").want(t, 503, "")
}
