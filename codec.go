package sojourn

import (
	"encoding/binary"
	"hash/crc32"
	"time"
	"unsafe"
)

// The binary form of facts and states, for stores that keep bytes.
//
//	facts  = version(1) flags(1) generation(uvarint) realm subject label (each: uvarint length, bytes)
//	         created authenticated deadline renewed (each: 8 bytes, little endian, milliseconds since 1970 UTC; the
//	         zero time is the smallest number) digest(32) [previous(32)] checksum(4)
//	state  = the same without its checksum, packed values, checksum(4)
//
// The checksum is CRC-32C of all before it: a damaged record is told from a whole one, and nothing is half understood.
// A later version may change everything after the version byte; this release reads version 1 only and answers ErrNewer
// to any other, so that a release that reads version 2 can be rolled out before one that writes it.
const formatVersion = 1

const (
	flagRemembered = 1 << iota
	flagRefused
	flagPrevious
	flagsKnown = flagRemembered | flagRefused | flagPrevious
)

const zeroTime = -1 << 63

// castagnoli has hardware support on amd64 and arm64. MakeTable returns the same shared table at each call.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// AppendBinary appends the facts alone, for stores that keep values in fields of their own. It never fails.
func (f Facts) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	b = append(b, formatVersion)
	b = f.appendBody(b)
	return binary.LittleEndian.AppendUint32(b, checksum(b[start:])), nil
}

func (f Facts) appendBody(b []byte) []byte {
	var flags byte
	if f.Remembered {
		flags |= flagRemembered
	}
	if f.Refused {
		flags |= flagRefused
	}
	if f.Previous != [32]byte{} {
		flags |= flagPrevious
	}
	b = append(b, flags)
	b = binary.AppendUvarint(b, uint64(f.Generation))
	for _, text := range [...]string{f.Realm, f.Subject, f.Label} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	for _, t := range [...]time.Time{f.Created, f.Authenticated, f.Deadline, f.Renewed} {
		b = binary.LittleEndian.AppendUint64(b, uint64(toMilli(t)))
	}
	b = append(b, f.Digest[:]...)
	if flags&flagPrevious != 0 {
		b = append(b, f.Previous[:]...)
	}
	return b
}

// MarshalBinary implements [encoding.BinaryMarshaler].
func (f Facts) MarshalBinary() ([]byte, error) { return f.AppendBinary(nil) }

// UnmarshalBinary copies b. Damaged: [ErrCorrupt]. Newer than this package: [ErrNewer].
func (f *Facts) UnmarshalBinary(b []byte) error {
	parsed, err := ParseFacts(string(b))
	if err == nil {
		*f = parsed
	}
	return err
}

// ParseFacts is [Facts.UnmarshalBinary] for an immutable record, which it shares instead of copying.
func ParseFacts(record string) (Facts, error) {
	body, err := openRecord(record)
	if err != nil {
		return Facts{}, err
	}
	var f Facts
	rest, err := parseFactsBody(body, &f)
	if err != nil || rest != "" {
		return Facts{}, ErrCorrupt
	}
	return f, nil
}

// AppendBinary appends the versioned binary form, for stores that keep bytes. TTL and Version are not in it. It never
// fails.
func (s State) AppendBinary(b []byte) ([]byte, error) {
	start := len(b)
	b = append(b, formatVersion)
	b = s.Facts.appendBody(b)
	b = append(b, s.Values.packed...)
	return binary.LittleEndian.AppendUint32(b, checksum(b[start:])), nil
}

// MarshalBinary implements [encoding.BinaryMarshaler].
func (s State) MarshalBinary() ([]byte, error) { return s.AppendBinary(nil) }

// UnmarshalBinary copies b, and leaves TTL and Version alone. Damaged: [ErrCorrupt]. Newer than this package: [ErrNewer].
func (s *State) UnmarshalBinary(b []byte) error {
	parsed, err := ParseState(string(b))
	if err == nil {
		s.Facts, s.Values = parsed.Facts, parsed.Values
	}
	return err
}

// ParseState is [State.UnmarshalBinary] for an immutable record, which it shares instead of copying: a store that keeps
// strings loads a state without an allocation.
func ParseState(record string) (State, error) {
	body, err := openRecord(record)
	if err != nil {
		return State{}, err
	}
	var s State
	rest, err := parseFactsBody(body, &s.Facts)
	if err != nil {
		return State{}, err
	}
	if s.Values, err = parseValues(rest); err != nil {
		return State{}, err
	}
	return s, nil
}

// openRecord checks version and checksum and returns what stands between them.
func openRecord(record string) (string, error) {
	const head, tail = 1, 4
	if len(record) < head+tail {
		return "", ErrCorrupt
	}
	if record[0] != formatVersion {
		if record[0] > formatVersion {
			return "", ErrNewer
		}
		return "", ErrCorrupt
	}
	end := len(record) - tail
	sum := uint32(record[end]) | uint32(record[end+1])<<8 | uint32(record[end+2])<<16 | uint32(record[end+3])<<24
	if sum != stringChecksum(record[:end]) {
		return "", ErrCorrupt
	}
	return record[head:end], nil
}

// stringChecksum is checksum without a copy of the string: crc32 lets what it reads escape to the heap, a buffer on the
// stack included. crc32 writes nothing.
func stringChecksum(s string) uint32 { return checksum(unsafe.Slice(unsafe.StringData(s), len(s))) }

// parseFactsBody reads facts into f, which is zero, and returns what follows them.
func parseFactsBody(s string, f *Facts) (rest string, err error) {
	if s == "" || s[0]&^flagsKnown != 0 {
		return "", ErrCorrupt
	}
	flags := s[0]
	f.Remembered = flags&flagRemembered != 0
	f.Refused = flags&flagRefused != 0
	generation, s, ok := cutUvarint(s[1:])
	if !ok || generation > 1<<32-1 {
		return "", ErrCorrupt
	}
	f.Generation = uint32(generation)
	for _, text := range [...]*string{&f.Realm, &f.Subject, &f.Label} {
		n, after, ok := cutUvarint(s)
		if !ok || n > uint64(len(after)) {
			return "", ErrCorrupt
		}
		*text, s = after[:n], after[n:]
	}
	fixed := 4*8 + 32
	if flags&flagPrevious != 0 {
		fixed += 32
	}
	if len(s) < fixed {
		return "", ErrCorrupt
	}
	for i, t := range [...]*time.Time{&f.Created, &f.Authenticated, &f.Deadline, &f.Renewed} {
		*t = fromMilli(int64(littleEndian64(s[8*i:])))
	}
	copy(f.Digest[:], s[32:])
	if flags&flagPrevious != 0 {
		copy(f.Previous[:], s[64:])
	}
	return s[fixed:], nil
}

// measureFacts returns the generation and the size of facts that are known to be whole.
func measureFacts(s string) (generation uint32, size int) {
	g, rest, _ := cutUvarint(s[1:])
	for range 3 {
		n, after, _ := cutUvarint(rest)
		rest = after[n:]
	}
	size = len(s) - len(rest) + 4*8 + 32
	if s[0]&flagPrevious != 0 {
		size += 32
	}
	return uint32(g), size
}

func littleEndian64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func toMilli(t time.Time) int64 {
	if t.IsZero() {
		return zeroTime
	}
	return t.UnixMilli()
}

func fromMilli(ms int64) time.Time {
	if ms == zeroTime {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
