package cookiestore_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
)

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

func decode(tb testing.TB, text string) []byte {
	tb.Helper()
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Other spellings of a sealed state are refused: one cookie has one text.
func TestSeal_hasOneSpelling(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	st := newStore(t, cookiestore.Config{Leases: memstore.New(memstore.Config{})})
	for i := range 6 { // of all lengths modulo 3
		text := sealed(t, st, i)
		for what, other := range map[string]string{
			"padding": text + "=", "a character more": text + "A", "a line break": text[:40] + "\n" + text[40:], "line breaks": text[:8] + "\r\n\r\n" + text[8:],
			"the other alphabet": strings.NewReplacer("-", "+", "_", "/").Replace(text) + "+", "quotes": `"` + text + `"`, "twice": text + text, "long": strings.Repeat("A", 5000),
			"nothing": "", "a character": "A", "a head": text[:28], "no tag": text[:86],
		} {
			if opens(t, st, other) {
				t.Errorf("%s: opens", what)
			}
			if _, err := st.Load(t.Context(), sojourn.SealedKey(sojourn.ID{1}, other)); err != sojourn.ErrNotFound {
				t.Errorf("%s: got %v from Load alone, want %v", what, err, sojourn.ErrNotFound)
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

// The seal binds secret, kind, realm and name; the key binds the ID (SEC-58, SEC-60). What was sealed elsewhere is refused
// by its key ID, without trying it.
func TestSeal_opensNowhereElse(t *testing.T) {
	leases := memstore.New(memstore.Config{})
	lease, whole := newStore(t, cookiestore.Config{Leases: leases}), newStore(t, cookiestore.Config{Irrevocable: true})
	leaseText, wholeText := sealed(t, lease, 1), sealed(t, whole, 1)
	if !opens(t, lease, leaseText) || !opens(t, whole, wholeText) {
		t.Fatal("a sealed state does not open")
	}
	for what, tt := range map[string]struct {
		cfg  cookiestore.Config
		text string
	}{
		"a whole state as a lease":           {cookiestore.Config{Leases: leases}, wholeText},
		"a lease as a whole state":           {cookiestore.Config{Irrevocable: true}, leaseText},
		"another name":                       {cookiestore.Config{Leases: leases, Name: "__Host-id2", Realm: "id"}, leaseText},
		"a prefix of the name":               {cookiestore.Config{Leases: leases, Name: "__Host-i", Realm: "id"}, leaseText},
		"another realm":                      {cookiestore.Config{Leases: leases, Realm: "id2"}, leaseText},
		"the boundary of realm and name":     {cookiestore.Config{Leases: leases, Realm: "id_", Name: "_Host-id"}, leaseText},
		"another secret":                     {cookiestore.Config{Leases: leases, Secrets: [][]byte{randomSecret(2)}}, leaseText},
		"another realm, and the same whole":  {cookiestore.Config{Irrevocable: true, Realm: "id2"}, wholeText},
		"another name, among other secrets":  {cookiestore.Config{Leases: leases, Name: "id", Secrets: [][]byte{randomSecret(2), randomSecret(1)}}, leaseText},
		"another secret that looks the same": {cookiestore.Config{Leases: leases, Secrets: [][]byte{append(randomSecret(1), 0)}}, leaseText},
	} {
		st := newStore(t, tt.cfg)
		if opens(t, st, tt.text) {
			t.Errorf("%s: opens", what)
		}
		if _, err := st.ParseKey(tt.text); err != sojourn.ErrNotFound {
			t.Errorf("%s: got %v from the head alone, want %v", what, err, sojourn.ErrNotFound)
		}
	}
	if opens(t, newStore(t, cookiestore.Config{Leases: memstore.New(memstore.Config{})}), leaseText) {
		t.Error("other leases: opens")
	}
	other, err := lease.ParseKey(sealed(t, lease, 2))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lease.Load(context.Background(), sojourn.SealedKey(other.ID(), leaseText)); err != sojourn.ErrNotFound {
		t.Errorf("got %v for the text of one session under the ID of another, want %v", err, sojourn.ErrNotFound)
	}
}

// A key ID picks a secret and proves nothing: whatever else is put under a known one does not open, be it sealed with a
// secret that was removed and happened to have the same ID.
func TestSeal_foreignSecretUnderAKnownKeyID(t *testing.T) {
	st := newStore(t, cookiestore.Config{Leases: memstore.New(memstore.Config{})})
	text := sealed(t, st, 1)
	id, payload := ours(false).open(t, text)
	forged := decode(t, sealing{randomSecret(2), kindLease, "id", cookieName}.seal(t, id, [16]byte(randomSecret(3)), payload))
	copy(forged[1:], ours(false).keyID(t))
	key, err := st.ParseKey(base64.RawURLEncoding.EncodeToString(forged))
	if err != nil {
		t.Fatalf("got %v, want the form to be right", err)
	}
	if _, err := st.Load(t.Context(), key); err != sojourn.ErrNotFound {
		t.Errorf("got %v, want %v", err, sojourn.ErrNotFound)
	}
}

// Only this release's version opens (SEC-59).
func TestSeal_versions(t *testing.T) {
	st := newStore(t, cookiestore.Config{Irrevocable: true})
	raw := decode(t, sealed(t, st, 1))
	for version := range 256 {
		raw[0] = byte(version)
		text := base64.RawURLEncoding.EncodeToString(raw)
		if got := opens(t, st, text); got != (version == 1) {
			t.Errorf("version %d opens: %v", version, got)
		}
		if _, err := st.ParseKey(text); (err == nil) != (version == 1) {
			t.Errorf("version %d: got %v from the head alone", version, err)
		}
	}
}

// Nothing in two seals of one state but version, key ID and session ID is the same (SEC-57).
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
	sealed(t, st, 1) // so that what is pooled has been used
	private := []string{string(cfg.Secrets[0]), fmt.Sprintf("%x", cfg.Secrets[0]), fmt.Sprint(cfg.Secrets[0]), base64.StdEncoding.EncodeToString(cfg.Secrets[0])}
	for _, v := range []any{cfg, &cfg, st, struct{ hidden any }{st}, struct{ hidden *cookiestore.Store }{st}} {
		var texts []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
			texts = append(texts, fmt.Sprintf(verb, v))
		}
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		js, _ := json.Marshal(v)
		for _, text := range append(texts, log.String(), string(js)) {
			for _, p := range private {
				if strings.Contains(text, p) {
					t.Errorf("%T shows a secret: %q", v, text)
				}
			}
		}
	}
}
