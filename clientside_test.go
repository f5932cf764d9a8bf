package sojourn_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/storetest"
)

// What the manager does differently for a store whose keys are sealed states.

func newSealing(tb testing.TB, leases sojourn.Store, name string, realm ...string) *cookiestore.Store {
	tb.Helper()
	cfg := cookiestore.Config{Secrets: [][]byte{randomSecret(1)}, Leases: leases, Name: name}
	if len(realm) > 0 {
		cfg.Realm = realm[0]
	}
	st, err := cookiestore.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return st
}

// A client-side store counts the bytes of the cookie and binds name and realm, so nobody else may seal it again, or send it
// under another name or in another realm.
func TestNew_holdsTheNameAndTheRealmThatAStoreSeals(t *testing.T) {
	leases := memstore.New(memstore.Config{})
	for _, tt := range []struct {
		name  string
		seal  string
		realm string
		cfg   sojourn.Config
		want  []string
	}{
		{"the default", "", "", sojourn.Config{}, nil},
		{"no prefix", "sid", "", sojourn.Config{Cookie: sojourn.Cookie{Name: "sid"}}, nil},
		{"__Secure-", "__Secure-id", "", sojourn.Config{Cookie: sojourn.Cookie{Name: "__Secure-id"}}, nil},
		{"__Http-", "__Http-id", "", sojourn.Config{Cookie: sojourn.Cookie{Name: "__Http-id"}}, nil},
		{"__Host-Http-", "__Host-Http-id", "", sojourn.Config{Cookie: sojourn.Cookie{Name: "__Host-Http-id"}}, nil},
		{"the realm", "", "shop", sojourn.Config{Realm: "shop"}, nil},
		{"another realm", "", "", sojourn.Config{Realm: "shop"}, []string{"Realm"}},
		{"the default realm at a store of another", "", "shop", sojourn.Config{}, []string{"Realm"}},
		{"another cookie", "__Host-id2", "", sojourn.Config{}, []string{"Cookie.Name"}},
		{"another header", "X-Session", "", sojourn.Config{Header: "X-Other"}, []string{"Header"}},
		{"the header", "X-Session", "", sojourn.Config{Header: "x-session"}, nil},
		{"sealed twice", "", "", sojourn.Config{Cookie: sojourn.Cookie{Secrets: [][]byte{randomSecret(2)}}}, []string{"Cookie.Secrets"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := configErrors(t, newSealing(t, leases, tt.seal, tt.realm), tt.cfg); !slices.Equal(got, tt.want) {
				t.Errorf("got errors about %q, want %q", got, tt.want)
			}
		})
	}
}

// The cookie of a request with a secret that a periodic renewal has replaced would overwrite the new one: the client
// retries. It may still read, and log out.
func TestClientSide_lateRequestChangesNothing(t *testing.T) {
	clock := newClock()
	leases := memstore.New(memstore.Config{Now: clock.Now})
	r := newRig(t, newSealing(t, leases, rigHeader), sojourn.Config{
		Lifetime: sojourn.Lifetime{Renew: 5 * time.Minute}, Now: clock.Now,
	})
	old := r.do("", func(s *sojourn.Session) { s.Login("42"); s.Set("a", 1) })
	clock.advance(10 * time.Minute)
	renewed := r.do(old, func(*sojourn.Session) {})
	if renewed == old {
		t.Fatal("got no new secret, want a periodic renewal")
	}
	v, s := r.open(old)
	if s.Subject() != "42" || !s.Has("a") {
		t.Errorf("got subject %q, values %v for a late request, want it to read", s.Subject(), s.Values())
	}
	s.Set("a", 2)
	if token, err := r.close(v); !errors.Is(err, sojourn.ErrRenewed) || token != "" {
		t.Errorf("got %v and a token of %d bytes for a late change, want %v and none", err, len(token), sojourn.ErrRenewed)
	}
	r.do(renewed, func(s *sojourn.Session) {
		if got, _ := sojourn.Field[int]("a").Get(s); got != 1 || s.Subject() != "42" {
			t.Errorf("got a = %d of %q after a late change, want 1 of 42", got, s.Subject())
		}
	})
	r.do(old, func(s *sojourn.Session) { s.Logout() })
	if _, s := r.open(renewed); !s.IsNew() {
		t.Error("a late logout did not end the session")
	}
}

// An adapter's header values may live in a buffer that is used again as soon as it has handed them over.
func TestClientSide_aBufferMayBeUsedAgain(t *testing.T) {
	r := newRig(t, newSealing(t, memstore.New(memstore.Config{}), rigHeader), sojourn.Config{})
	token := r.do("", func(s *sojourn.Session) { s.Set("a", 1) })
	buffer := []byte(token)
	v := r.Begin(func(name string) []string {
		if name == rigHeader {
			return []string{unsafe.String(unsafe.SliceData(buffer), len(buffer))}
		}
		return nil
	})
	s, err := v.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range buffer {
		buffer[i] = 'x'
	}
	s.Set("b", 2)
	next, err := r.close(v)
	if err != nil || next == "" || next[:43] != token[:43] {
		t.Fatalf("got %v and a token of %d bytes, want one with the same secret", err, len(next))
	}
	if _, s := r.open(next); !s.Has("a") || !s.Has("b") {
		t.Errorf("got %v, want a and b", s.Values())
	}
}

// After the headers no cookie can tell of a change: it is refused before the lease knows of it.
func TestClientSide_changeAfterTheHeadersCostsNothing(t *testing.T) {
	leases := newRigStore()
	r := newRig(t, newSealing(t, leases, rigHeader), sojourn.Config{})
	token := r.do("", func(s *sojourn.Session) { s.Set("a", 1) })
	v, s := r.open(token)
	v.Sent()
	s.Set("a", 1) // no change
	if err := s.Commit(t.Context()); err != nil {
		t.Errorf("got %v for an equal value, want no error", err)
	}
	s.Set("a", 2)
	if err := s.Commit(t.Context()); !errors.Is(err, sojourn.ErrSent) {
		t.Errorf("got %v, want %v", err, sojourn.ErrSent)
	}
	if n := leases.count("update"); n != 0 {
		t.Errorf("got %d updates of the lease, want none", n)
	}
}

// A login whose acknowledgement was lost is settled with the key that the update was to make: the key before does not go
// with the new secret.
func TestClientSide_lostAcknowledgementOfALoginIsSettled(t *testing.T) {
	lose := false
	leases := storetest.NewFaulty(memstore.New(memstore.Config{}), func(op string, _ sojourn.Key) error {
		if lose && op == "update" {
			return storetest.AfterCall(errors.New("connection reset"))
		}
		return nil
	})
	r := newRig(t, newSealing(t, leases, rigHeader), sojourn.Config{Observe: func(context.Context, sojourn.Event) {}})
	visitor := r.do("", func(s *sojourn.Session) { s.Set("cart", "tea") })
	lose = true
	user := r.do(visitor, func(s *sojourn.Session) { s.Login("42", "cart") })
	lose = false
	r.do(user, func(s *sojourn.Session) {
		if s.Subject() != "42" || !s.Has("cart") {
			t.Errorf("got subject %q with %v, want 42 with the cart", s.Subject(), s.Values())
		}
	})
	if _, s := r.open(visitor); s.Subject() != "" || s.Has("cart") {
		t.Error("the visitor's token opens the user's session")
	}
}
