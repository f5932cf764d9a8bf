// Package sojourntest helps to test handlers that use sessions. It needs no server and no cookie jar: a request is given a
// session before the handler runs, and the session that the client then has is looked at afterwards.
//
//	m := sojourntest.Manager(t)
//	r := httptest.NewRequest("POST", "/cart?item=tea", nil)
//	sojourntest.Login(t, m, r, "42")
//	w := httptest.NewRecorder()
//
//	m.HandlerFunc(addToCart).ServeHTTP(w, r)
//
//	s := sojourntest.After(t, m, r, w.Result())
//	if c, _ := cart.Get(s); len(c.Items) != 1 { … }
//
// All functions fail the test on an error and are safe for concurrent use on different requests.
package sojourntest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// Manager returns a manager with a new memstore and the zero Config. For another configuration, or to see its events,
// call sojourn.New with a memstore yourself: the other functions take any manager.
func Manager(tb testing.TB) *sojourn.Manager {
	tb.Helper()
	m, err := sojourn.New(memstore.New(memstore.Config{}), sojourn.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// Login is [Prepare] with a session of subject.
func Login(tb testing.TB, m *sojourn.Manager, r *http.Request, subject string) {
	tb.Helper()
	Prepare(tb, m, r, func(s *sojourn.Session) { s.Login(subject) })
}

// Prepare creates a session, or goes on with the one that r presents, lets prepare fill it, and gives its token to r.
func Prepare(tb testing.TB, m *sojourn.Manager, r *http.Request, prepare func(s *sojourn.Session)) {
	tb.Helper()
	v := m.Begin(r.Header.Values)
	s, err := v.Load(r.Context())
	if err != nil {
		tb.Fatalf("load the session to prepare: %v", err)
	}
	prepare(s)
	reply, err := v.Commit(r.Context())
	if err != nil {
		tb.Fatalf("commit the prepared session: %v", err)
	}
	header := make(http.Header)
	for name, value := range reply.Headers() {
		header.Add(name, value)
	}
	receive(r.Header, header)
}

// After returns the session that the client has after the response to r: for a look at what the handler left. Changes to it
// go nowhere. r itself is left alone.
func After(tb testing.TB, m *sojourn.Manager, r *http.Request, resp *http.Response) *sojourn.Session {
	tb.Helper()
	header := r.Header.Clone()
	receive(header, resp.Header)
	s, err := m.Begin(header.Values).Load(r.Context())
	if err != nil {
		tb.Fatalf("load the session after the response: %v", err)
	}
	return s
}

// receive does to a client's next request what a response asks for: cookies are set and removed, and a token that travels
// in a header of its own is taken over.
func receive(request, response http.Header) {
	cookies := make(map[string]string)
	var names []string
	put := func(name, value string) {
		if _, known := cookies[name]; !known {
			names = append(names, name)
		}
		cookies[name] = value
	}
	for _, line := range request.Values("Cookie") {
		for pair := range strings.SplitSeq(line, ";") {
			if name, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok {
				put(name, value)
			}
		}
	}
	for _, c := range (&http.Response{Header: response}).Cookies() {
		put(c.Name, c.Value)
		if c.MaxAge < 0 {
			cookies[c.Name] = ""
		}
	}
	var pairs []string
	for _, name := range names {
		if cookies[name] != "" {
			pairs = append(pairs, name+"="+cookies[name])
		}
	}
	request.Del("Cookie")
	if len(pairs) > 0 {
		request.Set("Cookie", strings.Join(pairs, "; "))
	}
	for name, values := range response {
		if name != "Set-Cookie" && len(values) > 0 {
			request.Set(name, values[0])
		}
	}
}
