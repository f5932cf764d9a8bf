package sojourn

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// ID names a session for its whole life, in stores, logs, lists and consoles: 128 random bits, public, and useless
// without the secret. ID is comparable, holds no pointers and serves as a map key.
//
// It stays the same through a login, and whoever planted the visitor's token may know it: never derive a token from it,
// and never file a visitor's data under the ID alone (add [Facts].Generation).
type ID [16]byte

// NewID returns a random ID.
func NewID() ID {
	var id ID
	rand.Read(id[:]) // never fails since Go 1.24
	return id
}

// ParseID reads the text form: exactly 32 lower-case hexadecimal digits, so that an ID has one spelling.
func ParseID(text string) (ID, error) {
	var id ID
	if len(text) != 2*len(id) {
		return ID{}, fmt.Errorf("sojourn: ID of %d characters, want %d", len(text), 2*len(id))
	}
	for i := range id {
		hi, ok1 := hexDigit(text[2*i])
		lo, ok2 := hexDigit(text[2*i+1])
		if !ok1 || !ok2 {
			return ID{}, fmt.Errorf("sojourn: ID %q: want lower-case hexadecimal digits", text)
		}
		id[i] = hi<<4 | lo
	}
	return id, nil
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// IsZero reports whether id names no session.
func (id ID) IsZero() bool { return id == ID{} }

// Key returns the key of a server-side store for id.
func (id ID) Key() Key { return Key{id: id} }

// String returns the text form: 32 lower-case hexadecimal digits, safe in URLs, file names and case-insensitive columns.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// AppendText appends the text form to b. It implements [encoding.TextAppender].
func (id ID) AppendText(b []byte) ([]byte, error) { return hex.AppendEncode(b, id[:]), nil }

// MarshalText implements [encoding.TextMarshaler].
func (id ID) MarshalText() ([]byte, error) { return id.AppendText(nil) }

// UnmarshalText implements [encoding.TextUnmarshaler]. It reads what [ParseID] reads.
func (id *ID) UnmarshalText(b []byte) error {
	parsed, err := ParseID(string(b))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}
