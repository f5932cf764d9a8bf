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
// 1024. One byte more is refused before anything is stored.

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

func TestSize_theLargestCookieThatBrowsersKeep(t *testing.T) {
	for _, irrevocable := range []bool{false, true} {
		for _, name := range []string{"__Host-id", "__Host-i", "a", "__Host-a-much-longer-name"} {
			t.Run(fmt.Sprintf("%s irrevocable=%v", name, irrevocable), func(t *testing.T) {
				cfg := cookiestore.Config{Name: name, Irrevocable: irrevocable}
				if !irrevocable {
					cfg.Leases = memstore.New(memstore.Config{})
				}
				a := newApp(t, newStore(t, cfg), sojourn.Config{Cookie: sojourn.Cookie{Name: cfg.Name}})
				n := largest(t, a, client{})
				resp := (&client{}).do(a, set("v", strings.Repeat("x", n)))
				line := resp.Header.Get("Set-Cookie")
				pair, attributes, _ := strings.Cut(line, ";")
				sent := len(pair) - 1 // without the equals sign
				// A byte of payload is 1.33 characters: the largest is within two characters of the limit.
				if sent > 4096 || sent < 4095-1 {
					t.Errorf("got %d bytes of name and value for the largest session, want 4095 or 4096", sent)
				}
				for attribute := range strings.SplitSeq(attributes, ";") {
					if len(attribute) > 1024 {
						t.Errorf("got an attribute of %d bytes, want at most 1024", len(attribute))
					}
				}
				t.Logf("value of %d bytes, name and value %d, header %d", n, sent, len(line))
			})
		}
	}
}

// The boundary to the byte: the same session under names of which each is one byte longer.
func TestSize_4096AreKeptAnd4097Refused(t *testing.T) {
	value := strings.Repeat("x", 2953)
	for name, want := range map[string]int{"__Host-i": 4095, "__Host-id": 4096, "__Host-idx": 4097, "__Host-idxy": 4098} {
		a := newApp(t, newStore(t, cookiestore.Config{Leases: memstore.New(memstore.Config{}), Name: name}),
			sojourn.Config{Cookie: sojourn.Cookie{Name: name}})
		resp := (&client{}).do(a, set("v", value))
		pair, _, _ := strings.Cut(resp.Header.Get("Set-Cookie"), ";")
		if kept := resp.StatusCode == http.StatusOK; kept != (want <= 4096) || kept && len(pair)-1 != want {
			t.Errorf("%s: got status %d and %d bytes, want %d, kept up to 4096", name, resp.StatusCode, len(pair)-1, want)
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
		resp := c.do(a, set("v", strings.Repeat("y", n+1)))
		if resp.StatusCode != http.StatusRequestEntityTooLarge || !errors.Is(failed, sojourn.ErrTooLarge) || c.cookie != before {
			t.Fatalf("got status %d, error %v, cookie changed: %v, want ErrTooLarge and the cookie as it was",
				resp.StatusCode, failed, c.cookie != before)
		}
		if resp.Header.Get("Set-Cookie") != "" {
			t.Error("the refusal sets a cookie")
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

// The text of a key has exactly the length that was counted before.
func TestSize_isCountedExactly(t *testing.T) {
	st := newStore(t, cookiestore.Config{Leases: memstore.New(memstore.Config{}), Name: "n"})
	for size := range 40 {
		key, err := st.Save(context.Background(), sojourn.State{Values: sojourn.CollectValues(func(yield func(string, string) bool) {
			yield("v", strings.Repeat("x", size))
		})}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		raw := 65 + 8 + 2 + 1 + size // seal, digest, lengths, name, text
		if want := (raw*8 + 5) / 6; len(key.Sealed()) != want {
			t.Errorf("got a text of %d characters for %d bytes, want %d", len(key.Sealed()), raw, want)
		}
	}
}
