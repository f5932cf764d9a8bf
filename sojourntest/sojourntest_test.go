package sojourntest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sojourntest"
)

const items = sojourn.Field[[]string]("items")

func addItem(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
	items.Update(s, func(old []string) []string { return append(old, r.FormValue("item")) })
}

func logout(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Logout() }

func headerManager(t *testing.T) *sojourn.Manager {
	t.Helper()
	m, err := sojourn.New(memstore.New(memstore.Config{}), sojourn.Config{Header: "Session-Key"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAfter_showsWhatTheHandlerLeft(t *testing.T) {
	for name, m := range map[string]*sojourn.Manager{"cookie": sojourntest.Manager(t), "header": headerManager(t)} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/cart?item=tea", nil)
			r.Header.Set("Cookie", "theme=dark")
			sojourntest.Login(t, m, r, "42")
			w := httptest.NewRecorder()

			m.HandlerFunc(addItem).ServeHTTP(w, r)

			s := sojourntest.After(t, m, r, w.Result())
			if got, _ := items.Get(s); len(got) != 1 || got[0] != "tea" || s.Subject() != "42" {
				t.Errorf("got %v of %q, want tea of 42", got, s.Subject())
			}
			if c, err := r.Cookie("theme"); err != nil || c.Value != "dark" {
				t.Errorf("the request's other cookie: %v, %v", c, err)
			}
		})
	}
}

func TestAfter_logoutLeavesAnEmptySession(t *testing.T) {
	for name, m := range map[string]*sojourn.Manager{"cookie": sojourntest.Manager(t), "header": headerManager(t)} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/logout", nil)
			sojourntest.Login(t, m, r, "42")
			w := httptest.NewRecorder()

			m.HandlerFunc(logout).ServeHTTP(w, r)

			if s := sojourntest.After(t, m, r, w.Result()); !s.IsNew() || s.Subject() != "" {
				t.Errorf("got a session of %q, want none", s.Subject())
			}
		})
	}
}

func TestPrepare_goesOnWithTheRequestsSession(t *testing.T) {
	m := sojourntest.Manager(t)
	r := httptest.NewRequest("GET", "/", nil)
	sojourntest.Prepare(t, m, r, func(s *sojourn.Session) { items.Set(s, []string{"tea"}) })
	sojourntest.Prepare(t, m, r, func(s *sojourn.Session) { s.Login("42", string(items)) })

	s := sojourntest.After(t, m, r, &http.Response{})
	if got, _ := items.Get(s); len(got) != 1 || s.Subject() != "42" {
		t.Errorf("got %v of %q, want tea of 42", got, s.Subject())
	}
}
