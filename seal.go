package sojourn

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// sealer seals and opens tokens, for Cookie.Secrets.
//
//	sealed = base64url( version(1) key ID(4) salt(16) nonce(12) ciphertext tag(16) )
//
// Each message has a key of its own, HKDF-SHA-256 of the secret and a random salt, so the number of messages per secret is
// not bounded by the nonce (SEC-57). Version, key ID, realm and the name of the cookie or header are bound as associated
// data (SEC-58). The key ID is an HKDF output of the secret under another label: it picks the one secret to try and tells
// nothing about it. All of it is available in Go's FIPS 140-3 only mode.
type sealer struct {
	keys []sealKey
	info string // HKDF label and associated data
}

type sealKey struct {
	id     [4]byte
	secret func() []byte // a function shows nothing to whoever prints it
}

const (
	sealVersion = 1
	sealSalt    = 16
	sealHead    = 1 + 4 + sealSalt
	sealMax     = 4096
)

func newSealer(secrets [][]byte, realm, name string) (*sealer, error) {
	if len(secrets) == 0 {
		return nil, nil
	}
	info := []byte("sojourn token seal v1\x00")
	info = binary.AppendUvarint(info, uint64(len(realm)))
	info = append(info, realm...)
	info = append(info, name...)
	s := &sealer{info: string(info)}
	for i, secret := range secrets {
		id, err := hkdf.Key(sha256.New, secret, nil, "sojourn key ID v1", len(sealKey{}.id))
		if err != nil {
			return nil, &ConfigError{fmt.Sprintf("Cookie.Secrets[%d]", i), err.Error()}
		}
		own := append([]byte(nil), secret...)
		key := sealKey{secret: func() []byte { return own }}
		copy(key.id[:], id)
		s.keys = append(s.keys, key)
	}
	return s, nil
}

func (s *sealer) seal(token string) (string, error) {
	key := &s.keys[0]
	b := make([]byte, sealHead, sealHead+12+len(token)+16)
	b[0] = sealVersion
	copy(b[1:], key.id[:])
	rand.Read(b[1+len(key.id):])
	aead, err := s.aead(key, b)
	if err != nil {
		return "", err
	}
	b = aead.Seal(b, nil, []byte(token), s.associated(b))
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// open returns the token in a sealed text. Everything that was not sealed here, under a known secret, for this realm and
// name, is refused alike; tried says that it took more than a look.
func (s *sealer) open(text string) (token string, tried, ok bool) {
	size := base64.RawURLEncoding.DecodedLen(len(text))
	if len(text) > sealMax || size <= sealHead {
		return "", false, false
	}
	b := make([]byte, size)
	if !decodeText(b, text) || b[0] != sealVersion {
		return "", false, false
	}
	for i := range s.keys {
		key := &s.keys[i]
		if [4]byte(b[1:5]) != key.id {
			continue
		}
		aead, err := s.aead(key, b)
		if err != nil {
			return "", true, false
		}
		opened, err := aead.Open(nil, nil, b[sealHead:], s.associated(b))
		return string(opened), true, err == nil
	}
	return "", false, false
}

// aead returns the cipher of the message whose head b begins with.
func (s *sealer) aead(key *sealKey, b []byte) (cipher.AEAD, error) {
	derived, err := hkdf.Key(sha256.New, key.secret(), b[sealHead-sealSalt:sealHead], s.info, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derived)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (s *sealer) associated(b []byte) []byte {
	return append([]byte(s.info), b[:sealHead-sealSalt]...)
}
