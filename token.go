package sojourn

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"unsafe"
)

// A token is what the client holds. For a server-side store it is the base64url text of the ID and the secret, 48 bytes,
// so exactly 64 characters with no spare bits: every such text has one spelling. For a client-side store it is the
// base64url text of the secret, a dot, and the key's sealed state.
//
// No type holds a token: it is a string or an array that lives as long as the request that carries it, and a presented
// secret is hashed as soon as it has been read.

const (
	idTokenLen = 64
	secretLen  = 32
	secretText = 43 // characters of a secret alone
)

// digest is the SHA-256 of a secret. Secrets are 256 uniform bits, so nothing slower is needed.
type digest = [sha256.Size]byte

// sameDigest compares in constant time: like crypto/subtle it looks at every bit and branches on none, but eight bytes at
// once.
func sameDigest(a, b *digest) bool {
	var differ uint64
	for i := 0; i < len(a); i += 8 {
		differ |= binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:])
	}
	return differ == 0
}

// newSecret returns a secret and its digest. crypto/rand never fails since Go 1.24.
func newSecret() (secret [secretLen]byte, d digest) {
	rand.Read(secret[:])
	return secret, sha256.Sum256(secret[:])
}

// secretChars is the text of a secret, of a client-side store's token only: its next key goes out with the same one. It is
// kept behind a pointer, into the token where it stood if a request brought it, because fmt prints the fields of a struct,
// but of a pointer in one no more than the address.
type secretChars [secretText]byte

func newSecretChars(secret [secretLen]byte) *secretChars {
	text := new(secretChars)
	base64.RawURLEncoding.Encode(text[:], secret[:])
	return text
}

// secretIn returns the secret of a token that parseToken has accepted.
func secretIn(token string) *secretChars {
	return (*secretChars)(unsafe.Slice(unsafe.StringData(token), secretText)) // never written to
}

// appendToken appends the token that opens the session id of a server-side store with secret.
func appendToken(b []byte, id ID, secret [secretLen]byte) []byte {
	var raw [len(ID{}) + secretLen]byte
	n := copy(raw[:], id[:])
	copy(raw[n:], secret[:])
	return base64.RawURLEncoding.AppendEncode(b, raw[:])
}

// sealedToken returns the token that opens the session of a client-side store's key with secret.
func sealedToken(key Key, secret *secretChars) []byte {
	b := make([]byte, 0, secretText+1+len(key.sealed))
	b = append(b, secret[:]...)
	b = append(b, '.')
	return append(b, key.sealed...)
}

// parseToken reads a token. It checks length, alphabet and spelling exactly, before anything else sees it (SEC-05); parser
// is nil for a server-side store.
func parseToken(text string, parser KeyParser) (key Key, presented digest, ok bool) {
	if parser != nil {
		return parseSealedToken(text, parser)
	}
	var raw [len(ID{}) + secretLen]byte
	if len(text) != idTokenLen || !decodeText(raw[:], text) {
		return Key{}, digest{}, false
	}
	var id ID
	n := copy(id[:], raw[:])
	return id.Key(), sha256.Sum256(raw[n:]), true
}

func parseSealedToken(text string, parser KeyParser) (key Key, presented digest, ok bool) {
	if len(text) <= secretText+1 || text[secretText] != '.' {
		return Key{}, digest{}, false
	}
	var secret [secretLen]byte
	if !decodeText(secret[:], text[:secretText]) {
		return Key{}, digest{}, false
	}
	key, err := parser.ParseKey(text[secretText+1:])
	if err != nil {
		return Key{}, digest{}, false
	}
	return key, sha256.Sum256(secret[:]), true
}

// decodeText decodes base64url text that fills dst exactly. Unlike encoding/base64 it refuses line breaks, and spare bits
// that are not zero.
func decodeText(dst []byte, text string) bool {
	if base64.RawURLEncoding.DecodedLen(len(text)) != len(dst) || len(text)%4 == 1 {
		return false
	}
	// A value of 0x80 and more is no digit: once met, it stays in seen.
	var seen byte
	for ; len(text) >= 4 && len(dst) >= 3; text, dst = text[4:], dst[3:] {
		a, b, c, d := base64Values[text[0]], base64Values[text[1]], base64Values[text[2]], base64Values[text[3]]
		seen |= a | b | c | d
		dst[0], dst[1], dst[2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
	}
	spare := byte(0)
	switch len(text) {
	case 2:
		a, b := base64Values[text[0]], base64Values[text[1]]
		seen |= a | b
		dst[0], spare = a<<2|b>>4, b<<4
	case 3:
		a, b, c := base64Values[text[0]], base64Values[text[1]], base64Values[text[2]]
		seen |= a | b | c
		dst[0], dst[1], spare = a<<2|b>>4, b<<4|c>>2, c<<6
	}
	return seen < 0x80 && spare == 0
}

// base64Values has the value of each digit, and 0xff for whatever is none.
const base64Values = "" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x3e\xff\xff" +
	"\x34\x35\x36\x37\x38\x39\x3a\x3b\x3c\x3d\xff\xff\xff\xff\xff\xff" +
	"\xff\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e" +
	"\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\xff\xff\xff\xff\x3f" +
	"\xff\x1a\x1b\x1c\x1d\x1e\x1f\x20\x21\x22\x23\x24\x25\x26\x27\x28" +
	"\x29\x2a\x2b\x2c\x2d\x2e\x2f\x30\x31\x32\x33\xff\xff\xff\xff\xff" +
	noDigits + noDigits + noDigits + noDigits + noDigits + noDigits + noDigits + noDigits

const noDigits = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
