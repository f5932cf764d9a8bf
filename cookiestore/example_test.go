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

// Four deployments rotate a secret; at each the instances of the one before serve the same clients.
func ExampleConfig_rotation() {
	older, newer, leases := make([]byte, 32), make([]byte, 32), memstore.New(memstore.Config{})
	rand.Read(older)
	rand.Read(newer)
	var cookie string
	for _, step := range []struct {
		name    string
		secrets [][]byte
	}{
		{"today", [][]byte{older}},
		{"add the new one", [][]byte{older, newer}},
		{"promote it", [][]byte{newer, older}},
		{"remove the old one", [][]byte{newer}},
	} {
		store, err := cookiestore.New(cookiestore.Config{Secrets: step.secrets, Leases: leases})
		if err != nil {
			log.Fatal(err)
		}
		m, err := sojourn.New(store, sojourn.Config{})
		if err != nil {
			log.Fatal(err)
		}
		r, w := httptest.NewRequest("POST", "/", nil), httptest.NewRecorder()
		r.Header.Set("Cookie", "__Host-id="+cookie)
		m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			steps := sojourn.Field[int]("steps").Update(s, func(n int) int { return n + 1 })
			fmt.Printf("%s: %d\n", step.name, steps)
		}).ServeHTTP(w, r)
		cookie = w.Result().Cookies()[0].Value
	}
	// Output:
	// today: 1
	// add the new one: 2
	// promote it: 3
	// remove the old one: 4
}

// What must not come back is followed by a new secret.
func Example_replay() {
	secret := make([]byte, 32)
	rand.Read(secret)
	store, err := cookiestore.New(cookiestore.Config{Secrets: [][]byte{secret}, Leases: memstore.New(memstore.Config{})})
	if err != nil {
		log.Fatal(err)
	}
	m, err := sojourn.New(store, sojourn.Config{})
	if err != nil {
		log.Fatal(err)
	}
	h := m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		switch r.URL.Path {
		case "/begin":
			s.Set("step", 2)
		case "/next":
			s.Set("step", 3)
			s.Renew() // every cookie from before opens nothing any more
		}
		step, _ := sojourn.Field[int]("step").Get(s)
		fmt.Println(r.URL.Path, step)
	})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("POST", "/begin", nil))
	kept := w.Result().Cookies()[0]
	for _, path := range []string{"/next", "/again"} {
		r := httptest.NewRequest("POST", path, nil)
		r.AddCookie(kept)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	// Output:
	// /begin 2
	// /next 3
	// /again 0
}
