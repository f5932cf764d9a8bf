package cookiestore_test

import (
	"crypto/rand"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
)

// The values are in the cookie; the lease, in any server-side store, is what a logout ends.
func Example() {
	secret := make([]byte, 32) // of a vault, the same on every node
	rand.Read(secret)
	store, err := cookiestore.New(cookiestore.Config{
		Secrets: [][]byte{secret},
		Leases:  memstore.New(memstore.Config{}),
	})
	if err != nil {
		log.Fatal(err)
	}
	m, err := sojourn.New(store, sojourn.Config{})
	if err != nil {
		log.Fatal(err)
	}
	h := m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		switch r.URL.Path {
		case "/login":
			s.Login("42")
			s.Set("theme", "dark")
		case "/logout":
			s.Logout()
		}
		theme, _ := sojourn.Field[string]("theme").Get(s)
		fmt.Printf("%s: %q %q\n", r.URL.Path, s.Subject(), theme)
	})

	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/login", nil))
	kept := w.Result().Cookies()[0] // somebody keeps a copy
	for _, path := range []string{"/", "/logout", "/"} {
		r := httptest.NewRequest("POST", path, nil)
		r.AddCookie(kept)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	// Output:
	// /login: "42" "dark"
	// /: "42" "dark"
	// /logout: "" ""
	// /: "" ""
}
