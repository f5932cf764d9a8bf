package cookiestore_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/storetest"
)

// How thorough to be. The long form of the flips is that of 1,000 cookies, and of splices 1,000,000:
// SOJOURN_TEST_COOKIES=1000 SOJOURN_TEST_SPLICES=1000000.
func amount(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s: %q is not a number above 0", variable, text)
	}
	return n
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// flips yields text with each of its bits flipped, in the six bits of each character, and each truncation.
func flips(text string, yield func(damaged string)) {
	b := []byte(text)
	for i, c := range b {
		at := strings.IndexByte(alphabet, c)
		for bit := range 6 {
			if at < 0 {
				b[i] = c ^ 1<<bit // of the dot
			} else {
				b[i] = alphabet[at^1<<bit]
			}
			yield(string(b))
		}
		b[i] = c
		yield(text[:i])
		yield(text[i+1:])
	}
}

// Every flip and truncation of a token, over HTTP: anonymous, the response of no cookie, and no store call but where the
// secret alone is damaged, which the lease's digest tells.
func TestDamage_isRefusedAlikeOverHTTP(t *testing.T) {
	for _, irrevocable := range []bool{false, true} {
		a := newApp(t, newStore(t, damageConfig(irrevocable, memstore.New(memstore.Config{}))), sojourn.Config{})
		var c client
		c.do(a, login)
		none := headerOf((&client{}).do(a, func(*sojourn.Session) {}))
		valid, refused := c.cookie, 0
		flips(valid, func(damaged string) {
			d := client{damaged}
			var subject string
			resp := d.do(a, func(s *sojourn.Session) { subject = s.Subject() })
			if got := headerOf(resp); subject != "" || got != none {
				t.Errorf("got subject %q and the response %q for a damaged cookie, want none and %q", subject, got, none)
			}
			refused++
		})
		a.events = nil
		c.wantSees(t, a, "v", "42", "")
		t.Logf("irrevocable %v: %d flips and truncations refused", irrevocable, refused)
	}
}

func damageConfig(irrevocable bool, leases sojourn.Store) cookiestore.Config {
	if irrevocable {
		return cookiestore.Config{Irrevocable: true}
	}
	return cookiestore.Config{Leases: leases}
}

// sealed returns the sealed text of a new session with some values.
func sealed(tb testing.TB, st sojourn.Store, i int) string {
	tb.Helper()
	state := sojourn.State{
		Facts: sojourn.Facts{Realm: "id", Subject: strconv.Itoa(i), Digest: [32]byte{byte(i), byte(i >> 8), 1}},
		Values: sojourn.CollectValues(func(yield func(string, string) bool) {
			for n := range i % 4 {
				yield("name"+strconv.Itoa(n), strings.Repeat("7", n*i%17))
			}
		}),
	}
	key, err := st.Save(context.Background(), state, time.Hour)
	if err != nil {
		tb.Fatal(err)
	}
	return key.Sealed()
}

// opens reports whether the store opens a text, and fails the test if it refuses it in another way than ErrNotFound.
func opens(tb testing.TB, st *cookiestore.Store, text string) bool {
	tb.Helper()
	key, err := st.ParseKey(text)
	if err == nil {
		_, err = st.Load(context.Background(), key)
	}
	if err != nil && err != sojourn.ErrNotFound {
		tb.Errorf("got error %v for a text that was not sealed here, want %v", err, sojourn.ErrNotFound)
	}
	return err == nil
}

// Every flip and truncation of 1,000 sealed states, of all lengths. None costs a call of the lease store.
func TestDamage_ofManySealedStates(t *testing.T) {
	for _, irrevocable := range []bool{false, true} {
		leases := storetest.NewFaulty(memstore.New(memstore.Config{}), nil)
		st := newStore(t, damageConfig(irrevocable, leases))
		tried := 0
		for i := range amount(t, "SOJOURN_TEST_COOKIES", 25) {
			text := sealed(t, st, i)
			if !opens(t, st, text) {
				t.Fatal("a sealed state does not open")
			}
			leases.Reset()
			flips(text, func(damaged string) {
				tried++
				if damaged != text && opens(t, st, damaged) {
					t.Errorf("a damaged state opens: %.40q", damaged)
				}
			})
			if n := leases.Count("load"); n != 0 {
				t.Fatalf("got %d loads of leases for damaged states, want none", n)
			}
		}
		t.Logf("irrevocable %v: %d flips and truncations refused", irrevocable, tried)
	}
}

// No two sealed states make a third: bytes of one within the other, at every boundary of the seal and at random.
func TestDamage_splicesOpenNothing(t *testing.T) {
	for _, irrevocable := range []bool{false, true} {
		st := newStore(t, damageConfig(irrevocable, memstore.New(memstore.Config{})))
		texts := make([]string, 64)
		for i := range texts {
			texts[i] = sealed(t, st, i)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		boundaries := []int{1, 5, 21, 37, 49}
		tried := 0
		for range amount(t, "SOJOURN_TEST_SPLICES", 20_000) {
			a, b := decode(t, texts[rng.IntN(len(texts))]), decode(t, texts[rng.IntN(len(texts))])
			spliced := splice(rng, a, b, boundaries)
			if string(spliced) == string(a) || string(spliced) == string(b) {
				continue
			}
			tried++
			if opens(t, st, base64.RawURLEncoding.EncodeToString(spliced)) {
				t.Fatalf("a splice of two states opens: %x", spliced)
			}
		}
		t.Logf("irrevocable %v: %d splices refused", irrevocable, tried)
	}
}

func decode(t *testing.T, text string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// splice puts a part of b into a: at the seal's boundaries, or anywhere.
func splice(rng *rand.Rand, a, b []byte, boundaries []int) []byte {
	cut := func(n int) int {
		if at := boundaries[rng.IntN(len(boundaries))]; rng.IntN(2) == 0 && at < n {
			return at
		}
		return rng.IntN(n + 1)
	}
	n := min(len(a), len(b))
	from, to := cut(n), cut(n)
	switch from, to = min(from, to), max(from, to); rng.IntN(3) {
	case 0: // the head of one, the tail of the other
		return append(append([]byte(nil), a[:from]...), b[from:]...)
	case 1: // the middle of the other, in place
		return append(append(append([]byte(nil), a[:from]...), b[from:to]...), a[to:]...)
	}
	return append(append([]byte(nil), a[:to]...), b[from:]...) // of another length
}

// Other spellings of a sealed state are refused too: one cookie has one text.
func TestDamage_otherSpellingsAreRefused(t *testing.T) {
	st := newStore(t, cookiestore.Config{Leases: memstore.New(memstore.Config{})})
	for i := range 6 { // of all lengths modulo 3
		text := sealed(t, st, i)
		for what, other := range map[string]string{
			"padding": text + "=", "a character more": text + "A", "a line break": text[:40] + "\n" + text[40:], "line breaks": text[:8] + "\r\n\r\n" + text[8:],
			"the other alphabet": strings.NewReplacer("-", "+", "_", "/").Replace(text) + "+", "quotes": `"` + text + `"`, "twice": text + text, "long": strings.Repeat("A", 5000),
		} {
			if opens(t, st, other) {
				t.Errorf("%s: opens", what)
			}
		}
		last := strings.IndexByte(alphabet, text[len(text)-1])
		for c := range alphabet {
			if c != last && opens(t, st, text[:len(text)-1]+alphabet[c:c+1]) {
				t.Errorf("another last character opens")
			}
		}
	}
}

// The seal binds secret, name and kind; the key binds the ID (SEC-58, SEC-60).
func TestSeal_opensNowhereElse(t *testing.T) {
	leases := memstore.New(memstore.Config{})
	lease, whole := newStore(t, cookiestore.Config{Leases: leases}), newStore(t, cookiestore.Config{Irrevocable: true})
	leaseText, wholeText := sealed(t, lease, 1), sealed(t, whole, 1)
	if !opens(t, lease, leaseText) || !opens(t, whole, wholeText) {
		t.Fatal("a sealed state does not open")
	}
	if opens(t, lease, wholeText) || opens(t, whole, leaseText) {
		t.Error("a state of one kind opens as the other")
	}
	for name, cfg := range map[string]cookiestore.Config{
		"another name":            {Leases: leases, Name: "__Host-id2"},
		"another secret":          {Leases: leases, Secrets: [][]byte{randomSecret(2)}},
		"other leases":            {Leases: memstore.New(memstore.Config{})},
		"a prefix of the name":    {Leases: leases, Name: "__Host-i"},
		"another name, more keys": {Leases: leases, Name: "id", Secrets: [][]byte{randomSecret(2), randomSecret(1)}},
	} {
		if opens(t, newStore(t, cfg), leaseText) {
			t.Errorf("%s: opens", name)
		}
	}
	other, err := lease.ParseKey(sealed(t, lease, 2))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lease.Load(context.Background(), sojourn.SealedKey(other.ID(), leaseText)); err != sojourn.ErrNotFound {
		t.Errorf("got %v for the text of one session under the ID of another, want %v", err, sojourn.ErrNotFound)
	}
}

// Nothing in two seals of one state but version, key ID and session ID is the same.
func TestSeal_isRandomized(t *testing.T) {
	st := newStore(t, cookiestore.Config{Irrevocable: true})
	key, err := st.Save(context.Background(), sojourn.State{}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 256 {
		state, err := st.Load(context.Background(), key)
		if err != nil {
			t.Fatal(err)
		}
		if key, err = st.Update(context.Background(), key, state, time.Hour); err != nil {
			t.Fatal(err)
		}
		raw := decode(t, key.Sealed())
		for _, part := range [][]byte{raw[21:37], raw[37:49], raw[49:65]} {
			if seen[string(part)] {
				t.Fatal("a salt, nonce or first block came twice")
			}
			seen[string(part)] = true
		}
	}
}

// Neither a store nor its Config shows a secret, whatever is printed.
func TestPrinting_showsNoSecret(t *testing.T) {
	cfg := cookiestore.Config{Secrets: [][]byte{randomSecret(1)}, Irrevocable: true}
	st := newStore(t, cfg)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		for _, v := range []any{cfg, &cfg, st} {
			text := fmt.Sprintf(verb, v)
			for _, private := range []string{string(cfg.Secrets[0]), fmt.Sprintf("%x", cfg.Secrets[0]), fmt.Sprint(cfg.Secrets[0])} {
				if strings.Contains(text, private) {
					t.Errorf("%s of %T shows a secret", verb, v)
				}
			}
		}
	}
}
