package examples

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sojourntest"
)

func TestLogoutEverywhere_leavesNobodyAndSaysSo(t *testing.T) {
	m := sojourntest.Manager(t)
	server := httptest.NewTLSServer(routes(m))
	t.Cleanup(server.Close)
	phone, laptop := newBrowser(t, server), newBrowser(t, server)
	for _, client := range []*http.Client{phone, laptop} {
		resp, err := client.PostForm(server.URL+"/login", url.Values{"name": {"ann"}, "password": {"secret"}})
		body(t, resp, err)
	}

	resp, err := laptop.PostForm(server.URL+"/devices/end", nil)
	if got := body(t, resp, err); resp.StatusCode != http.StatusOK || got != "You are logged out on all your devices.\n" {
		t.Errorf("got %d %q, want the login page with a notice", resp.StatusCode, got)
	}
	if list, err := m.Sessions(t.Context(), "ann"); err != nil || len(list) != 0 {
		t.Errorf("got sessions %v, %v, want none", list, err)
	}
	resp, err = phone.Get(server.URL + "/devices")
	if body(t, resp, err); resp.Request.URL.Path != "/login" {
		t.Errorf("the phone came to %s, want the login page", resp.Request.URL)
	}
	resp, err = laptop.PostForm(server.URL+"/devices/end", nil) // of nobody any more
	if body(t, resp, err); resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/login" {
		t.Errorf("once more: got %d at %s, want the login page", resp.StatusCode, resp.Request.URL)
	}
}

// What the guide warns of: after RevokeAll this request's session has ended too, and a value has nowhere to go.
func TestRevokeAll_thenAValueIsAConflict(t *testing.T) {
	m := sojourntest.Manager(t)
	r := httptest.NewRequest("POST", "/", nil)
	sojourntest.Login(t, m, r, "42")
	w := httptest.NewRecorder()
	m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if _, err := m.RevokeAll(r.Context(), s.Subject()); err != nil {
			t.Error(err)
		}
		notice.Set(s, "You are logged out on all your devices.")
	}).ServeHTTP(w, r)
	if w.Code != http.StatusConflict {
		t.Errorf("got %d, want 409", w.Code)
	}
}

// breakIn is a store in which something happens just before or just after the other sessions of a subject end.
type breakIn struct {
	*memstore.Store
	before, after func()
}

func (st *breakIn) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	st.before()
	defer st.after()
	return st.Store.DeleteSubject(ctx, realm, subject, keep)
}

// endless is a store that ends nothing of a subject's.
type endless struct{ *memstore.Store }

func (endless) DeleteSubject(context.Context, string, string, sojourn.ID) (int, error) {
	return 0, errors.New("out of order")
}

func TestChangePassword_whereTheOthersCannotBeEnded_isAnErrorAndKeepsTheNewToken(t *testing.T) {
	m, err := shop(endless{memstore.New(memstore.Config{})})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/password", nil)
	sojourntest.Login(t, m, r, "42")
	w := httptest.NewRecorder()
	m.HandlerFunc(changePassword(m)).ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable || len(w.Result().Cookies()) != 1 {
		t.Errorf("got %d with cookies %v, want 503 with the new one", w.Code, w.Result().Cookies())
	}
	if s := sojourntest.After(t, m, r, w.Result()); s.Subject() != "42" {
		t.Errorf("the new token is of %q, want 42", s.Subject())
	}
}

// A thief has a copy of the token and renews it, at whatever moment of the change of password.
func TestChangePassword_noThiefWithTheSameTokenStays(t *testing.T) {
	for _, tt := range []struct {
		moment string
		stays  bool // the one who changed the password
	}{
		{"after the load", false},
		{"before the others end", true},
		{"after the others ended", true},
	} {
		t.Run(tt.moment, func(t *testing.T) {
			owner := httptest.NewRequest("POST", "/password", nil)
			var m *sojourn.Manager // steal needs it
			var spoils *http.Response
			steal := func(moment string) {
				if moment != tt.moment || spoils != nil {
					return
				}
				thief := httptest.NewRequest("GET", "/", nil)
				thief.Header.Set("Cookie", owner.Header.Get("Cookie"))
				w := httptest.NewRecorder()
				m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Renew() }).ServeHTTP(w, thief)
				spoils = w.Result()
			}
			m, err := shop(&breakIn{
				Store:  memstore.New(memstore.Config{}),
				before: func() { steal("before the others end") },
				after:  func() { steal("after the others ended") },
			})
			if err != nil {
				t.Fatal(err)
			}
			sojourntest.Login(t, m, owner, "42")
			sojourntest.Login(t, m, httptest.NewRequest("GET", "/", nil), "42") // on another device
			w := httptest.NewRecorder()

			m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
				steal("after the load")
				changePassword(m)(w, r, s)
			}).ServeHTTP(w, owner)

			if spoils == nil {
				t.Fatal("nobody stole anything")
			}
			if s := sojourntest.After(t, m, owner, spoils); s.Subject() != "" {
				t.Errorf("the thief is logged in as %q", s.Subject())
			}
			s := sojourntest.After(t, m, owner, w.Result())
			list, err := m.Sessions(t.Context(), "42")
			if err != nil {
				t.Fatal(err)
			}
			if stays := s.Subject() == "42"; stays != tt.stays {
				t.Errorf("the owner stays: %t, want %t", stays, tt.stays)
			}
			if len(list) > 1 || len(list) == 1 && (!tt.stays || list[0].ID != s.ID()) {
				t.Errorf("got %d sessions of the owner's, want none but this one", len(list))
			}
			if text, _ := notice.Get(s); !tt.stays && !strings.Contains(text, "new password") {
				t.Errorf("got %d %q and notice %q, want to be asked to log in", w.Code, w.Body, text)
			}
		})
	}
}
