package cookiestore_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
)

// The format, written a second time from docs/adr/0010-sealed-cookie.md with nothing but the standard library. What it seals
// the store must open, and the other way round.

const (
	kindLease = 1
	kindWhole = 2
)

// sealing is what a state is sealed for.
type sealing struct {
	secret      []byte
	kind        byte
	realm, name string
}

// ours is how newStore seals by default.
func ours(irrevocable bool) sealing {
	s := sealing{randomSecret(1), kindLease, "id", cookieName}
	if irrevocable {
		s.kind = kindWhole
	}
	return s
}

func (s sealing) context() string {
	b := []byte{s.kind}
	b = append(binary.AppendUvarint(b, uint64(len(s.realm))), s.realm...)
	b = append(binary.AppendUvarint(b, uint64(len(s.name))), s.name...)
	return string(b)
}

func (s sealing) derive(tb testing.TB, info string, n int) []byte {
	tb.Helper()
	prk, err := hkdf.Extract(sha256.New, s.secret, []byte("sojourn cookiestore "+s.context()+" secret v1"))
	if err != nil {
		tb.Fatal(err)
	}
	key, err := hkdf.Expand(sha256.New, prk, info, n)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func (s sealing) keyID(tb testing.TB) []byte {
	return s.derive(tb, "sojourn cookiestore "+s.context()+" key ID v1", 4)
}

func (s sealing) aead(tb testing.TB, salt []byte) cipher.AEAD {
	tb.Helper()
	block, err := aes.NewCipher(s.derive(tb, "sojourn cookiestore state v1\x00"+s.context()+string(salt), 32))
	if err != nil {
		tb.Fatal(err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		tb.Fatal(err)
	}
	return aead
}

// seal returns the text of payload for the session id.
func (s sealing) seal(tb testing.TB, id sojourn.ID, salt [16]byte, payload []byte) string {
	tb.Helper()
	head := append([]byte{1}, s.keyID(tb)...)
	head = append(head, id[:]...)
	raw := append(bytes.Clone(head), salt[:]...)
	raw = s.aead(tb, salt[:]).Seal(raw, nil, payload, append([]byte("sojourn cookiestore state v1\x00"+s.context()), head...))
	return base64.RawURLEncoding.EncodeToString(raw)
}

// open is seal backwards.
func (s sealing) open(tb testing.TB, text string) (id sojourn.ID, payload []byte) {
	tb.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		tb.Fatal(err)
	}
	if raw[0] != 1 || !bytes.Equal(raw[1:5], s.keyID(tb)) {
		tb.Fatalf("got version and key ID %x, want 1 and %x", raw[:5], s.keyID(tb))
	}
	payload, err = s.aead(tb, raw[21:37]).Open(nil, nil, raw[37:], append([]byte("sojourn cookiestore state v1\x00"+s.context()), raw[:21]...))
	if err != nil {
		tb.Fatal(err)
	}
	return sojourn.ID(raw[5:]), payload
}

// packed is the values' part of a payload.
func packed(values ...string) []byte {
	var b []byte
	for i := 0; i < len(values); i += 2 {
		b = binary.AppendUvarint(b, uint64(len(values[i])))
		b = binary.AppendUvarint(b, uint64(len(values[i+1])))
		b = append(append(b, values[i]...), values[i+1]...)
	}
	return b
}

func valuesOf(pairs ...string) sojourn.Values {
	return sojourn.CollectValues(func(yield func(name, text string) bool) {
		for i := 0; i < len(pairs); i += 2 {
			if !yield(pairs[i], pairs[i+1]) {
				return
			}
		}
	})
}

// wholePayload is what is sealed under Irrevocable.
func wholePayload(at time.Time, ttl time.Duration, state sojourn.State) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(at.UnixMilli()))
	b = binary.LittleEndian.AppendUint64(b, uint64(ttl.Milliseconds()))
	b, _ = state.AppendBinary(b)
	return b
}

func TestFormat_ofALease(t *testing.T) {
	leases := memstore.New(memstore.Config{})
	st := newStore(t, cookiestore.Config{Leases: leases})
	state := sojourn.State{Facts: sojourn.Facts{Realm: "id", Digest: [32]byte(randomSecret(9))}, Values: valuesOf("k", `"value"`, "n", "1")}
	key, err := st.Save(t.Context(), state, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	id, payload := ours(false).open(t, key.Sealed())
	want := append(state.Facts.Digest[:8:8], packed("k", `"value"`, "n", "1")...)
	if id != key.ID() || !bytes.Equal(payload, want) {
		t.Errorf("got %v and %q, want %v and %q", id, payload, key.ID(), want)
	}
	// The lease has the facts and no value.
	if lease, err := leases.Load(t.Context(), key.ID().Key()); err != nil || lease.Values.Len() != 0 || lease.Facts.Digest != state.Facts.Digest {
		t.Errorf("got a lease with %v, facts %v, error %v, want the facts alone", lease.Values, lease.Facts, err)
	}
	other, err := st.ParseKey(ours(false).seal(t, id, [16]byte(randomSecret(5)), append(state.Facts.Digest[:8:8], packed("z", "2")...)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := st.Load(t.Context(), other); err != nil || got.Values != valuesOf("z", "2") || got.Version == 0 {
		t.Errorf("got %v, %v of what was sealed elsewhere, want z = 2", got.Values, err)
	}
}

func TestFormat_ofAWholeState(t *testing.T) {
	clock := newClock()
	st := newStore(t, cookiestore.Config{Irrevocable: true, Now: clock.Now})
	state := sojourn.State{Facts: sojourn.Facts{Realm: "id", Subject: "42", Created: clock.Now()}, Values: valuesOf("k", `"value"`, "n", "1")}
	key, err := st.Save(t.Context(), state, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	id, payload := ours(true).open(t, key.Sealed())
	if want := wholePayload(clock.Now(), time.Hour, state); id != key.ID() || !bytes.Equal(payload, want) {
		t.Errorf("got %v and %q, want %v and %q", id, payload, key.ID(), want)
	}
	salt := [16]byte(randomSecret(5))
	other, err := st.ParseKey(ours(true).seal(t, id, salt, wholePayload(clock.Now().Add(-time.Minute), time.Hour, state)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := st.Load(t.Context(), other)
	if err != nil || got.Facts != state.Facts || got.Values != state.Values || got.TTL != 59*time.Minute || got.Version != binary.LittleEndian.Uint64(salt[:])|1 {
		t.Errorf("got %+v, %v of what was sealed elsewhere, want %+v with 59 minutes left", got, err, state)
	}
}
