package cookiestore

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/sojourn-go/sojourn"
)

// What is sealed beside a lease:
//
//	payload = bound(8) packed values
//
// bound is the beginning of the digest of the session's secret: who may use the values is settled by the whole digest, this
// only tells values from those under an earlier secret of the same session. Under Irrevocable it is the whole state and its
// time:
//
//	payload = sealed at(8) TTL(8) state
//
// both little endian in milliseconds, the first since 1970 UTC; the state is its binary form. Its version is random, out of
// the salt, so that no two sealed states share one.
const (
	boundLen = 8
	timeLen  = 16
)

// content is what a sealed text has in it.
type content struct {
	id      sojourn.ID
	bound   [boundLen]byte // of a lease
	at, ttl int64          // of a whole state, in milliseconds
	state   sojourn.State  // values; of a whole state also facts and version
}

// open returns what is in a key's text: [sojourn.ErrNotFound] unless it was sealed here.
func (s *Store) open(key sojourn.Key) (content, error) {
	text := key.Sealed()
	if !wellFormed(text) {
		return content{}, sojourn.ErrNotFound
	}
	c, ok := s.memo.find(&s.ring.text, text)
	if !ok {
		m, ok := s.ring.open(text)
		if !ok {
			return content{}, sojourn.ErrNotFound
		}
		var err error
		if c, err = s.decode(&m); err != nil {
			return content{}, err
		}
		s.memo.note(&s.ring.text, text, &c)
	}
	if c.id != key.ID() {
		return content{}, sojourn.ErrNotFound
	}
	return c, nil
}

// decode reads a payload: [sojourn.ErrCorrupt] or [sojourn.ErrNewer] if it is none of ours.
func (s *Store) decode(m *message) (content, error) {
	c := content{id: m.id}
	var err error
	if s.leases != nil {
		if len(m.payload) < boundLen {
			return content{}, sojourn.ErrCorrupt
		}
		c.bound = [boundLen]byte([]byte(m.payload[:boundLen]))
		c.state.Values, err = sojourn.ParseValues(m.payload[boundLen:])
		return c, err
	}
	if len(m.payload) < timeLen {
		return content{}, sojourn.ErrCorrupt
	}
	times := []byte(m.payload[:timeLen])
	c.at, c.ttl = int64(binary.LittleEndian.Uint64(times)), int64(binary.LittleEndian.Uint64(times[8:]))
	if c.ttl <= 0 || c.ttl > int64(math.MaxInt64/time.Millisecond) {
		return content{}, sojourn.ErrCorrupt // no Duration is that long, and none that is sealed is not positive
	}
	c.state, err = sojourn.ParseState(m.payload[timeLen:])
	c.state.Version = m.version
	return c, err
}
