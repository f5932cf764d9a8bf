package cookiestore

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Under Irrevocable the payload is the whole state and its time:
//
//	payload = sealed at(8) TTL(8) state
//
// both little endian in milliseconds, the first since 1970 UTC; the state is its binary form. The version is random, out of
// the salt, so that no two sealed states share one.
const timeLen = 16

// openWhole returns the state in m, which is dead from the instant now >= expiry.
func (s *Store) openWhole(m *message) (sojourn.State, error) {
	if len(m.payload) < timeLen {
		return sojourn.State{}, sojourn.ErrCorrupt
	}
	times := []byte(m.payload[:timeLen])
	at, ttl := int64(binary.LittleEndian.Uint64(times)), int64(binary.LittleEndian.Uint64(times[8:]))
	if ttl <= 0 || ttl > int64(math.MaxInt64/time.Millisecond) {
		return sojourn.State{}, sojourn.ErrCorrupt // no Duration is that long, and none that is sealed is not positive
	}
	now, ok := s.time.meet(at)
	if !ok || now-at >= ttl {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	state, err := sojourn.ParseState(m.payload[timeLen:])
	if err != nil {
		return sojourn.State{}, err
	}
	state.TTL, state.Version = time.Duration(at+ttl-now)*time.Millisecond, m.version
	return state, nil
}

// sealWhole returns the key of state for id.
func (s *Store) sealWhole(id sojourn.ID, state *sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	ttl, err := sojourn.RoundTTL(ttl, time.Millisecond)
	if err != nil {
		return sojourn.Key{}, err
	}
	b := binary.LittleEndian.AppendUint64(nil, uint64(s.time.own()))
	b = binary.LittleEndian.AppendUint64(b, uint64(ttl.Milliseconds()))
	b, _ = state.AppendBinary(b) // never fails
	if !s.fits(len(b) + renewalLen(&state.Facts)) {
		return sojourn.Key{}, sojourn.ErrTooLarge
	}
	return s.key(id, b)
}

// renewalLen is by how much a state grows when its secret changes. Room for it is kept: a session that once fitted can
// always be renewed, and a periodic renewal never fails a request that changes nothing.
func renewalLen(f *sojourn.Facts) int {
	grows := 0
	if f.Previous == [32]byte{} {
		grows += len(f.Previous)
	}
	for limit := uint64(1 << 7); limit < 1<<32; limit <<= 7 { // the generation is a varint of at most five bytes
		if uint64(f.Generation) < limit {
			grows++
		}
	}
	return grows
}

func (s *Store) updateWhole(key sojourn.Key, state *sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	m, ok := s.ring.open(key.Sealed())
	if !ok || m.id != key.ID() {
		return sojourn.Key{}, sojourn.ErrNotFound
	}
	old, err := s.openWhole(&m)
	if err != nil {
		return sojourn.Key{}, err
	}
	if old.Version != state.Version {
		return sojourn.Key{}, sojourn.ErrConflict
	}
	return s.sealWhole(m.id, state, ttl)
}

// checkTouch is UpdateTTL, which cannot reach the client.
func checkTouch(ttl time.Duration) error {
	if _, err := sojourn.RoundTTL(ttl, time.Millisecond); err != nil {
		return err
	}
	return errors.ErrUnsupported
}
