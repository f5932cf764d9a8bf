package cookiestore_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
)

// The black-box tests of actix-session 0.11 for its cookie store, and of its later migration of the stored format, as
// behaviour: what its suite sends, and what a client must see. It runs them with invalidation "unsupported", which is
// Irrevocable here; with leases invalidation works. Where this library decides otherwise, the test says what and why. The
// suite for server-side stores: actix_test.go of the root.

const counter = sojourn.Field[int]("counter")

// shop is the application of that suite, a client, and what it was last shown.
type shop struct {
	t *testing.T
	*app
	client
	leases *countingLeases // nil if irrevocable
	clock  *fakeClock
	shown  string
}

// countingLeases counts loads.
type countingLeases struct {
	*memstore.Store
	loads int
}

func (c *countingLeases) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	c.loads++
	return c.Store.Load(ctx, key)
}

func newShop(t *testing.T, irrevocable bool, cfg sojourn.Config) *shop {
	s := &shop{t: t, clock: newClock()}
	cfg.Now = s.clock.Now
	store := cookiestore.Config{Irrevocable: irrevocable, Now: s.clock.Now, Name: cfg.Cookie.Name}
	if !irrevocable {
		s.leases = &countingLeases{Store: memstore.New(memstore.Config{Now: s.clock.Now})}
		store.Leases = s.leases
	}
	s.app = newApp(t, newStore(t, store), cfg)
	return s
}

// The requests of the suite. Each returns the cookie that the response sets, nil if none.

func (s *shop) request(act func(session *sojourn.Session)) *http.Cookie {
	resp := s.do(s.app, func(session *sojourn.Session) {
		act(session)
		n, _ := counter.Get(session)
		s.shown = fmt.Sprintf("%q %d", session.Subject(), n)
	})
	if resp.StatusCode != http.StatusOK {
		s.t.Fatalf("got status %d, want 200", resp.StatusCode)
	}
	if all := resp.Cookies(); len(all) > 0 {
		return all[0]
	}
	return nil
}

func (s *shop) index() *http.Cookie { return s.request(func(*sojourn.Session) {}) }

func (s *shop) doSomething() *http.Cookie {
	return s.request(func(session *sojourn.Session) { counter.Update(session, func(n int) int { return n + 1 }) })
}

func (s *shop) login() *http.Cookie {
	return s.request(func(session *sojourn.Session) { session.Login("ferris", string(counter)) })
}

func (s *shop) logout() *http.Cookie {
	return s.request(func(session *sojourn.Session) { session.Logout() })
}

func (s *shop) wantShown(want string) {
	s.t.Helper()
	if s.shown != want {
		s.t.Errorf("got %s, want %s", s.shown, want)
	}
}

func onEachKind(t *testing.T, f func(t *testing.T, irrevocable bool)) {
	for _, irrevocable := range []bool{false, true} {
		t.Run(fmt.Sprintf("irrevocable=%v", irrevocable), func(t *testing.T) { f(t, irrevocable) })
	}
}

func TestActix_basicWorkflow(t *testing.T) {
	onEachKind(t, func(t *testing.T, irrevocable bool) {
		s := newShop(t, irrevocable, sojourn.Config{
			Cookie:   sojourn.Cookie{Name: cookieName},
			Lifetime: sojourn.Lifetime{Idle: 100 * time.Second, Absolute: 100 * time.Second, Persistent: true},
		})
		c := s.request(func(session *sojourn.Session) { session.Set("counter", 100) })
		if c == nil || c.Name != cookieName || c.Path != "/" || c.MaxAge != 100 {
			t.Fatalf("got cookie %v, want %s with Path=/ and Max-Age=100", c, cookieName)
		}
		s.index()
		s.wantShown(`"" 100`)
	})
}

// A change sends the cookie again, as there, because it holds the change. But Max-Age is the time to the deadline, so it
// does not grow; and inserting the value that is there already is no change.
func TestActix_expirationOnChanges(t *testing.T) {
	onEachKind(t, func(t *testing.T, irrevocable bool) {
		s := newShop(t, irrevocable, sojourn.Config{
			Lifetime: sojourn.Lifetime{Idle: time.Minute, Absolute: time.Minute, Persistent: true}, Extend: sojourn.ExtendOnChange,
		})
		if c := s.doSomething(); c == nil || c.MaxAge != 60 {
			t.Fatalf("got cookie %v, want Max-Age=60", c)
		}
		if c := s.index(); c != nil {
			t.Errorf("got cookie %v from a request that touched nothing, want none", c)
		}
		if c := s.request(func(session *sojourn.Session) { session.Set("counter", 1) }); c != nil {
			t.Errorf("got cookie %v for an equal value, want none", c)
		}
		s.clock.advance(20 * time.Second)
		if c := s.doSomething(); c == nil || c.MaxAge != 40 {
			t.Errorf("got cookie %v for a change 20 s later, want Max-Age=40", c)
		}
	})
}

// There every request sends the cookie again. Here only one whose lifetime travels in it does, and only when less than
// about 80 % of it are left; a lease is extended on the server.
func TestActix_expirationOnEveryRequest(t *testing.T) {
	onEachKind(t, func(t *testing.T, irrevocable bool) {
		s := newShop(t, irrevocable, sojourn.Config{
			Lifetime: sojourn.Lifetime{Idle: time.Minute, Absolute: time.Hour, Persistent: true}, Extend: sojourn.ExtendOnRequest,
		})
		s.doSomething()
		for range 5 {
			s.clock.advance(40 * time.Second)
			if c := s.index(); (c != nil) != irrevocable {
				t.Errorf("got cookie %v, want one: %v", c, irrevocable)
			}
			s.wantShown(`"" 1`)
		}
		s.clock.advance(time.Minute)
		s.index()
		s.wantShown(`"" 0`)
	})
}

func TestActix_guard(t *testing.T) {
	onEachKind(t, func(t *testing.T, irrevocable bool) {
		s := newShop(t, irrevocable, sojourn.Config{})
		s.index()
		s.wantShown(`"" 0`)
		if s.login() == nil || s.doSomething() == nil {
			t.Fatal("got no cookie from the login or the change, want one each")
		}
		s.index()
		s.wantShown(`"ferris" 1`)
	})
}

func TestActix_complexWorkflow(t *testing.T) {
	const week = 7 * 24 * time.Hour
	onEachKind(t, func(t *testing.T, irrevocable bool) {
		s := newShop(t, irrevocable, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: week, Absolute: week, Persistent: true}})
		if c := s.index(); c != nil { // 1
			t.Errorf("got cookie %v from a request that keeps nothing, want none", c)
		}
		s.wantShown(`"" 0`)

		cookie1 := s.doSomething() // 2
		s.wantShown(`"" 1`)
		if cookie1 == nil || cookie1.MaxAge != int(week/time.Second) {
			t.Fatalf("got cookie %v, want Max-Age of seven days", cookie1)
		}
		if c := s.index(); c != nil { // 3
			t.Errorf("got cookie %v from a request that changed nothing, want none", c)
		}
		s.wantShown(`"" 1`)

		cookie2 := s.doSomething() // 4
		s.wantShown(`"" 2`)
		if cookie2 == nil || cookie2.MaxAge != cookie1.MaxAge || cookie2.Value == cookie1.Value {
			t.Fatalf("got cookie %v, want another value with the same Max-Age", cookie2)
		}
		visitor := s.client

		cookie3 := s.login() // 5
		s.wantShown(`"ferris" 2`)
		if cookie3 == nil || cookie3.Value == cookie2.Value {
			t.Fatalf("got cookie %v from the login, want another value", cookie3)
		}
		s.index() // 6
		s.wantShown(`"ferris" 2`)
		user := s.client
		s.doSomething() // 7; the new cookie is not used, as there
		s.wantShown(`"ferris" 3`)

		s.client = visitor // 8: the cookie from before the login
		if c := s.index(); c != nil {
			t.Errorf("got cookie %v for an old one, want none", c)
		}
		if irrevocable {
			s.wantShown(`"" 2`)
		} else {
			s.wantShown(`"" 0`)
		}

		s.client = user // 9
		if c := s.logout(); c == nil || c.MaxAge >= 0 || c.Value != "" || c.Path != "/" {
			t.Errorf("got cookie %v from the logout, want it removed with Path=/", c)
		}

		s.client = client{} // 10
		if c := s.index(); c != nil {
			t.Errorf("got cookie %v, want none", c)
		}
		s.wantShown(`"" 0`)

		s.client = user // 10b: not the emptied cookie, but the one that was live; actix leaves this out
		s.index()
		if irrevocable {
			s.wantShown(`"ferris" 2`)
		} else {
			s.wantShown(`"" 0`)
		}
	})
}

// cookie_storage of tests/middleware.rs: the attributes of setting and removal, here with SameSite on both.
func TestActix_cookieAttributes(t *testing.T) {
	onEachKind(t, func(t *testing.T, irrevocable bool) {
		s := newShop(t, irrevocable, sojourn.Config{Cookie: sojourn.Cookie{Name: "id", Path: "/test", Domain: "localhost"}})
		r := func(act func(*sojourn.Session), cookie string) *http.Cookie {
			s.act = act
			req, w := httptest.NewRequest("POST", "/", nil), httptest.NewRecorder()
			if cookie != "" {
				req.Header.Set("Cookie", "id="+cookie)
			}
			s.handler.ServeHTTP(w, req)
			if all := w.Result().Cookies(); len(all) == 1 {
				return all[0]
			}
			t.Fatal("got no cookie")
			return nil
		}
		set := r(func(session *sojourn.Session) { session.Login("ferris") }, "")
		removed := r(func(session *sojourn.Session) { session.Logout() }, set.Value)
		for _, c := range []*http.Cookie{set, removed} {
			if c.Name != "id" || c.Path != "/test" || c.Domain != "localhost" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
				t.Errorf("got cookie %v, want the attributes of the configuration", c)
			}
		}
		if set.MaxAge != 0 || removed.MaxAge >= 0 || removed.Value != "" {
			t.Errorf("got Max-Age %d and %d, want none and 0", set.MaxAge, removed.MaxAge)
		}
	})
}

// loading_a_random_session_key_returns_deserialization_error: there an error, and the next write keeps the key; here it is
// as no cookie at all, costs no lease, and is never adopted. So is a key of any length that theirs may have (up to 4064) or
// may not (4065).
func TestActix_randomKeyOpensNothing(t *testing.T) {
	onEachKind(t, func(t *testing.T, irrevocable bool) {
		s := newShop(t, irrevocable, sojourn.Config{})
		random := base64.RawURLEncoding.EncodeToString(append(randomSecret(1), randomSecret(2)...))
		for _, key := range []string{
			random[:64], random[:43] + "." + random, random[:43] + "." + strings.Repeat(random, 10), strings.Repeat("a", 4064), strings.Repeat("a", 4065),
		} {
			s.cookie = key
			if c := s.index(); c != nil || s.cookie != key {
				t.Errorf("got cookie %v for a random key of %d characters, want it untouched", c, len(key))
			}
			s.wantShown(`"" 0`)
			if c := s.doSomething(); c == nil || strings.Contains(c.Value, key[:40]) {
				t.Errorf("got cookie %v for a new session, want one with nothing of the random key", c)
			}
			s.wantShown(`"" 1`)
		}
		if s.leases != nil && s.leases.loads != 0 {
			t.Errorf("got %d loads of leases for random keys, want none", s.leases.loads)
		}
	})
}

// saving_state_is_versioned_and_does_not_double_serialize_strings.
func TestActix_stateIsVersionedAndCodedOnce(t *testing.T) {
	onEachKind(t, func(t *testing.T, irrevocable bool) {
		s := newShop(t, irrevocable, sojourn.Config{})
		s.request(func(session *sojourn.Session) { session.Set("k", "value"); session.Set("n", 1) })
		_, text, _ := strings.Cut(s.cookie, ".")
		if version := decode(t, text)[0]; version != 1 {
			t.Errorf("got version %d, want 1", version)
		}
		_, payload := ours(irrevocable).open(t, text)
		if want := string(packed("k", `"value"`, "n", "1")); !strings.Contains(string(payload), want) || strings.Contains(string(payload), `\"`) {
			t.Errorf("got %q, want the JSON texts in it, each once", payload)
		}
	})
}

// legacy_state_format_is_migrated_on_load: names with JSON texts, as a program that coded twice had stored them. Here a value
// is such a text, so they come back typed as they are, and the change of one leaves the others byte for byte. Cookies of
// this library's own earlier releases: TestFormat_vectorsOpenAndAreSealedAnew.
func TestActix_legacyStateComesBackTyped(t *testing.T) {
	onEachKind(t, func(t *testing.T, irrevocable bool) {
		s := newShop(t, irrevocable, sojourn.Config{})
		s.login()
		secret, text, _ := strings.Cut(s.cookie, ".")
		id, payload := ours(irrevocable).open(t, text)
		legacy := []string{"k", `"value"`, "n", "1", "obj", `{"a": 1}`}
		if irrevocable {
			state, err := sojourn.ParseState(string(payload[16:]))
			if err != nil {
				t.Fatal(err)
			}
			state.Values = valuesOf(legacy...)
			payload, _ = state.AppendBinary(payload[:16])
		} else {
			payload = append(payload[:8], packed(legacy...)...)
		}
		s.cookie = secret + "." + ours(irrevocable).seal(t, id, [16]byte(randomSecret(3)), payload)
		s.request(func(session *sojourn.Session) {
			k, _ := sojourn.Field[string]("k").Get(session)
			n, _ := sojourn.Field[int]("n").Get(session)
			obj, _ := sojourn.Field[map[string]int]("obj").Get(session)
			if k != "value" || n != 1 || obj["a"] != 1 {
				t.Errorf("got k = %q, n = %d, obj = %v, want value, 1 and a map with a = 1", k, n, obj)
			}
			session.Set("n", 2)
		})
		s.request(func(session *sojourn.Session) {
			if want := valuesOf("k", `"value"`, "n", "2", "obj", `{"a": 1}`); session.Values() != want {
				t.Errorf("got %v after a change, want the rest as it was", session.Values())
			}
		})
	})
}
