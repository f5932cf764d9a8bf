// Package keyring derives the keys of messages from a ring of secrets: the first one seals, all open.
package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"

	"github.com/sojourn-go/sojourn/internal/entropy"
)

// ID tells the keys of a ring apart, and nothing about their secrets.
type ID [4]byte

// Ring is the secrets of one use. It is safe for concurrent use.
type Ring struct{ keys []*Key }

// Key is one secret: its HKDF-Extract, within a keyed hash that nobody can print.
type Key struct {
	id   ID
	macs sync.Pool // of *deriver
}

// Fault is why a secret cannot be used.
type Fault struct {
	Index  int
	Reason string
}

// New returns the ring of secrets for one use, such as "cookiestore": the same secrets make other keys, and other IDs, for
// another. It keeps no secret itself. With faults there is no ring.
func New(secrets [][]byte, use string) (*Ring, []Fault) {
	r, faults := new(Ring), []Fault(nil)
	for i, secret := range secrets {
		key, reason := newKey(secret, use)
		if key != nil && r.index(key.id) >= 0 {
			reason = "the same key ID as an earlier one"
		}
		if reason != "" {
			faults = append(faults, Fault{i, reason})
			key = new(Key) // keeps the numbers
		}
		r.keys = append(r.keys, key)
	}
	if faults != nil {
		return nil, faults
	}
	return r, nil
}

func newKey(secret []byte, use string) (key *Key, reason string) {
	if lack := entropy.Lack(secret); lack != "" {
		return nil, lack
	}
	prk, err := hkdf.Extract(sha256.New, secret, []byte("sojourn "+use+" secret v1"))
	if err != nil {
		return nil, err.Error()
	}
	id, err := hkdf.Expand(sha256.New, prk, "sojourn "+use+" key ID v1", len(ID{}))
	if err != nil {
		return nil, err.Error()
	}
	key = &Key{id: ID(id)}
	key.macs.New = func() any { return &deriver{mac: hmac.New(sha256.New, prk)} }
	return key, ""
}

// First returns the key that seals.
func (r *Ring) First() *Key { return r.keys[0] }

// Find returns the one key that a message may be sealed with, nil if it is not in the ring.
func (r *Ring) Find(id ID) *Key {
	if i := r.index(id); i >= 0 {
		return r.keys[i]
	}
	return nil
}

func (r *Ring) index(id ID) int {
	for i, key := range r.keys {
		if key.id == id {
			return i
		}
	}
	return -1
}

// ID returns what messages name the key by.
func (k *Key) ID() ID { return k.id }

// deriver makes the keys of messages out of one secret, one at a time.
type deriver struct {
	mac  hash.Hash
	info []byte
	key  []byte
}

// AEAD returns the AES-256-GCM of one message, or of the messages of one purpose, with random nonces. Its key is
// HKDF-Expand of the secret with context and rest as info (RFC 5869 §2.3), of which 32 bytes are the first block.
// crypto/hkdf would do the same with eight more allocations.
func (k *Key) AEAD(context string, rest []byte) (cipher.AEAD, error) {
	d := k.macs.Get().(*deriver)
	defer k.macs.Put(d)
	d.info = append(d.info[:0], context...)
	d.info = append(d.info, rest...)
	d.info = append(d.info, 1)
	d.mac.Reset()
	d.mac.Write(d.info)
	d.key = d.mac.Sum(d.key[:0])
	block, err := aes.NewCipher(d.key)
	clear(d.key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
