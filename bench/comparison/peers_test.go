// Package comparison checks every cell of the README's table of session libraries: it drives each library, through its own
// middleware and as its documentation says, through the same few situations, and writes down what it saw.
package comparison

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	scsmem "github.com/alexedwards/scs/v2/memstore"
	ginsessions "github.com/gin-contrib/sessions"
	ginmem "github.com/gin-contrib/sessions/memstore"
	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v3"
	fibersession "github.com/gofiber/fiber/v3/middleware/session"
	"github.com/gorilla/sessions"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// session is what the situations need of a library.
type session interface {
	get(name string) string
	set(name, value string)
	login(user string)
	logout()
}

// library is one library with an application on it.
type library struct {
	name   string
	module string // with its version in go.mod; "" for our own
	serve  func(r *http.Request) *http.Response
	stored func(t *testing.T) string // everything at rest
	calls  *atomic.Int64             // of the store
}

// libraries builds each of them around the same handler.
func libraries(t *testing.T, handle func(path string, r *http.Request, s session)) []library {
	gin.SetMode(gin.ReleaseMode)
	return []library{
		sojournLibrary(t, handle), scsLibrary(handle), gorillaLibrary(t, handle), ginLibrary(handle), fiberLibrary(t, handle),
	}
}

func record(h http.Handler) func(r *http.Request) *http.Response {
	return func(r *http.Request) *http.Response {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
}

type sojournSession struct{ *sojourn.Session }

func (s sojournSession) get(name string) string {
	v, _ := sojourn.Field[string](name).Get(s.Session)
	return v
}
func (s sojournSession) set(name, value string) { s.Set(name, value) }
func (s sojournSession) login(user string)      { s.Login(user); s.Set("user", user) }
func (s sojournSession) logout()                { s.Logout() }

func sojournLibrary(t *testing.T, handle func(string, *http.Request, session)) library {
	calls := new(atomic.Int64)
	st := memstore.New(memstore.Config{})
	m, err := sojourn.New(&countedSojourn{Store: st, calls: calls}, sojourn.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return library{"Sojourn", "", record(m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/static" {
			return
		}
		s, err := sojourn.Load(r.Context())
		if err != nil {
			sojourn.Error(w, r, err)
			return
		}
		handle(r.URL.Path, r, sojournSession{s})
	}))), func(t *testing.T) string {
		var b strings.Builder
		for e, err := range m.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			state, err := st.Load(t.Context(), e.ID.Key())
			if err != nil {
				t.Fatal(err)
			}
			text, _ := state.MarshalBinary()
			b.WriteString(e.ID.String())
			b.Write(text)
		}
		return b.String()
	}, calls}
}

type scsSession struct {
	m *scs.SessionManager
	r *http.Request
}

func (s scsSession) get(name string) string { return s.m.GetString(s.r.Context(), name) }
func (s scsSession) set(name, value string) { s.m.Put(s.r.Context(), name, value) }
func (s scsSession) logout()                { _ = s.m.Destroy(s.r.Context()) }
func (s scsSession) login(user string) {
	_ = s.m.RenewToken(s.r.Context())
	s.m.Put(s.r.Context(), "user", user)
}

func scsLibrary(handle func(string, *http.Request, session)) library {
	m := scs.New()
	store := &countedSCS{MemStore: scsmem.NewWithCleanupInterval(0)}
	m.Store = store
	return library{"scs", "github.com/alexedwards/scs/v2", record(m.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/static" {
			handle(r.URL.Path, r, scsSession{m, r})
		}
	}))), func(t *testing.T) string {
		all, err := store.All()
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for token, text := range all {
			b.WriteString(token)
			b.Write(text)
		}
		return b.String()
	}, &store.calls}
}

type gorillaSession struct{ *sessions.Session }

func (s gorillaSession) get(name string) string { v, _ := s.Values[name].(string); return v }
func (s gorillaSession) set(name, value string) { s.Values[name] = value }
func (s gorillaSession) login(user string)      { s.Values["user"] = user }
func (s gorillaSession) logout()                { s.Options.MaxAge = -1 }

func gorillaLibrary(t *testing.T, handle func(string, *http.Request, session)) library {
	dir := t.TempDir()
	store := &countedGorilla{Store: sessions.NewFilesystemStore(dir, []byte("0123456789abcdef0123456789abcdef"))}
	return library{"gorilla/sessions", "github.com/gorilla/sessions", record(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/static" {
			return
		}
		s, _ := store.Get(r, "session")
		before := len(s.Values)
		handle(r.URL.Path, r, gorillaSession{s})
		if changes(r.URL.Path) || len(s.Values) != before {
			_ = s.Save(r, w)
		}
	})), func(t *testing.T) string {
		var b strings.Builder
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(dir + "/" + file.Name())
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(file.Name())
			b.Write(text)
		}
		return b.String()
	}, &store.calls}
}

type ginSession struct{ ginsessions.Session }

func (s ginSession) get(name string) string { v, _ := s.Get(name).(string); return v }
func (s ginSession) set(name, value string) { s.Set(name, value) }
func (s ginSession) login(user string)      { s.Set("user", user) }
func (s ginSession) logout() {
	s.Clear()
	s.Options(ginsessions.Options{Path: "/", MaxAge: -1})
}

func ginLibrary(handle func(string, *http.Request, session)) library {
	engine := gin.New()
	store := &countedGin{Store: ginmem.NewStore([]byte("0123456789abcdef0123456789abcdef"))}
	engine.Use(ginsessions.Sessions("session", store))
	engine.GET("/*path", func(c *gin.Context) {
		if c.Request.URL.Path == "/static" {
			return
		}
		s := ginsessions.Default(c)
		handle(c.Request.URL.Path, c.Request, ginSession{s})
		if changes(c.Request.URL.Path) {
			_ = s.Save()
		}
	})
	return library{"gin-contrib/sessions", "github.com/gin-contrib/sessions", record(engine), nil, &store.calls}
}

// changes reports whether a path's handler changes the session, for libraries that leave saving to the handler.
func changes(path string) bool { return path != "/whoami" && path != "/get" }

type fiberSession struct{ *fibersession.Middleware }

func (s fiberSession) get(name string) string { v, _ := s.Get(name).(string); return v }
func (s fiberSession) set(name, value string) { s.Set(name, value) }
func (s fiberSession) logout()                { _ = s.Destroy() }
func (s fiberSession) login(user string) {
	_ = s.Regenerate()
	s.Set("user", user)
}

func fiberLibrary(t *testing.T, handle func(string, *http.Request, session)) library {
	app := fiber.New()
	storage := newFiberStorage()
	app.Use(fibersession.New(fibersession.Config{Storage: storage}))
	app.Get("/*", func(c fiber.Ctx) error {
		if c.Path() == "/static" {
			return nil
		}
		r := httptest.NewRequest("GET", string(c.Request().RequestURI()), nil)
		handle(c.Path(), r, fiberSession{fibersession.FromContext(c)})
		return nil
	})
	return library{"fiber session", "github.com/gofiber/fiber/v3", func(r *http.Request) *http.Response {
		resp, err := app.Test(r, fiber.TestConfig{Timeout: time.Minute})
		if err != nil {
			t.Error(err)
			return &http.Response{}
		}
		return resp
	}, storage.dump, &storage.calls}
}
