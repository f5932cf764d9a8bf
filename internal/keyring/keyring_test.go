package keyring_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/sojourn-go/sojourn/internal/keyring"
)

// secret returns 32 bytes that look random and are the same in each run.
func secret(seed byte) []byte {
	sum := sha256.Sum256([]byte{seed})
	return sum[:]
}

func newRing(t *testing.T, use string, secrets ...[]byte) *keyring.Ring {
	t.Helper()
	r, faults := keyring.New(secrets, use)
	if faults != nil {
		t.Fatal(faults)
	}
	return r
}

func TestRing_findsByIDAndSealsWithTheFirst(t *testing.T) {
	r := newRing(t, "test", secret(1), secret(2))
	first, second := newRing(t, "test", secret(1)).First(), newRing(t, "test", secret(2)).First()
	if r.First().ID() != first.ID() || r.Find(first.ID()) != r.First() {
		t.Error("the first secret is not the first key")
	}
	if key := r.Find(second.ID()); key == nil || key.ID() != second.ID() {
		t.Error("the second secret is not found")
	}
	if r.Find(keyring.ID{}) != nil {
		t.Error("a key ID that is not in the ring is found")
	}
	if newRing(t, "other", secret(1)).First().ID() == first.ID() {
		t.Error("two uses of one secret have the same key ID")
	}
}

// The derivation by hand is the one of RFC 5869.
func TestAEAD_isHKDF(t *testing.T) {
	const context = "a label\x00"
	rest, message := []byte("some salt"), []byte("hello")
	aead, err := newRing(t, "test", secret(1)).First().AEAD(context, rest)
	if err != nil {
		t.Fatal(err)
	}
	sealed := aead.Seal(nil, nil, message, []byte("bound"))

	key, err := hkdf.Key(sha256.New, secret(1), []byte("sojourn test secret v1"), context+string(rest), 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	reference, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := reference.Open(nil, sealed[:12], sealed[12:], []byte("bound"))
	if err != nil || !bytes.Equal(opened, message) {
		t.Errorf("got %q, %v, want %q", opened, err, message)
	}
	if other, err := newRing(t, "test", secret(1)).First().AEAD(context, []byte("other salt")); err != nil {
		t.Error(err)
	} else if _, err := other.Open(nil, nil, sealed, []byte("bound")); err == nil {
		t.Error("a message opens under another salt")
	}
}

func TestNew_namesEachFault(t *testing.T) {
	random := make([]byte, 32)
	rand.Read(random)
	r, faults := keyring.New([][]byte{secret(1), secret(2)[:31], random, secret(1), make([]byte, 32)}, "test")
	var at []int
	for _, f := range faults {
		at = append(at, f.Index)
		if f.Reason == "" {
			t.Errorf("number %d: no reason", f.Index)
		}
	}
	if r != nil || !slices.Equal(at, []int{1, 3, 4}) {
		t.Errorf("got faults at %v, want 1, 3 and 4, and no ring", at)
	}
}

func TestNew_copiesSecrets(t *testing.T) {
	mine := bytes.Clone(secret(1))
	r := newRing(t, "test", mine)
	clear(mine)
	aead, err := r.First().AEAD("", nil)
	if err != nil {
		t.Fatal(err)
	}
	same, err := newRing(t, "test", secret(1)).First().AEAD("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := same.Open(nil, nil, aead.Seal(nil, nil, nil, nil), nil); err != nil {
		t.Error("a ring changes with the caller's slice")
	}
}
