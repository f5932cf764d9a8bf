package cookiestore

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/sojourn-go/sojourn"
)

// whole returns the state in c, which is dead from the instant now >= expiry.
func (s *Store) whole(c *content) (sojourn.State, error) {
	now, ok := s.time.meet(c.at)
	if !ok || now-c.at >= c.ttl {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	state := c.state
	state.TTL = time.Duration(c.at+c.ttl-now) * time.Millisecond
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
	c, err := s.open(key)
	if err != nil {
		return sojourn.Key{}, err
	}
	old, err := s.whole(&c)
	if err != nil {
		return sojourn.Key{}, err
	}
	if old.Version != state.Version {
		return sojourn.Key{}, sojourn.ErrConflict
	}
	return s.sealWhole(c.id, state, ttl)
}

// checkTouch is UpdateTTL, which cannot reach the client.
func checkTouch(ttl time.Duration) error {
	if _, err := sojourn.RoundTTL(ttl, time.Millisecond); err != nil {
		return err
	}
	return errors.ErrUnsupported
}
