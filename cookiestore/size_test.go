package cookiestore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
)

// SEC-34: a cookie's name and value together are at most 4096 bytes as sent (RFC 6265bis §5.6), each attribute at most
// 1024. One byte more is refused before anything is stored. In a browser: e2e/cookiesize_test.go.

// largest returns the length of the longest value that the client's session takes, by bisection over HTTP.
func largest(t *testing.T, a *app, c client) int {
	t.Helper()
	low, high := 0, 5000
	for low+1 < high {
		mid := (low + high) / 2
		trial := c
		if trial.do(a, set("v", strings.Repeat("x", mid))).StatusCode == http.StatusOK {
			low = mid
		} else {
			high = mid
		}
	}
	return low
}

// sizeOf is the number of bytes of name and value in the response's cookie, 0 if there is none, and the attributes.
func sizeOf(resp *http.Response) (sent int, attributes []string) {
	line := resp.Header.Get("Set-Cookie")
	if line == "" {
		return 0, nil
	}
	pair, rest, _ := strings.Cut(line, ";")
	return len(pair) - 1, strings.Split(rest, ";") // without the equals sign
}

func TestSize_theLargestCookieThatBrowsersKeep(t *testing.T) {
	for _, irrevocable := range []bool{false, true} {
		for _, name := range []string{"__Host-id", "__Host-i", "a", "__Host-a-much-longer-name"} {
			t.Run(fmt.Sprintf("%s irrevocable=%v", name, irrevocable), func(t *testing.T) {
				cfg := cookiestore.Config{Name: name, Irrevocable: irrevocable}
				room := 0
				if irrevocable {
					room = 32 + 4 // of a renewal: the digest before, and a generation of any size
				} else {
					cfg.Leases = memstore.New(memstore.Config{})
				}
				a := newApp(t, newStore(t, cfg), sojourn.Config{Cookie: sojourn.Cookie{Name: cfg.Name}})
				n := largest(t, a, client{})
				resp := (&client{}).do(a, set("v", strings.Repeat("x", n)))
				sent, _ := sizeOf(resp)
				// A byte of payload is 1.33 characters: the largest is within two characters of the limit.
				if most := 4096 - room*4/3; sent > most || sent < most-2 {
					t.Errorf("got %d bytes of name and value for the largest session, want %d or two less", sent, most)
				}
				t.Logf("value of %d bytes, name and value %d, header %d", n, sent, len(resp.Header.Get("Set-Cookie")))
			})
		}
	}
}

// Each size around the boundary, under names of which each is one byte longer, with no attributes and with the longest: it
// is kept exactly if name and value as sent are at most 4096 bytes.
func TestSize_4096AreKeptAnd4097Refused(t *testing.T) {
	sizes := map[int]int{}
	for _, name := range []string{"__Host-i", "__Host-id", "__Host-idx", "__Host-idxy"} {
		for _, cookie := range []sojourn.Cookie{
			{Name: name},
			{Name: "__Secure" + name[6:], Domain: strings.Repeat("a.", 120) + "example", Path: "/" + strings.Repeat("p", 1023), SameSite: http.SameSiteNoneMode, Partitioned: true},
		} {
			cfg := sojourn.Config{Cookie: cookie, Lifetime: sojourn.Lifetime{Persistent: cookie.Path != ""}}
			a := newApp(t, newStore(t, cookiestore.Config{Leases: memstore.New(memstore.Config{}), Name: cookie.Name}), cfg)
			for n := 2935; n < 2965; n++ {
				raw := 65 + 8 + 1 + 2 + 1 + n + 2                           // seal, digest, lengths, name, text with its quotes
				want := len(cookie.Name) + 43 + 1 + (raw*8+5)/6             // secret, dot, sealed text
				resp := (&client{}).do(a, set("v", strings.Repeat("x", n))) // two more for the quotes
				sent, attributes := sizeOf(resp)
				if want > 4096 && (sent != 0 || resp.StatusCode != http.StatusInternalServerError) || want <= 4096 && (sent != want || resp.StatusCode != http.StatusOK) {
					t.Errorf("%s, %d: got status %d and %d bytes, want %d, kept up to 4096", cookie.Name, n, resp.StatusCode, sent, want)
				}
				for _, attribute := range attributes {
					if _, value, _ := strings.Cut(attribute, "="); len(value) > 1024 {
						t.Errorf("got an attribute of %d bytes, want at most 1024", len(attribute))
					}
				}
				sizes[want]++
			}
		}
	}
	for _, size := range []int{4095, 4096, 4097, 4098} {
		if sizes[size] == 0 {
			t.Errorf("no cookie of %d bytes was tried", size)
		}
	}
}

// A session that grew too large keeps its old state, on the server too.
func TestSize_oneByteMoreLeavesTheOldState(t *testing.T) {
	for _, irrevocable := range []bool{false, true} {
		leases := memstore.New(memstore.Config{})
		cfg := cookiestore.Config{Irrevocable: irrevocable}
		if !irrevocable {
			cfg.Leases = leases
		}
		var failed error
		a := newApp(t, newStore(t, cfg), sojourn.Config{OnError: func(w http.ResponseWriter, _ *http.Request, err error) {
			failed = err
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}})
		var c client
		c.do(a, login)
		n := largest(t, a, c)
		c.do(a, set("v", strings.Repeat("x", n)))
		before := c.cookie
		version := func() uint64 {
			if irrevocable {
				return 0
			}
			var id sojourn.ID
			c.do(a, func(s *sojourn.Session) { id = s.ID() })
			lease, err := leases.Load(t.Context(), id.Key())
			if err != nil {
				t.Fatal(err)
			}
			return lease.Version
		}
		was := version()
		for what, act := range map[string]func(s *sojourn.Session){
			"a value":           set("v", strings.Repeat("y", n+1)),
			"another value":     set("w", ""),
			"a renewal with it": func(s *sojourn.Session) { s.Set("v", strings.Repeat("y", n+1)); s.Renew() },
			"a login with it":   func(s *sojourn.Session) { s.Login("42"); s.Set("v", strings.Repeat("y", n+1)) },
		} {
			resp := c.do(a, act)
			if resp.StatusCode != http.StatusRequestEntityTooLarge || !errors.Is(failed, sojourn.ErrTooLarge) || c.cookie != before {
				t.Fatalf("%s: got status %d, error %v, cookie changed: %v, want ErrTooLarge and the cookie as it was",
					what, resp.StatusCode, failed, c.cookie != before)
			}
			if resp.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: the refusal sets a cookie", what)
			}
		}
		if now := version(); now != was {
			t.Errorf("got lease version %d after refusals, want %d as before", now, was)
		}
		c.wantSees(t, a, "v", "42", strings.Repeat("x", n))
		// So does one that would begin too large.
		var visitor client
		sessions := leases.Len()
		visitor.do(a, set("v", strings.Repeat("x", 4096)))
		if visitor.cookie != "" || leases.Len() != sessions {
			t.Error("a session that is too large was begun")
		}
	}
}

// The largest session can be renewed, by its handler and by time: room for that is kept, or a request that changes nothing
// would fail from the moment a renewal is due.
func TestSize_theLargestSessionCanBeRenewed(t *testing.T) {
	for _, irrevocable := range []bool{false, true} {
		clock := newClock()
		cfg := cookiestore.Config{Irrevocable: irrevocable, Now: clock.Now}
		if !irrevocable {
			cfg.Leases = memstore.New(memstore.Config{Now: clock.Now})
		}
		a := newApp(t, newStore(t, cfg), sojourn.Config{Now: clock.Now, Lifetime: sojourn.Lifetime{Renew: 5 * time.Minute}})
		value := strings.Repeat("x", largest(t, a, client{}))
		var c client
		c.do(a, set("v", value))
		for range 3 {
			before := c.cookie
			clock.advance(10 * time.Minute)
			c.wantSees(t, a, "v", "", value)
			if c.cookie[:43] == before[:43] {
				t.Fatalf("irrevocable %v: no periodic renewal", irrevocable)
			}
		}
		for i := range 200 {
			if resp := c.do(a, func(s *sojourn.Session) { s.Renew() }); resp.StatusCode != http.StatusOK {
				t.Fatalf("irrevocable %v: got status %d of renewal %d, want 200", irrevocable, resp.StatusCode, i)
			}
			if resp := c.do(a, set("w", "")); resp.StatusCode == http.StatusOK {
				t.Fatalf("irrevocable %v: the session was not the largest", irrevocable)
			}
		}
		c.wantSees(t, a, "v", "", value)
	}
}

// The text of a key has exactly the length that was counted before.
func TestSize_isCountedExactly(t *testing.T) {
	st := newStore(t, cookiestore.Config{Leases: memstore.New(memstore.Config{}), Name: "n"})
	for size := range 40 {
		key, err := st.Save(context.Background(), sojourn.State{Values: valuesOf("v", strings.Repeat("x", size))}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		raw := 65 + 8 + 2 + 1 + size // seal, digest, lengths, name, text
		if want := (raw*8 + 5) / 6; len(key.Sealed()) != want {
			t.Errorf("got a text of %d characters for %d bytes, want %d", len(key.Sealed()), raw, want)
		}
	}
}

// What the client pays beside names and texts: 44 characters for the secret, and 4/3 of 73 bytes for seal and digest.
func TestSize_overhead(t *testing.T) {
	a := newApp(t, newStore(t, cookiestore.Config{Leases: memstore.New(memstore.Config{})}), sojourn.Config{})
	sent, _ := sizeOf((&client{}).do(a, login))
	t.Logf("a session without values: %d bytes of name and value, %d of value", sent, sent-len(cookieName))
	if sent != len(cookieName)+44+98 {
		t.Errorf("got %d bytes, want %d", sent, len(cookieName)+44+98)
	}
	whole := newApp(t, newStore(t, cookiestore.Config{Irrevocable: true}), sojourn.Config{})
	sent, _ = sizeOf((&client{}).do(whole, login))
	t.Logf("irrevocable, with a subject of two bytes: %d bytes of name and value, %d of value", sent, sent-len(cookieName))
}
