// Readme is the program of the README, to the letter.
package main

import (
	"fmt"
	"log"
	"net/http"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// The name and the type of a value, declared once.
const views = sojourn.Field[int]("views")

func main() {
	m, err := sojourn.New(memstore.New(memstore.Config{}), sojourn.Config{})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		n := views.Update(s, func(n int) int { return n + 1 })
		fmt.Fprintf(w, "Hello %q, visit number %d\n", s.Subject(), n)
	}))
	mux.Handle("POST /login", m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if name, ok := authenticate(r); ok {
			s.Login(name, string(views)) // a new secret; of the visitor's values only views stays
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	mux.Handle("POST /logout", m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Logout()
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	log.Fatal(http.ListenAndServe("localhost:8080", http.NewCrossOriginProtection().Handler(mux)))
}

// authenticate asks your accounts; here everybody's password is "secret".
func authenticate(r *http.Request) (name string, ok bool) {
	return r.FormValue("name"), r.FormValue("password") == "secret"
}
