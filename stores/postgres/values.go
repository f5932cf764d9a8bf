package postgresstore

import (
	"errors"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/sojourn-go/sojourn"
)

// The column of values is a jsonb object with a string for each name: the value's JSON text. A text inside a string keeps
// each of its bytes, where as jsonb of its own its numbers, order, duplicates and white space would change, and \u0000 be
// refused.

// maxSize is the most that the store takes, in bytes of names and texts. A jsonb object ends at 256 MiB, and a message to
// the server at 1 GiB, of which an escaped byte takes 6.
const maxSize = 64 << 20

// errNoText is the answer to a name, text, realm or subject that PostgreSQL's text cannot hold. The manager refuses such
// names and subjects itself, and no JSON text has them.
var errNoText = errors.New("postgresstore: a name or text is not UTF-8, or has NUL")

func isText(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// encodeValues writes names and texts as the object that the column keeps.
func encodeValues(all iter.Seq2[string, string]) (string, error) {
	var b strings.Builder
	b.WriteByte('{')
	for name, text := range all {
		if !isText(name) || !isText(text) {
			return "", errNoText
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		writeString(&b, name)
		b.WriteByte(':')
		writeString(&b, text)
	}
	b.WriteByte('}')
	return b.String(), nil
}

// writeString writes s as a JSON string (RFC 8259 §7), escaping no more than it must.
func writeString(b *strings.Builder, s string) {
	const hex = "0123456789abcdef"
	b.WriteByte('"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b.WriteString(s[:i])
		if c < ' ' {
			b.WriteString(`\u00`)
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		} else {
			b.WriteByte('\\')
			b.WriteByte(c)
		}
		s, i = s[i+1:], 0
	}
	b.WriteString(s)
	b.WriteByte('"')
}

// decodeValues reads what the engine prints of the column. Anything but an object of strings is [sojourn.ErrCorrupt]:
// somebody else has written it.
func decodeValues(object string) (sojourn.Values, error) {
	d := decoder{rest: object}
	values := sojourn.CollectValues(d.pairs)
	if d.failed || d.rest != "" {
		return sojourn.Values{}, sojourn.ErrCorrupt
	}
	return values, nil
}

type decoder struct {
	rest   string
	failed bool
}

func (d *decoder) pairs(yield func(name, text string) bool) {
	if !d.skip('{') {
		return
	}
	if d.peek() == '}' {
		d.skip('}')
		return
	}
	for {
		name := d.string()
		d.skip(':')
		text := d.string()
		if d.failed || !yield(name, text) {
			return
		}
		if d.peek() != ',' {
			d.skip('}')
			return
		}
		d.skip(',')
	}
}

// peek returns the next byte that is not white space, or 0.
func (d *decoder) peek() byte {
	d.rest = strings.TrimLeft(d.rest, " \t\r\n")
	if d.rest == "" {
		return 0
	}
	return d.rest[0]
}

func (d *decoder) skip(c byte) bool {
	if d.failed || d.peek() != c {
		d.failed = true
		return false
	}
	d.rest = d.rest[1:]
	return true
}

// string reads a JSON string. One without an escape shares the bytes of the whole.
func (d *decoder) string() string {
	if !d.skip('"') {
		return ""
	}
	var b strings.Builder
	for {
		i := strings.IndexAny(d.rest, `"\`)
		if i < 0 {
			d.failed = true
			return ""
		}
		if d.rest[i] == '"' {
			plain := d.rest[:i]
			d.rest = d.rest[i+1:]
			if b.Len() == 0 {
				return plain
			}
			b.WriteString(plain)
			return b.String()
		}
		if b.Len() == 0 {
			b.Grow(len(d.rest[:i]) + 64)
		}
		b.WriteString(d.rest[:i])
		d.rest = d.rest[i+1:]
		d.escape(&b)
		if d.failed {
			return ""
		}
	}
}

// escape reads what follows a backslash. The engine prints \u for control characters alone.
func (d *decoder) escape(b *strings.Builder) {
	if d.rest == "" {
		d.failed = true
		return
	}
	c := d.rest[0]
	d.rest = d.rest[1:]
	if c == 'u' {
		d.control(b)
		return
	}
	i := strings.IndexByte(`"\/bfnrt`, c)
	if i < 0 {
		d.failed = true
		return
	}
	b.WriteByte("\"\\/\b\f\n\r\t"[i])
}

func (d *decoder) control(b *strings.Builder) {
	if len(d.rest) < 4 || d.rest[:2] != "00" {
		d.failed = true
		return
	}
	high := strings.IndexByte("01", d.rest[2])
	low := strings.IndexByte("0123456789abcdef", d.rest[3]|0x20)
	if d.rest[3] < 'A' {
		low = strings.IndexByte("0123456789", d.rest[3])
	}
	if high < 0 || low < 0 {
		d.failed = true
		return
	}
	b.WriteByte(byte(high<<4 | low))
	d.rest = d.rest[4:]
}
