package cookiestore

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/sojourn-go/sojourn/internal/keyring"
)

// What is sealed. The kind comes from the configuration, never from the cookie (SEC-56).
const (
	kindLease byte = 1 + iota // values, with the facts in a lease
	kindWhole                 // facts and values
)

// ring is the secrets, as keys from which those of messages are derived, and what is bound into every message.
type ring struct {
	*keyring.Ring
	context string           // the label, the kind and the name of the cookie: part of every derivation and of the associated data
	strict  *base64.Encoding // refuses spare bits that are not zero
}

func newRing(keys *keyring.Ring, kind byte, name string) *ring {
	context := append([]byte("sojourn cookiestore state v1\x00"), kind)
	context = binary.AppendUvarint(context, uint64(len(name)))
	return &ring{Ring: keys, context: string(append(context, name...)), strict: base64.RawURLEncoding.Strict()}
}
