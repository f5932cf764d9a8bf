package sojourn_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// Attacks, item 38: adapters whose strings alias buffers, stores that return wrong keys, and use after the end.

// wrongKeys is a store whose Save returns the key it is told to.
type wrongKeys struct {
	sojourn.Store
	key sojourn.Key
}

func (s *wrongKeys) Save(context.Context, sojourn.State, time.Duration) (sojourn.Key, error) {
	return s.key, nil
}

// A key that cannot be new would hand a client a session of somebody's choosing.
func TestEvilStore_returnsAWrongKey(t *testing.T) {
	clock := newClock()
	inner := memstore.New(memstore.Config{Now: clock.Now})
	st := &wrongKeys{Store: inner}
	a := newAppOver(t, newSpy(st), clock, sojourn.Config{})
	a.does("/set", func(s *sojourn.Session) { s.Set("x", 1) })
	for _, key := range []sojourn.Key{{}, sojourn.SealedKey(sojourn.ID{}, "sealed")} {
		st.key = key
		got := a.browser(t).get("/set")
		got.want(t, 503, "")
		got.wantNoCookie(t)
	}

	// The presented one, at a login over another subject's session.
	honest := newAppOver(t, newSpy(inner), clock, sojourn.Config{})
	honest.does("/login", func(s *sojourn.Session) { s.Login("42") })
	b := honest.browser(t)
	b.get("/login")
	for e := range honest.m.All(t.Context()) {
		st.key = e.ID.Key()
	}
	b.handler = a
	a.does("/login", func(s *sojourn.Session) { s.Login("43") })
	got := b.get("/login")
	got.want(t, 503, "")
	got.wantNoCookie(t)
}

// An adapter's strings may live in a buffer that the next request overwrites (FrankenPHP CVE-2026-24894): what is kept
// is copied when it is committed, at the latest.
func TestAdapter_stringsThatAliasABuffer(t *testing.T) {
	clock := newClock()
	st := memstore.New(memstore.Config{Now: clock.Now})
	m := newManager(t, st, sojourn.Config{Header: "Session-Key", Now: clock.Now, Label: (*http.Request).UserAgent})
	const request = "alice|a-browser-of-alice|tea"
	buffer := []byte(request)
	cut := func(from, to int) string { return aliasing(buffer[from:to]) }
	v := m.Begin(func(name string) []string {
		if name == "User-Agent" {
			return []string{cut(6, 24)}
		}
		return nil
	})
	s, err := v.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Login(cut(0, 5), cut(25, 28))
	s.Set(cut(25, 28), cut(25, 28))
	s.Remove(cut(0, 5))
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	copy(buffer, bytes.Repeat([]byte("X"), len(buffer))) // the next request
	if s.Subject() != "alice" {
		t.Errorf("got subject %q, want alice", s.Subject())
	}
	list, err := m.Sessions(t.Context(), "alice")
	if err != nil || len(list) != 1 {
		t.Fatalf("got %v, %v, want alice's session", list, err)
	}
	state, err := st.Load(t.Context(), list[0].ID.Key())
	if state.Facts.Label != "a-browser-of-alice" {
		t.Errorf("got label %q, want that of alice's browser", state.Facts.Label)
	}
	if err != nil || state.Values.Get("tea") != `"tea"` {
		t.Errorf("got %v, %v, want tea", state.Values, err)
	}
}

// After the reply has left, a goroutine that kept the session changes what needs no cookie, and hears of what does.
func TestSession_usedAfterTheResponse(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	var kept *sojourn.Session
	a.does("/new", func(s *sojourn.Session) { kept = s })
	a.does("/login", func(s *sojourn.Session) { s.Login("42"); kept = s })
	a.on("/show", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		fmt.Fprint(w, s.Subject(), s.Values())
	})

	b := a.browser(t)
	b.get("/new")
	kept.Set("x", 1)
	if err := kept.Commit(t.Context()); err != sojourn.ErrSent {
		t.Errorf("a new session: got %v, want ErrSent", err)
	}
	b.get("/login")
	for name, change := range map[string]func(){
		"Login": func() { kept.Login("42") }, "Login of another": func() { kept.Login("43") }, "Renew": func() { kept.Renew() },
	} {
		change()
		if err := kept.Commit(t.Context()); err != sojourn.ErrSent {
			t.Errorf("%s: got %v, want ErrSent", name, err)
		}
	}
	kept.Set("x", 1)
	if err := kept.Commit(t.Context()); err != nil {
		t.Errorf("a change: got %v, want it kept", err)
	}
	b.get("/show").want(t, 200, "42[x]")
	kept.Logout()
	b.get("/show").want(t, 200, "[]")
	kept.Set("x", 2)
	if err := kept.Commit(t.Context()); err != sojourn.ErrSent {
		t.Errorf("after a logout: got %v, want ErrSent", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	kept.Set("x", 2)
	if err := kept.Commit(ended); err != context.Canceled {
		t.Errorf("with an ended context: got %v, want context.Canceled", err)
	}
}
