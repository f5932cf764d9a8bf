package sojourn

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
)

// Values is the application's data: names, each with a JSON text. It is immutable, so stores, caches and requests share
// one without copying, and == tells whether two are the same.
//
// It is one packed string, ordered by name. Get finds a name in place: no decoding, no allocation. Names are non-empty
// UTF-8 of at most 255 bytes without NUL, and texts are JSON in UTF-8; the manager checks that. A store keeps whatever it
// is given byte for byte, or refuses it.
type Values struct {
	// packed is a sequence of entries in strictly ascending byte order of their names. An entry is the length of the name
	// and that of the text, both as unsigned varints, then the name, then the text. Every Values has been checked when
	// it was made, so reading never meets a malformed one.
	packed string
}

// CollectValues packs names and texts, for stores that keep each name as a field of its own:
// CollectValues(maps.All(fields)). Texts are kept as they are, byte for byte; of a repeated name the last counts.
func CollectValues(seq iter.Seq2[string, string]) Values {
	var all []pair
	for name, text := range seq {
		all = append(all, pair{name, text})
	}
	slices.SortStableFunc(all, func(a, b pair) int { return cmp.Compare(a.name, b.name) })
	// Of equal names the last one stays.
	kept := all[:0]
	for i, p := range all {
		if i+1 < len(all) && all[i+1].name == p.name {
			continue
		}
		kept = append(kept, p)
	}
	return packPairs(kept)
}

type pair struct{ name, text string }

// packPairs packs pairs that are sorted and distinct.
func packPairs(sorted []pair) Values {
	size := 0
	for _, p := range sorted {
		size += entrySize(p.name, p.text)
	}
	if size == 0 {
		return Values{}
	}
	var b strings.Builder
	b.Grow(size)
	for _, p := range sorted {
		writeEntry(&b, p.name, p.text)
	}
	return Values{b.String()}
}

// Get returns the JSON text of name, or "" if there is none: no JSON text is empty.
func (v Values) Get(name string) string {
	text, _ := v.lookup(name)
	return text
}

func (v Values) lookup(name string) (string, bool) {
	for rest := v.packed; len(rest) >= 2; {
		n, t, head := int(rest[0]), int(rest[1]), 2
		if n|t >= 0x80 {
			n, t, head = entryHead(rest)
		}
		if n == len(name) && rest[head:head+n] == name {
			return rest[head+n : head+n+t], true
		}
		if n > 0 && name != "" && rest[head] > name[0] {
			return "", false // all that follow are greater
		}
		rest = rest[head+n+t:]
	}
	return "", false
}

// seat returns the place of name's entry in v, or an empty one where it would be.
func (v Values) seat(name string) (start, end int) {
	for end < len(v.packed) {
		start = end
		n, t, head := entryHead(v.packed[start:])
		end = start + head + n + t
		if order := strings.Compare(v.packed[start+head:start+head+n], name); order == 0 {
			return start, end
		} else if order > 0 {
			return start, start
		}
	}
	return end, end
}

// only returns the Values that has this one name of v, sharing v's text. Without it, none.
func (v Values) only(name string) Values {
	for rest := v.packed; rest != ""; {
		n, t, head := entryHead(rest)
		if rest[head:head+n] == name {
			return Values{rest[:head+n+t]}
		}
		rest = rest[head+n+t:]
	}
	return Values{}
}

// All iterates over names and texts, in the byte order of the names.
func (v Values) All() iter.Seq2[string, string] {
	return func(yield func(name, text string) bool) {
		for rest := v.packed; rest != ""; {
			var name, text string
			name, text, rest = cutEntry(rest)
			if !yield(name, text) {
				return
			}
		}
	}
}

// Len returns the number of names.
func (v Values) Len() int {
	count := 0
	for rest := v.packed; rest != ""; count++ {
		n, t, head := entryHead(rest)
		rest = rest[head+n+t:]
	}
	return count
}

// Size returns the number of bytes of all names and texts: what Config.MaxSize limits.
func (v Values) Size() int {
	size := 0
	for rest := v.packed; rest != ""; {
		n, t, head := entryHead(rest)
		size += n + t
		rest = rest[head+n+t:]
	}
	return size
}

// String returns the names only: values may be private.
func (v Values) String() string {
	var b strings.Builder
	b.WriteByte('[')
	for name := range v.All() {
		if b.Len() > 1 {
			b.WriteByte(' ')
		}
		b.WriteString(name)
	}
	b.WriteByte(']')
	return b.String()
}

// GoString returns the names only.
func (v Values) GoString() string { return "sojourn.Values" + v.String() }

// LogValue returns the names only.
func (v Values) LogValue() slog.Value { return slog.StringValue(v.String()) }

// MarshalJSON returns one object with the values in place, for people and exports. It is an error if a text is not JSON.
func (v Values) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for name, text := range v.All() {
		// Checked here: json.Marshal checks the whole, and takes the text 1,"admin":true for a number and another name.
		if !json.Valid([]byte(text)) {
			return nil, fmt.Errorf("sojourn: the value %q is not JSON", name)
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		b = append(b, quoted...)
		b = append(b, ':')
		b = append(b, text...)
	}
	return append(b, '}'), nil
}

// UnmarshalJSON reads what MarshalJSON wrote; of a repeated name the last counts. The texts keep the spelling they have
// in b. On an error, and for null, v stays as it is.
func (v *Values) UnmarshalJSON(b []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil || fields == nil {
		return err
	}
	*v = CollectValues(func(yield func(name, text string) bool) {
		for name, text := range fields {
			if !yield(name, string(text)) {
				return
			}
		}
	})
	return nil
}

// AppendBinary appends the packed form, which [ParseValues] reads: for each name in byte order the lengths of name and text,
// as unsigned varints, then name and text. It has no version and no checksum: those are for whoever frames it, as
// [State.AppendBinary] does. It never fails.
func (v Values) AppendBinary(b []byte) ([]byte, error) { return append(b, v.packed...), nil }

// ParseValues checks the packed form and shares it. Anything that AppendBinary cannot have written is [ErrCorrupt].
func ParseValues(packed string) (Values, error) { return parseValues(packed) }

// The packed form.

func entrySize(name, text string) int { return entryLen(len(name), len(text)) }

func entryLen(name, text int) int { return uvarintSize(name) + uvarintSize(text) + name + text }

func uvarintSize(n int) int {
	size := 1
	for ; n >= 0x80; n >>= 7 {
		size++
	}
	return size
}

func writeEntry(b *strings.Builder, name, text string) {
	writeUvarint(b, len(name))
	writeUvarint(b, len(text))
	b.WriteString(name)
	b.WriteString(text)
}

func writeUvarint(b *strings.Builder, n int) {
	for ; n >= 0x80; n >>= 7 {
		b.WriteByte(byte(n) | 0x80)
	}
	b.WriteByte(byte(n))
}

// entryHead returns the lengths of the first entry's name and text and of what stands before the name.
func entryHead(packed string) (name, text, head int) {
	// Nearly all names and most texts are shorter than 128 bytes.
	if len(packed) >= 2 && packed[0] < 0x80 && packed[1] < 0x80 {
		return int(packed[0]), int(packed[1]), 2
	}
	name, n := uvarint(packed)
	text, t := uvarint(packed[n:])
	return name, text, n + t
}

func cutEntry(packed string) (name, text, rest string) {
	n, t, head := entryHead(packed)
	return packed[head : head+n], packed[head+n : head+n+t], packed[head+n+t:]
}

func uvarint(s string) (value, size int) {
	for shift := 0; size < len(s); shift += 7 {
		c := s[size]
		size++
		value |= int(c&0x7f) << shift
		if c < 0x80 {
			return value, size
		}
	}
	return value, size
}

// parseValues checks foreign bytes and returns them as Values, sharing packed: lengths within bounds and in their
// shortest spelling, names in strictly ascending order, nothing left over.
func parseValues(packed string) (Values, error) {
	last, first := "", true
	for rest := packed; rest != ""; first = false {
		n, rest1, ok := cutUvarint(rest)
		t, rest2, ok2 := cutUvarint(rest1)
		if !ok || !ok2 || n > uint64(len(rest2)) || t > uint64(len(rest2))-n {
			return Values{}, ErrCorrupt
		}
		name := rest2[:n]
		if !first && name <= last {
			return Values{}, ErrCorrupt
		}
		last, rest = name, rest2[n+t:]
	}
	return Values{packed}, nil
}

func cutUvarint(s string) (value uint64, rest string, ok bool) {
	if s != "" && s[0] < 0x80 {
		return uint64(s[0]), s[1:], true // as most of them are
	}
	for i := range min(len(s), binary.MaxVarintLen64) {
		c := s[i]
		value |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			shortest := i == 0 || c != 0
			return value, s[i+1:], shortest && (i < binary.MaxVarintLen64-1 || c == 1)
		}
	}
	return 0, "", false
}
