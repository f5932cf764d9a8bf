package cookiestore_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
)

// vector is a cookie of an earlier release: what opens today opens tomorrow.
type vector struct {
	Name        string
	Secret      string // hex
	Irrevocable bool
	Realm       string
	Cookie      string // its name
	Secret64    string // the session's secret, base64url
	ID          string // the session's
	At          time.Time
	Sealed      string
	Values      map[string]string // name to JSON text
}

func vectors(tb testing.TB) []vector {
	tb.Helper()
	b, err := os.ReadFile("testdata/sealed.json")
	if err != nil {
		tb.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(b, &all); err != nil {
		tb.Fatal(err)
	}
	return all
}

// token is what the client holds.
func (v *vector) token() string { return v.Secret64 + "." + v.Sealed }

// digest is that of the secret in the client's token.
func (v *vector) digest(tb testing.TB) [32]byte {
	tb.Helper()
	secret, err := base64.RawURLEncoding.DecodeString(v.Secret64)
	if err != nil {
		tb.Fatal(err)
	}
	return sha256.Sum256(secret)
}

// facts are what a manager has noted of the vector's session.
func (v *vector) facts(tb testing.TB) sojourn.Facts {
	return sojourn.Facts{
		Realm: v.Realm, Subject: "42", Created: v.At, Authenticated: v.At, Renewed: v.At, Deadline: v.At.Add(24 * time.Hour),
		Generation: 1, Digest: v.digest(tb),
	}
}

func (v *vector) secret(tb testing.TB) []byte {
	tb.Helper()
	secret, err := hex.DecodeString(v.Secret)
	if err != nil {
		tb.Fatal(err)
	}
	return secret
}

// oneLease is a server-side store that has one session.
type oneLease struct {
	sojourn.Store
	id    sojourn.ID
	state sojourn.State
}

func (s *oneLease) Load(_ context.Context, key sojourn.Key) (sojourn.State, error) {
	if key.ID() != s.id {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	return s.state, nil
}

func (s *oneLease) Update(_ context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if key.ID() != s.id || state.Version != s.state.Version {
		return key, sojourn.ErrConflict
	}
	s.state = state
	s.state.TTL = ttl
	s.state.Version++
	return key, nil
}

// storeOf is a node that opens the vector, in its hour.
func storeOf(tb testing.TB, v *vector) *cookiestore.Store {
	tb.Helper()
	id, err := sojourn.ParseID(v.ID)
	if err != nil {
		tb.Fatal(err)
	}
	cfg := cookiestore.Config{Secrets: [][]byte{v.secret(tb)}, Name: v.Cookie, Realm: v.Realm, Irrevocable: v.Irrevocable, Now: newClock().Now}
	if !v.Irrevocable {
		cfg.Leases = &oneLease{id: id, state: sojourn.State{Facts: v.facts(tb), TTL: time.Hour, Version: 7}}
	}
	return newStore(tb, cfg)
}

// flat is a map as names and texts, in order.
func flat(m map[string]string) (pairs []string) {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		pairs = append(pairs, name, m[name])
	}
	return pairs
}

// Cookies of an earlier release open, typed and not coded twice, and the next change seals them anew.
func TestFormat_vectorsOpenAndAreSealedAnew(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			mc := sojourn.Config{Realm: v.Realm, Now: newClock().Now}
			if strings.HasPrefix(v.Cookie, "__") {
				mc.Cookie.Name = v.Cookie
			} else {
				mc.Header = v.Cookie
			}
			m, err := sojourn.New(storeOf(t, &v), mc)
			if err != nil {
				t.Fatal(err)
			}
			token := v.token()
			next := visitToken(t, m, mc, token, func(s *sojourn.Session) {
				if s.Subject() != "42" || s.ID().String() != v.ID || s.Values() != valuesOf(flat(v.Values)...) {
					t.Errorf("got %s of %q with %v, want %s of 42 with %v", s.ID(), s.Subject(), s.Values(), v.ID, v.Values)
				}
				s.Set("more", 1)
			})
			if next == "" || next == token {
				t.Fatal("a change did not seal the state anew")
			}
			visitToken(t, m, mc, next, func(s *sojourn.Session) {
				if want := valuesOf(append(flat(v.Values), "more", "1")...); s.Values() != want {
					t.Errorf("got %v after a change, want %v", s.Values(), want)
				}
			})
		})
	}
}

// visitToken makes one visit with a token and returns the token that the client gets, "" if none.
func visitToken(t *testing.T, m *sojourn.Manager, cfg sojourn.Config, token string, f func(s *sojourn.Session)) (next string) {
	t.Helper()
	v := m.Begin(func(name string) []string {
		switch {
		case cfg.Header != "" && name == cfg.Header:
			return []string{token}
		case cfg.Header == "" && name == "Cookie":
			return []string{cfg.Cookie.Name + "=" + token}
		}
		return nil
	})
	s, err := v.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f(s)
	reply, err := v.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range reply.Headers() {
		switch name {
		case cfg.Header:
			next = value
		case "Set-Cookie":
			pair, _, _ := strings.Cut(value, ";")
			next = strings.TrimPrefix(pair, cfg.Cookie.Name+"=")
		}
	}
	return next
}
