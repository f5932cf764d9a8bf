package memstore

import (
	"encoding/binary"
	"time"

	"github.com/sojourn-go/sojourn"
)

// A record is the version as an unsigned varint, then the state's binary form. The version stands here and not in the
// entry because it changes only when the record does, and then mostly takes one byte instead of eight.

// maxScratch is the largest buffer kept for the next record, so that one huge session does not stay in memory.
const maxScratch = 128 << 10

func (s *Store) pack(version uint64, state sojourn.State) string {
	buf := s.scratch.Get().(*[]byte)
	b := binary.AppendUvarint((*buf)[:0], version)
	b, _ = state.AppendBinary(b) // never fails
	record := string(b)
	if cap(b) <= maxScratch {
		*buf = b
		s.scratch.Put(buf)
	}
	return record
}

// open returns the state that a Load at now answers.
func open(record string, expires, now int64) (sojourn.State, error) {
	if expires <= now {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	state, err := unpack(record)
	if err != nil {
		return sojourn.State{}, err
	}
	state.TTL = time.Duration(expires-now) * time.Millisecond
	return state, nil
}

func unpack(record string) (sojourn.State, error) {
	version, rest := cutVersion(record)
	state, err := sojourn.ParseState(rest)
	if err != nil {
		return sojourn.State{}, err
	}
	state.Version = version
	return state, nil
}

func cutVersion(record string) (version uint64, rest string) {
	version, n := binary.Uvarint([]byte(record[:min(len(record), binary.MaxVarintLen64)]))
	return version, record[n:]
}
