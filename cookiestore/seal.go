package cookiestore

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"sync"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/internal/keyring"
)

// The sealed text, which is the key's:
//
//	sealed = base64url( version(1) key ID(4) session ID(16) salt(16) nonce(12) ciphertext tag(16) )
//
// Version, key ID and session ID are bound as associated data, with a label, the kind, the realm and the name of the cookie
// (SEC-58). Each message has a key of its own, so their number per secret is not bounded by the nonce (SEC-57).
// docs/adr/0010-sealed-cookie.md has the whole of it and the reasons.
const (
	sealVersion = 1
	keyIDLen    = len(keyring.ID{})
	headLen     = 1 + keyIDLen + len(sojourn.ID{})
	saltLen     = 16
	nonceLen    = 12
	tagLen      = 16
	sealLen     = headLen + saltLen + nonceLen + tagLen // bytes that sealing adds

	// secretLen is what the manager puts before the sealed text: the base64url text of the secret, and a dot.
	secretLen = 43 + 1
	// maxCookie is the limit of a cookie's name and value together (RFC 6265bis §5.6, SEC-34): browsers drop a longer one
	// without a word.
	maxCookie = 4096
)

// scratch is what sealing and opening need for a moment.
type scratch struct{ raw, data, plain []byte }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// fits reports whether a cookie with a payload of this size is one that browsers keep.
func (s *Store) fits(payload int) bool {
	return len(s.name)+secretLen+base64.RawURLEncoding.EncodedLen(sealLen+payload) <= maxCookie
}

// seal returns the text of payload for the session id.
func (r *ring) seal(id sojourn.ID, payload []byte) (string, error) {
	key := r.First()
	keyID := key.ID()
	raw := make([]byte, 0, sealLen+len(payload))
	raw = append(raw, sealVersion)
	raw = append(raw, keyID[:]...)
	raw = append(raw, id[:]...)
	raw = raw[:headLen+saltLen]
	rand.Read(raw[headLen:]) // never fails since Go 1.24
	aead, err := key.AEAD(r.bound, raw[headLen:])
	if err != nil {
		return "", err
	}
	raw = aead.Seal(raw, nil, payload, append([]byte(r.bound), raw[:headLen]...))
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// message is an opened text.
type message struct {
	id      sojourn.ID
	version uint64 // random, never 0: of the salt
	payload string
}

// open opens what seal made. Everything else of a well-formed length is refused alike.
func (r *ring) open(text string) (message, bool) {
	b := scratches.Get().(*scratch)
	defer scratches.Put(b)
	raw, ok := r.text.appendDecode(b.raw[:0], text)
	b.raw = raw
	if !ok || raw[0] != sealVersion {
		return message{}, false
	}
	key := r.Find(keyring.ID(raw[1:]))
	if key == nil {
		return message{}, false
	}
	salt := raw[headLen : headLen+saltLen]
	aead, err := key.AEAD(r.bound, salt)
	if err != nil {
		return message{}, false
	}
	b.data = append(append(b.data[:0], r.bound...), raw[:headLen]...)
	b.plain, err = aead.Open(b.plain[:0], nil, raw[headLen+saltLen:], b.data)
	if err != nil {
		return message{}, false
	}
	defer clear(b.plain)
	return message{
		id:      sojourn.ID(raw[1+keyIDLen:]),
		version: binary.LittleEndian.Uint64(salt) | 1,
		payload: string(b.plain),
	}, true
}

// wellFormed reports whether text has a length that seal makes.
func wellFormed(text string) bool {
	return len(text)%4 != 1 && len(text) >= base64.RawURLEncoding.EncodedLen(sealLen) && len(text) <= maxCookie
}

// ParseKey implements [sojourn.KeyParser]. It looks at the form and at the head, which names the secret: whatever was sealed
// with one that is not known here, of tomorrow or of yesterday, opens nothing and is left alone. The seal is for Load.
func (s *Store) ParseKey(text string) (sojourn.Key, error) {
	if !wellFormed(text) {
		return sojourn.Key{}, sojourn.ErrNotFound
	}
	var space [headLen]byte
	head, ok := s.ring.text.appendDecode(space[:0], text[:saltAt])
	if !ok || head[0] != sealVersion || s.ring.Find(keyring.ID(head[1:])) == nil {
		return sojourn.Key{}, sojourn.ErrNotFound
	}
	return sojourn.SealedKey(sojourn.ID(head[1+keyIDLen:]), text), nil
}
