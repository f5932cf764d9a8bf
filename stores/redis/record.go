package redisstore

import (
	"crypto/fips140"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"time"

	"github.com/sojourn-go/sojourn"
)

// A record is one string, which a read takes as it is and the scripts in folder lua take apart:
//
//	0   format, 1. A 0 is no session but the note that one was ended here (see apart.go)
//	1   version, 8 random bytes: one that is lost with a primary cannot come back as that of another state
//	9   generation, 4 bytes
//	13  the first 8 hexadecimal digits of the facts' SHA-1, against damage: what a script can compute
//	21  length of the owner
//	22  the owner. Of a subject's session the name of the subject's index (16 bytes), Authenticated (8), and until when
//	    the index is sure to know of the session (6); of a visitor's nothing, or a nonce (8) that tells a login that was
//	    held up from those that come after
//	    length of the facts, 2 bytes
//	    the facts' binary form
//	    the values' packed form
//
// Numbers are big endian, times milliseconds since 1970.
const (
	formatNone = 0
	format     = 1

	versionAt    = 1
	generationAt = 9
	checkAt      = 13
	ownerAt      = 21
	factsAt      = 22 // of a visitor's record: the length of the facts

	digestLen = 16
	ownerLen  = digestLen + 8 + 6
	headLen   = ownerAt + 1 + ownerLen
)

// newVersion is a version that this session has not had: it would take 2^32 changes for an even chance of a second.
func newVersion() uint64 {
	for {
		if v := rand.Uint64(); v != 0 {
			return v
		}
	}
}

// newRecord makes a record. Until when the index knows of it is left to the script that writes it.
func newRecord(state sojourn.State, version uint64) (string, error) {
	facts, _ := state.Facts.AppendBinary(nil) // never fails
	if len(facts) > math.MaxUint16 {
		return "", sojourn.ErrTooLarge
	}
	b := make([]byte, 0, headLen+2+len(facts)+state.Values.Size()+8*state.Values.Len())
	b = append(b, format)
	b = binary.BigEndian.AppendUint64(b, version)
	b = binary.BigEndian.AppendUint32(b, state.Facts.Generation)
	b = append(b, check(facts)...)
	if state.Facts.Subject == "" {
		b = append(b, 0)
	} else {
		digest := indexOf(state.Facts.Realm, state.Facts.Subject)
		b = append(b, ownerLen)
		b = append(b, digest[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(milliseconds(state.Facts.Authenticated)))
		b = append(b, 0, 0, 0, 0, 0, 0)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(facts)))
	b = append(b, facts...)
	b, _ = state.Values.AppendBinary(b) // never fails
	return string(b), nil
}

// check is a checksum and no secret, so the rules of FIPS 140 on SHA-1 do not concern it.
func check(facts []byte) string {
	var sum [sha1.Size]byte
	fips140.WithoutEnforcement(func() { sum = sha1.Sum(facts) })
	return hex.EncodeToString(sum[:4])
}

// milliseconds is an instant as scripts compare it: as a number that Lua holds exactly.
func milliseconds(t time.Time) int64 {
	const exact = 1<<53 - 1
	return min(max(t.UnixMilli(), -exact), exact)
}

// parse reads a record, or as much of it as holds the facts if whole is false. It shares the record.
func parse(record string, whole bool) (sojourn.State, error) {
	facts, values, err := split(record)
	if err != nil {
		return sojourn.State{}, err
	}
	state := sojourn.State{Version: be64(record[versionAt:])}
	if state.Facts, err = sojourn.ParseFacts(facts); err != nil {
		return sojourn.State{}, err
	}
	if state.Version == 0 || state.Facts.Generation != be32(record[generationAt:]) {
		return sojourn.State{}, sojourn.ErrCorrupt
	}
	if whole {
		if state.Values, err = sojourn.ParseValues(values); err != nil {
			return sojourn.State{}, err
		}
	}
	return state, nil
}

func split(record string) (facts, values string, err error) {
	switch {
	case record == "":
		return "", "", sojourn.ErrCorrupt
	case record[0] == formatNone:
		return "", "", sojourn.ErrNotFound
	case record[0] > format:
		return "", "", sojourn.ErrNewer
	case len(record) < factsAt:
		return "", "", sojourn.ErrCorrupt
	}
	at := factsAt + int(record[ownerAt])
	if len(record) < at+2 {
		return "", "", sojourn.ErrCorrupt
	}
	end := at + 2 + (int(record[at])<<8 | int(record[at+1]))
	if len(record) < end {
		return "", "", sojourn.ErrCorrupt
	}
	return record[at+2 : end], record[end:], nil
}

// ownership is what a head says of whose a session is.
type ownership struct {
	digest        string // of the subject's index, "" for a visitor's
	authenticated int64
}

// owner reads a head. A session that cannot be read is owned by nobody: ok is false.
func owner(head string) (o ownership, ok bool) {
	if len(head) < factsAt || head[0] != format {
		return o, false
	}
	if head[ownerAt] != ownerLen {
		return o, true
	}
	if len(head) < headLen {
		return o, false
	}
	return ownership{head[factsAt : factsAt+digestLen], int64(be64(head[factsAt+digestLen:]))}, true
}

func be32(s string) uint32 {
	return uint32(s[0])<<24 | uint32(s[1])<<16 | uint32(s[2])<<8 | uint32(s[3])
}

func be64(s string) uint64 { return uint64(be32(s))<<32 | uint64(be32(s[4:])) }

func bytes8(n uint64) string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	return string(b[:])
}

func bytes4(n uint32) string {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return string(b[:])
}

// The engine counts TTLs in milliseconds and takes a key for gone when more than its TTL has passed, so it gets one
// millisecond less: a session is dead when its TTL has passed. The shortest TTL is the engine's, and one too long.

func toEngine(ttl time.Duration) (int64, error) {
	ttl, err := sojourn.RoundTTL(ttl, time.Millisecond)
	return max(ttl.Milliseconds()-1, 1), err
}

func fromEngine(ms int64) time.Duration {
	if ms < 0 || ms >= math.MaxInt64/int64(time.Millisecond) { // without an end: somebody has set none
		return math.MaxInt64
	}
	return time.Duration(ms+1) * time.Millisecond
}
