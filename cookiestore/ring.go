package cookiestore

import (
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
	bound string // label, kind, realm and name: part of every derivation and of the associated data
	text  textTable
}

// newRing returns the ring of what is sealed as one kind, for one realm and one name. The same secrets make other keys, and
// other key IDs, for another of these (SEC-60).
func newRing(secrets [][]byte, kind byte, realm, name string) (*ring, []keyring.Fault) {
	context := []byte{kind}
	for _, text := range [...]string{realm, name} {
		context = binary.AppendUvarint(context, uint64(len(text)))
		context = append(context, text...)
	}
	keys, faults := keyring.New(secrets, "cookiestore "+string(context))
	return &ring{Ring: keys, bound: "sojourn cookiestore state v1\x00" + string(context), text: newTextTable()}, faults
}
