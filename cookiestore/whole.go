package cookiestore

import (
	"encoding/binary"
	"errors"
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

// skew is how far ahead another node's clock may be.
const skew = time.Minute

// now is the latest instant that is known, in milliseconds since 1970: the clock's, or that at which another node sealed a
// state that was met here. So of nodes whose clocks differ, the fastest counts, and no session lives longer for it. at
// is the instant of the state at hand; one further ahead than skew is refused, or one wild clock would end all sessions.
func (s *Store) now(at int64) (int64, bool) {
	now := s.clock().UnixMilli()
	if at > now+skew.Milliseconds() {
		return 0, false
	}
	for {
		seen := s.seen.Load()
		if at <= seen {
			return max(now, seen), true
		}
		if s.seen.CompareAndSwap(seen, at) {
			return max(now, at), true
		}
	}
}

// openWhole returns the state in m, which is dead from the instant now >= expiry.
func (s *Store) openWhole(m *message) (sojourn.State, error) {
	if len(m.payload) < timeLen {
		return sojourn.State{}, sojourn.ErrCorrupt
	}
	times := []byte(m.payload[:timeLen])
	at, ttl := int64(binary.LittleEndian.Uint64(times)), int64(binary.LittleEndian.Uint64(times[8:]))
	now, ok := s.now(at)
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
	now, _ := s.now(0)
	b := binary.LittleEndian.AppendUint64(nil, uint64(now))
	b = binary.LittleEndian.AppendUint64(b, uint64(ttl.Milliseconds()))
	b, _ = state.AppendBinary(b) // never fails
	if !s.fits(len(b)) {
		return sojourn.Key{}, sojourn.ErrTooLarge
	}
	return s.key(id, b)
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
