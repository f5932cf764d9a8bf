package sojourn_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// sealed puts a version before body and its checksum behind, so that what is between is looked at.
func sealed(version byte, body []byte) string {
	r := append([]byte{version}, body...)
	return string(binary.LittleEndian.AppendUint32(r, crc32.Checksum(r, crc32.MakeTable(crc32.Castagnoli))))
}

func FuzzParseState(f *testing.F) {
	for _, s := range []sojourn.State{{}, goldenState()} {
		b := encode(f, s)
		f.Add(b[1 : len(b)-4])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		// As it came it meets the checksum; sealed it meets the parser behind.
		if s, err := sojourn.ParseState(string(body)); err != nil && s != (sojourn.State{}) {
			t.Fatalf("refused, but got %+v", s)
		}
		s, err := sojourn.ParseState(sealed(1, body))
		if err != nil {
			if !errors.Is(err, sojourn.ErrCorrupt) || s != (sojourn.State{}) {
				t.Fatalf("got %+v, %v", s, err)
			}
			return
		}
		checkSorted(t, s.Values)
		record := encode(t, s)
		if again, err := sojourn.ParseState(string(record)); err != nil || again != s {
			t.Fatalf("%+v and back: got %+v, %v", s, again, err)
		}
		if len(record) > len(body)+5 {
			t.Fatalf("%d bytes grew to %d", len(body)+5, len(record))
		}
	})
}

func FuzzParseFacts(f *testing.F) {
	for _, s := range []sojourn.State{{}, goldenState()} {
		b := encode(f, s.Facts)
		f.Add(b[1 : len(b)-4])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		facts, err := sojourn.ParseFacts(sealed(1, body))
		if err != nil {
			if !errors.Is(err, sojourn.ErrCorrupt) || facts != (sojourn.Facts{}) {
				t.Fatalf("got %+v, %v", facts, err)
			}
			return
		}
		if again, err := sojourn.ParseFacts(string(encode(t, facts))); err != nil || again != facts {
			t.Fatalf("%+v and back: got %+v, %v", facts, again, err)
		}
		// Facts alone are a state without values.
		if s, err := sojourn.ParseState(sealed(1, body)); err != nil || s != (sojourn.State{Facts: facts}) {
			t.Fatalf("as a state: got %+v, %v", s, err)
		}
	})
}

func checkSorted(t *testing.T, v sojourn.Values) {
	t.Helper()
	last, first, size, count := "", true, 0, 0
	for name, text := range v.All() {
		if !first && name <= last {
			t.Fatalf("%q comes after %q", name, last)
		}
		if got := v.Get(name); got != text {
			t.Fatalf("Get(%q): got %q, want %q", name, got, text)
		}
		last, first, size, count = name, false, size+len(name)+len(text), count+1
	}
	if v.Size() != size || v.Len() != count || v != sojourn.CollectValues(v.All()) {
		t.Fatalf("%d names of %d bytes: Len %d, Size %d", count, size, v.Len(), v.Size())
	}
}
