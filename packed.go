package sojourn

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// Packed is a state in one immutable string, for stores and caches that keep states in memory. Only [State.Pack] and
// [Packed.With] make one, so to read it takes no check and no longer for many values than for few; for bytes from elsewhere
// there is [ParseState]. It has the version and not the TTL. The zero Packed is the zero State.
type Packed struct {
	// text is the version as an unsigned varint, the facts as in the binary form, and the packed values.
	text string
}

// Pack returns s under a version, without its TTL.
func (s State) Pack(version uint64) Packed {
	var head [256]byte // enough unless subject or label are long
	facts := s.Facts.appendBody(binary.AppendUvarint(head[:0], version))
	var b strings.Builder
	b.Grow(len(facts) + len(s.Values.packed))
	b.Write(facts)
	b.WriteString(s.Values.packed)
	return Packed{b.String()}
}

// State returns the state. Its values and texts share p's memory.
func (p Packed) State() (s State) {
	version, body, _ := cutUvarint(p.text)
	s.Version = version
	s.Values.packed, _ = parseFactsBody(body, &s.Facts)
	return s
}

// Version returns the state's version.
func (p Packed) Version() uint64 {
	version, _, _ := cutUvarint(p.text)
	return version
}

// With returns the state after a patch, under another version: [State.With] and [State.Pack] in one step.
func (p Packed) With(patch Patch, version uint64) (Packed, error) {
	if p == (Packed{}) {
		p = State{}.Pack(0)
	}
	_, body, _ := cutUvarint(p.text)
	generation, size := measureFacts(body)
	values, facts := Values{body[size:]}, body[:size]
	if err := patch.expects(generation, values); err != nil {
		return Packed{}, err
	}
	var digits [binary.MaxVarintLen64]byte
	head := binary.AppendUvarint(digits[:0], version)
	var b strings.Builder
	b.Grow(len(head) + len(facts) + values.sizeWith(patch))
	b.Write(head)
	b.WriteString(facts)
	values.writeWith(patch, &b)
	if err := patch.bounds(values, Values{b.String()[len(head)+len(facts):]}); err != nil {
		return Packed{}, err
	}
	return Packed{b.String()}, nil
}

// Format prints nothing of the state, under every verb.
func (p Packed) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "sojourn.Packed") }
