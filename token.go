package sojourn

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
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
	var bits, n uint
	at := 0
	for i := range len(text) {
		v, ok := base64Value(text[i])
		if !ok {
			return false
		}
		bits = bits<<6 | uint(v)
		if n += 6; n >= 8 {
			n -= 8
			if at == len(dst) {
				return false
			}
			dst[at] = byte(bits >> n)
			at++
			bits &= 1<<n - 1
		}
	}
	return at == len(dst) && n < 6 && bits == 0
}

func base64Value(c byte) (byte, bool) {
	switch {
	case 'A' <= c && c <= 'Z':
		return c - 'A', true
	case 'a' <= c && c <= 'z':
		return c - 'a' + 26, true
	case '0' <= c && c <= '9':
		return c - '0' + 52, true
	case c == '-':
		return 62, true
	case c == '_':
		return 63, true
	}
	return 0, false
}
