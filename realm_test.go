package sojourn_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// Attacks, item 8: another manager's session is accepted (CodeIgniter CVE-2022-46170). I3.

// twoRealms is a user and an admin manager over one store.
func twoRealms(t *testing.T, secrets ...[]byte) (users, admins *app) {
	clock := newClock()
	spy := newSpy(memstore.New(memstore.Config{Now: clock.Now}))
	users = newAppOver(t, spy, clock, sojourn.Config{Cookie: sojourn.Cookie{Name: "__Host-user", Secrets: secrets}})
	admins = newAppOver(t, spy, clock, sojourn.Config{Cookie: sojourn.Cookie{Name: "__Host-admin", Secrets: secrets}})
	for _, a := range []*app{users, admins} {
		a.does("/login", func(s *sojourn.Session) { s.Login("42") })
		a.on("/who", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { fmt.Fprint(w, s.Subject()) })
		a.does("/logout", func(s *sojourn.Session) { s.Logout() })
		a.does("/change", func(s *sojourn.Session) { s.Set("x", 1) })
	}
	return users, admins
}

func TestRealm_tokenOfAnotherManager(t *testing.T) {
	for _, tt := range []struct {
		name    string
		secrets [][]byte
		event   sojourn.EventKind
		calls   []string
	}{
		{"plain", nil, sojourn.EventOtherRealm, []string{"load"}},
		{"sealed", [][]byte{randomSecret(1)}, sojourn.EventForgedKey, nil}, // the seal binds realm and name: no store call
	} {
		t.Run(tt.name, func(t *testing.T) {
			users, admins := twoRealms(t, tt.secrets...)
			user := users.browser(t)
			user.get("/login")
			users.spy.take()
			thief := admins.browser(t)
			thief.cookies["__Host-admin"] = user.cookies["__Host-user"]
			got := thief.get("/who")
			got.want(t, 200, "")
			got.wantNoCookie(t)
			admins.log.wantEvents(t, tt.event)
			admins.spy.wantCalls(t, tt.calls...)
			thief.get("/logout").wantNoCookie(t)
			user.get("/who").want(t, 200, "42") // the other realm's logout ended nothing
			if c := thief.get("/change").cookie("__Host-admin"); c == nil {
				t.Error("got no cookie, want that of a session of the admins' realm")
			}
			user.get("/who").want(t, 200, "42")
		})
	}
}

func TestRealm_listsAndRevocationStayInside(t *testing.T) {
	users, admins := twoRealms(t)
	user, admin := users.browser(t), admins.browser(t)
	user.get("/login")
	admin.get("/login")
	list, err := users.m.Sessions(t.Context(), "42")
	if err != nil || len(list) != 1 || list[0].Facts.Realm != "user" {
		t.Fatalf("got %v, %v, want the one session of the users' realm", list, err)
	}
	id := list[0].ID
	if err := admins.m.Revoke(t.Context(), "42", id); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("Revoke of another realm's session: got %v, want ErrNotFound", err)
	}
	if err := admins.m.End(t.Context(), id); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("End of another realm's session: got %v, want ErrNotFound", err)
	}
	for e := range users.m.All(t.Context()) {
		if e.Facts.Realm != "user" {
			t.Errorf("All: got an entry of realm %q", e.Facts.Realm)
		}
	}
	if n, err := admins.m.RevokeAll(t.Context(), "42"); n != 1 || err != nil {
		t.Errorf("RevokeAll: got %d, %v, want 1", n, err)
	}
	user.get("/who").want(t, 200, "42")
	admin.get("/who").want(t, 200, "")
}

// A changed realm logs everybody out, without a call: after restoring a backup, say (SEC-22).
func TestRealm_changingItEndsEveryone(t *testing.T) {
	clock := newClock()
	spy := newSpy(memstore.New(memstore.Config{Now: clock.Now}))
	before := newAppOver(t, spy, clock, sojourn.Config{})
	after := newAppOver(t, spy, clock, sojourn.Config{Realm: "after-the-restore"})
	before.does("/login", func(s *sojourn.Session) { s.Login("42") })
	after.on("/who", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { fmt.Fprint(w, s.Subject()) })
	b := before.browser(t)
	b.get("/login")
	b.handler = after
	b.get("/who").want(t, 200, "")
}

// A subject of the user sees somebody else's session and one that never was alike (CWE-639, item 13).
func TestRevoke_foreignAndUnknownAnswerAlike(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.on("/login/{who}", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Login(r.PathValue("who"))
		s.Commit(r.Context())
		fmt.Fprint(w, s.ID())
	})
	id, err := sojourn.ParseID(a.browser(t).get("/login/bob").body)
	if err != nil {
		t.Fatal(err)
	}
	for _, foreign := range []sojourn.ID{id, sojourn.NewID(), {}} {
		a.spy.take()
		if err := a.m.Revoke(t.Context(), "alice", foreign); err != sojourn.ErrNotFound {
			t.Errorf("got %v, want exactly ErrNotFound", err)
		}
		a.spy.wantCalls(t, "load")
	}
	if err := a.m.Revoke(t.Context(), "bob", id); err != nil {
		t.Errorf("got %v revoking one's own, want nil", err)
	}
	if err := a.m.Revoke(t.Context(), "bob", id); err != sojourn.ErrNotFound {
		t.Errorf("got %v revoking it again, want ErrNotFound", err)
	}
}

// Revocation works by the ID that a list showed before a periodic renewal and a login: the ID never changes (item 13).
func TestRevoke_survivesRenewal(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.does("/renew", func(s *sojourn.Session) { s.Renew() })
	a.on("/who", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { fmt.Fprint(w, s.Subject()) })
	b := a.browser(t)
	b.get("/login")
	list, _ := a.m.Sessions(t.Context(), "42")
	b.get("/renew")
	b.get("/login")
	if err := a.m.Revoke(t.Context(), "42", list[0].ID); err != nil {
		t.Fatal(err)
	}
	b.get("/who").want(t, 200, "")
}

func TestNested_managersShareAHandler(t *testing.T) {
	users, admins := twoRealms(t)
	h := users.m.Handler(admins.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, admin *sojourn.Session) {
		user, err := users.m.Load(r.Context())
		if err != nil {
			t.Fatal(err)
		}
		if inner, err := sojourn.Load(r.Context()); err != nil || inner != admin {
			t.Errorf("Load: got %v, %v, want the innermost manager's session", inner, err)
		}
		user.Login("customer")
		admin.Login("root")
		fmt.Fprint(w, "both")
	}))
	got := serve(h, httptest.NewRequest("GET", "/", nil))
	got.want(t, 200, "both")
	names := map[string]int{}
	for _, c := range got.Cookies() {
		names[c.Name]++
	}
	if names["__Host-user"] != 1 || names["__Host-admin"] != 1 || len(names) != 2 {
		t.Errorf("got cookies %v, want one of each manager", names)
	}
}

// The inner commit fails: its headers go, the outer manager's answer is kept consistent.
func TestNested_innerCommitFails(t *testing.T) {
	clock := newClock()
	outer := newAppOver(t, newSpy(memstore.New(memstore.Config{})), clock, sojourn.Config{})
	inner := newAppOver(t, newSpy(memstore.New(memstore.Config{})), clock, sojourn.Config{Cookie: sojourn.Cookie{Name: "__Host-b"}})
	inner.spy.fail(errDriver, "save")
	h := outer.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Set("x", 1)
		inner.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			s.Set("y", 1)
			w.Header().Set("ETag", "of the page")
			fmt.Fprint(w, "page")
		}).ServeHTTP(w, r)
	})
	got := serve(h, httptest.NewRequest("GET", "/", nil))
	got.want(t, 503, "")
	if got.cookie("__Host-id") == nil || got.cookie("__Host-b") != nil || got.Header.Get("ETag") != "" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %v, want the outer cookie only and no-store", got.Header)
	}
}

func TestNested_sameManagerTwiceIsOneVisit(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	h := a.m.Handler(a.m.Handler(a.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if outer, err := sojourn.Load(r.Context()); outer != s || err != nil {
			t.Errorf("got %v, %v, want the same session", outer, err)
		}
		s.Set("x", 1)
	})))
	if got := serve(h, httptest.NewRequest("GET", "/", nil)); len(got.setCookies()) != 1 {
		t.Errorf("got Set-Cookie %q, want one", got.setCookies())
	}
	a.spy.wantCalls(t, "save")
}

// Two managers that use one cookie would take each other's token for their own: the first request says so.
func TestNested_sameNameIsRefused(t *testing.T) {
	st := memstore.New(memstore.Config{})
	for _, tt := range []struct{ outer, between, inner sojourn.Config }{
		{sojourn.Config{}, sojourn.Config{Header: "X-Between"}, sojourn.Config{Realm: "b"}},
		{sojourn.Config{Header: "Session-Key"}, sojourn.Config{}, sojourn.Config{Header: "session-key", Realm: "b"}},
	} {
		var said error
		tt.inner.OnError = func(w http.ResponseWriter, r *http.Request, err error) { said = err; w.WriteHeader(500) }
		outer, between, inner := newManager(t, st, tt.outer), newManager(t, st, tt.between), newManager(t, st, tt.inner)
		page := inner.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler ran") }))
		for _, h := range []http.Handler{outer.Handler(page), outer.Handler(between.Handler(page))} {
			said = nil
			if got := serve(h, httptest.NewRequest("GET", "/", nil)); got.StatusCode != 500 || said == nil || !strings.Contains(said.Error(), "same cookie or header") {
				t.Errorf("got %d and %v, want 500 and an error that says why", got.StatusCode, said)
			}
		}
	}
}

func TestLoad_withoutAManager(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	other := newManager(t, memstore.New(memstore.Config{}), sojourn.Config{})
	if _, err := sojourn.Load(t.Context()); err != sojourn.ErrNoManager {
		t.Errorf("got %v, want ErrNoManager", err)
	}
	h := a.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := other.Load(r.Context()); err != sojourn.ErrNoManager {
			t.Errorf("got %v of another manager, want ErrNoManager", err)
		}
	}))
	serve(h, httptest.NewRequest("GET", "/", nil))
	w := httptest.NewRecorder()
	sojourn.Error(w, httptest.NewRequest("GET", "/", nil), sojourn.ErrNoManager)
	if w.Code != 500 || w.Body.Len() > 0 {
		t.Errorf("Error without a manager: got %d %q, want an empty 500", w.Code, w.Body)
	}
}
