package redisstore

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"github.com/sojourn-go/sojourn"
)

// names makes the keys in the database: one per session, and one per subject for the index. There are no braces in them,
// so Redis Cluster spreads them evenly.
type names struct{ prefix string }

func (n names) sessions() string             { return n.prefix + "s:" }
func (n names) session(id sojourn.ID) string { return n.prefix + "s:" + id.String() }
func (n names) index(digest [digestLen]byte) string {
	return n.prefix + "u:" + hex.EncodeToString(digest[:])
}

// id is the session that a key is of, if it is one.
func (n names) id(key string) (sojourn.ID, bool) {
	text, ok := strings.CutPrefix(key, n.sessions())
	if !ok {
		return sojourn.ID{}, false
	}
	id, err := sojourn.ParseID(text)
	return id, err == nil
}

// indexOf names a subject's index. The digest keeps what people are called out of keys, and any byte of it out of the
// way of what keys mean to the engine.
func indexOf(realm, subject string) [digestLen]byte {
	h := sha256.New()
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], uint32(len(realm)))
	h.Write(n[:])
	h.Write([]byte(realm))
	h.Write([]byte(subject))
	return [digestLen]byte(h.Sum(nil)[:digestLen])
}
