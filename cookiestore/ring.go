package cookiestore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"sync"
)

// What is sealed. The kind comes from the configuration, never from the cookie (SEC-56).
const (
	kindLease byte = 1 + iota // values, with the facts in a lease
	kindWhole                 // facts and values
)

// ring is the secrets, as keys from which those of messages are derived.
type ring struct {
	context string // the label, the kind and the name of the cookie: part of every derivation and of the associated data
	keys    []*ringKey
	strict  *base64.Encoding // refuses spare bits that are not zero
}

// ringKey is one secret: its HKDF-Extract, within a keyed hash that nobody can print.
type ringKey struct {
	id   [keyIDLen]byte
	macs sync.Pool // of *deriver
}

func newRing(secrets [][]byte, kind byte, name string) (*ring, error) {
	context := append([]byte("sojourn cookiestore state v1\x00"), kind)
	context = binary.AppendUvarint(context, uint64(len(name)))
	r := &ring{context: string(append(context, name...)), strict: base64.RawURLEncoding.Strict()}
	for i, secret := range secrets {
		prk, err := hkdf.Extract(sha256.New, secret, []byte("sojourn cookiestore secret v1"))
		if err != nil {
			return nil, fmt.Errorf("cookiestore: Config.Secrets[%d]: %w", i, err)
		}
		id, err := hkdf.Expand(sha256.New, prk, "sojourn cookiestore key ID v1", keyIDLen)
		if err != nil {
			return nil, fmt.Errorf("cookiestore: Config.Secrets[%d]: %w", i, err)
		}
		key := &ringKey{id: [keyIDLen]byte(id)}
		for j, other := range r.keys {
			if other.id == key.id {
				return nil, fmt.Errorf("cookiestore: Config.Secrets[%d]: the same key ID as Secrets[%d]", i, j)
			}
		}
		key.macs.New = func() any { return &deriver{mac: hmac.New(sha256.New, prk)} }
		r.keys = append(r.keys, key)
	}
	return r, nil
}

// find returns the one key that a message may be sealed with, nil if it is not ours.
func (r *ring) find(id [keyIDLen]byte) *ringKey {
	for _, key := range r.keys {
		if key.id == id {
			return key
		}
	}
	return nil
}

// deriver makes the keys of messages out of one secret, one at a time.
type deriver struct {
	mac  hash.Hash
	info []byte
	key  []byte
}

// aead returns the cipher of the message with this salt. Its key is HKDF-Expand of the secret with the context and the
// salt as info (RFC 5869 §2.3), of which 32 bytes are the first block. crypto/hkdf would do the same with eight more
// allocations.
func (k *ringKey) aead(context string, salt []byte) (cipher.AEAD, error) {
	d := k.macs.Get().(*deriver)
	defer k.macs.Put(d)
	d.info = append(d.info[:0], context...)
	d.info = append(d.info, salt...)
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
