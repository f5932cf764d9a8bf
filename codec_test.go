package sojourn_test

import (
	"bytes"
	"encoding"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

var (
	_ encoding.BinaryAppender    = sojourn.State{}
	_ encoding.BinaryMarshaler   = sojourn.State{}
	_ encoding.BinaryUnmarshaler = (*sojourn.State)(nil)
	_ encoding.BinaryAppender    = sojourn.Facts{}
	_ encoding.BinaryMarshaler   = sojourn.Facts{}
	_ encoding.BinaryUnmarshaler = (*sojourn.Facts)(nil)
)

// goldenState is the state in testdata/state-v1.hex.
func goldenState() sojourn.State {
	s := sojourn.State{
		Facts: sojourn.Facts{
			Realm: "shop", Subject: "ada@example.org", Label: "Firefox, Linux é",
			Created:       time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.UTC),
			Authenticated: time.Date(1969, 12, 31, 23, 59, 59, 999e6, time.UTC),
			Deadline:      time.Date(2026, 2, 10, 4, 5, 6, 0, time.UTC),
			Remembered:    true, Generation: 300, Refused: true,
		},
		Values: sojourn.CollectValues(pairs("big", "9007199254740993", "cart", `["tea","\u0000"]`)),
	}
	for i := range s.Facts.Digest {
		s.Facts.Digest[i], s.Facts.Previous[i] = byte(i), byte(0xff-i)
	}
	return s
}

// sampleStates have every field set and unset, and lengths around those where a varint grows.
func sampleStates() map[string]sojourn.State {
	full, visitor, wide := goldenState(), goldenState(), goldenState()
	visitor.Facts = sojourn.Facts{Realm: "shop", Created: full.Facts.Created, Deadline: full.Facts.Deadline, Digest: full.Facts.Digest}
	wide.Facts.Subject = strings.Repeat("s", 255)
	wide.Facts.Label = strings.Repeat("\x00\xff", 64)
	wide.Facts.Generation = math.MaxUint32
	wide.Values = filled(200, 40000)
	return map[string]sojourn.State{
		"zero": {}, "full": full, "visitor": visitor, "wide": wide,
		"remembered": {Facts: sojourn.Facts{Remembered: true}},
		"refused":    {Facts: sojourn.Facts{Refused: true}},
		"previous":   {Facts: sojourn.Facts{Previous: [32]byte{31: 1}}},
		"odd values": {Values: valuesOf(map[string]string{"": "", "\x00": "\xff", strings.Repeat("n", 128): strings.Repeat("t", 1<<14)})},
	}
}

func encode(t testing.TB, m encoding.BinaryAppender) []byte {
	t.Helper()
	b, err := m.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestCodec_roundTrip(t *testing.T) {
	for name, want := range sampleStates() {
		t.Run(name, func(t *testing.T) {
			record := encode(t, want)
			got, err := sojourn.ParseState(string(record))
			if err != nil || got != want {
				t.Errorf("ParseState: got %+v, %v, want %+v", got, err, want)
			}
			facts := encode(t, want.Facts)
			gotFacts, err := sojourn.ParseFacts(string(facts))
			if err != nil || gotFacts != want.Facts {
				t.Errorf("ParseFacts: got %+v, %v, want %+v", gotFacts, err, want.Facts)
			}

			for what, m := range map[string]encoding.BinaryMarshaler{string(record): want, string(facts): want.Facts} {
				if b, err := m.MarshalBinary(); string(b) != what || err != nil {
					t.Errorf("MarshalBinary differs from AppendBinary: %v", err)
				}
			}
			if b, err := want.AppendBinary([]byte("head")); string(b) != "head"+string(record) || err != nil {
				t.Errorf("AppendBinary does not append: %v", err)
			}
			if b, err := want.Facts.AppendBinary([]byte("head")); string(b) != "head"+string(facts) || err != nil {
				t.Errorf("AppendBinary of facts does not append: %v", err)
			}
		})
	}
}

// The bytes that the first release wrote are read for ever.
func TestCodec_goldenBytes(t *testing.T) {
	text, err := os.ReadFile("testdata/state-v1.hex")
	if err != nil {
		t.Fatal(err)
	}
	var record []byte
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		b, err := hex.DecodeString(strings.Join(strings.Fields(line), ""))
		if err != nil {
			t.Fatal(err)
		}
		record = append(record, b...)
	}
	if got := encode(t, goldenState()); !bytes.Equal(got, record) {
		t.Errorf("got\n%x\nwant\n%x", got, record)
	}
	if got, err := sojourn.ParseState(string(record)); err != nil || got != goldenState() {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestCodec_leavesTTLAndVersionOut(t *testing.T) {
	with := goldenState()
	with.TTL, with.Version = time.Hour, 7
	if !bytes.Equal(encode(t, with), encode(t, goldenState())) {
		t.Error("TTL or version are in the binary form")
	}
	got := sojourn.State{TTL: time.Hour, Version: 7}
	if err := got.UnmarshalBinary(encode(t, goldenState())); err != nil || got != with {
		t.Errorf("UnmarshalBinary: got %+v, %v, want %+v", got, err, with)
	}
}

func TestCodec_times(t *testing.T) {
	zone := time.FixedZone("east", 3*3600)
	now := time.Now() // with a monotonic reading, which must not survive
	for _, tt := range []struct{ in, want time.Time }{
		{time.Time{}, time.Time{}},
		{time.Time{}.In(zone), time.Time{}},
		{time.Unix(0, 0), time.Unix(0, 0).UTC()},
		{time.UnixMilli(-1), time.UnixMilli(-1).UTC()},
		{time.Date(1900, 1, 1, 0, 0, 0, 0, zone), time.Date(1899, 12, 31, 21, 0, 0, 0, time.UTC)},
		{time.Date(2026, 2, 3, 4, 5, 6, 789_999_999, zone), time.Date(2026, 2, 3, 1, 5, 6, 789e6, time.UTC)},
		{time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC), time.UnixMilli(-1).UTC()},
		{time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)},
		{time.Time{}.Add(time.Millisecond), time.Time{}.Add(time.Millisecond)},
		{now, time.UnixMilli(now.UnixMilli()).UTC()},
	} {
		for i := range 4 {
			var f sojourn.Facts
			*[]*time.Time{&f.Created, &f.Authenticated, &f.Deadline, &f.Renewed}[i] = tt.in
			got, err := sojourn.ParseFacts(string(encode(t, f)))
			if err != nil {
				t.Fatal(err)
			}
			for j, back := range []time.Time{got.Created, got.Authenticated, got.Deadline, got.Renewed} {
				want := time.Time{}
				if i == j {
					want = tt.want
				}
				if back != want {
					t.Errorf("time %d of %v: got %v, want %v", j, tt.in, back, want)
				}
			}
		}
	}
}

func TestCodec_damageIsRefused(t *testing.T) {
	for name, s := range sampleStates() {
		if name == "wide" {
			continue // the others show it at a tenth of the cost
		}
		for _, form := range []struct {
			name   string
			record []byte
			parse  func(string) error
		}{
			{"state", encode(t, s), func(r string) error { _, err := sojourn.ParseState(r); return err }},
			{"facts", encode(t, s.Facts), func(r string) error { _, err := sojourn.ParseFacts(r); return err }},
		} {
			if len(form.record) > 4096 {
				continue
			}
			t.Run(name+"/"+form.name, func(t *testing.T) {
				for n := range form.record {
					if err := form.parse(string(form.record[:n])); !errors.Is(err, sojourn.ErrCorrupt) {
						t.Errorf("the first %d of %d bytes: got %v", n, len(form.record), err)
					}
				}
				for bit := range 8 * len(form.record) {
					flipped := bytes.Clone(form.record)
					flipped[bit/8] ^= 1 << (bit % 8)
					want := sojourn.ErrCorrupt
					if flipped[0] > 1 {
						want = sojourn.ErrNewer
					}
					if err := form.parse(string(flipped)); !errors.Is(err, want) {
						t.Errorf("bit %d flipped: got %v, want %v", bit, err, want)
					}
				}
				for _, more := range []string{"\x00", "\x00\x00\x00\x00", string(form.record)} {
					if err := form.parse(string(form.record) + more); !errors.Is(err, sojourn.ErrCorrupt) {
						t.Errorf("%d bytes more: got %v", len(more), err)
					}
				}
			})
		}
	}
}

func TestCodec_version(t *testing.T) {
	record := encode(t, goldenState())
	for version := range 256 {
		want := sojourn.ErrNewer
		switch version {
		case 0:
			want = sojourn.ErrCorrupt
		case 1:
			want = nil
		}
		// A newer version may place or compute its checksum differently: ours must not decide. Version 0 was never written.
		for _, body := range [][]byte{record[1 : len(record)-4], []byte("whatever")} {
			if version == 1 && len(body) < 10 {
				continue
			}
			for _, sum := range []bool{true, false} {
				r := sealed(byte(version), body)
				if !sum && version != 1 {
					r = r[:len(r)-1] + "\x00"
				}
				if _, err := sojourn.ParseState(r); !errors.Is(err, want) {
					t.Errorf("version %d, checksum %t: got %v, want %v", version, sum, err, want)
				}
				var s sojourn.State
				if err := s.UnmarshalBinary([]byte(r)); !errors.Is(err, want) {
					t.Errorf("UnmarshalBinary of version %d: got %v, want %v", version, err, want)
				}
			}
		}
	}
}

func TestCodec_malformedButWithAChecksumIsRefused(t *testing.T) {
	times := strings.Repeat("\x00", 4*8)
	digest := strings.Repeat("\x11", 32)
	facts := "\x00\x00\x00\x00\x00" + times + digest
	if _, err := sojourn.ParseState(sealed(1, []byte(facts))); err != nil {
		t.Fatalf("the well-formed one: %v", err)
	}
	long := strings.Repeat("\xff", 9) // nine bytes of a varint
	for name, body := range map[string]string{
		"nothing":                      "",
		"flags only":                   "\x00",
		"an unknown flag":              "\x08" + facts[1:],
		"all flags":                    "\xff" + facts[1:] + digest,
		"previous announced, absent":   "\x04" + facts[1:],
		"generation of 33 bits":        "\x00\x80\x80\x80\x80\x10" + facts[2:],
		"generation not the shortest":  "\x00\x80\x00" + facts[2:],
		"generation without an end":    "\x00\x80",
		"realm longer than the rest":   "\x00\x00\x7f" + facts[3:],
		"realm of 2^64-1 bytes":        "\x00\x00" + long + "\x01" + facts[3:],
		"realm of more than 64 bits":   "\x00\x00" + strings.Repeat("\x80", 9) + "\x02" + facts[3:], // the rest is 0
		"realm with an endless length": "\x00\x00" + long + "\xff\x01" + facts[3:],
		"label cut":                    "\x00\x00\x00\x00\x04abc",
		"digest cut":                   facts[:len(facts)-1],
		"values: length only":          facts + "\x01",
		"values: name cut":             facts + "\x02\x00a",
		"values: text cut":             facts + "\x01\x02ab",
		"values: text of 2^64-1 bytes": facts + "\x01" + long + "\x01ab",
		"values: lengths that wrap":    facts + "\x01" + long + "\x01" + "\x01\x00a", // their sum is 0
		"values: length not shortest":  facts + "\x81\x00\x01ab",
		"values: text length likewise": facts + "\x01\x81\x00ab",
		"values: a name twice":         facts + "\x01\x01a1\x01\x01a1",
		"values: the empty name twice": facts + "\x00\x011\x00\x011",
		"values: out of order":         facts + "\x01\x01b1\x01\x01a1",
		"values: a byte left over":     facts + "\x01\x01a1\x01",
	} {
		t.Run(name, func(t *testing.T) {
			r := sealed(1, []byte(body))
			if s, err := sojourn.ParseState(r); !errors.Is(err, sojourn.ErrCorrupt) || s != (sojourn.State{}) {
				t.Errorf("ParseState: got %+v, %v", s, err)
			}
			if f, err := sojourn.ParseFacts(r); !errors.Is(err, sojourn.ErrCorrupt) || f != (sojourn.Facts{}) {
				t.Errorf("ParseFacts: got %+v, %v", f, err)
			}
			before := goldenState()
			s, f := before, before.Facts
			if err := s.UnmarshalBinary([]byte(r)); !errors.Is(err, sojourn.ErrCorrupt) || s != before {
				t.Errorf("State.UnmarshalBinary: got %+v, %v", s, err)
			}
			if err := f.UnmarshalBinary([]byte(r)); !errors.Is(err, sojourn.ErrCorrupt) || f != before.Facts {
				t.Errorf("Facts.UnmarshalBinary: got %+v, %v", f, err)
			}
		})
	}
}

func TestParseFacts_refusesAState(t *testing.T) {
	if _, err := sojourn.ParseFacts(string(encode(t, goldenState()))); !errors.Is(err, sojourn.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

func TestUnmarshalBinary_copies(t *testing.T) {
	record := encode(t, goldenState())
	facts := encode(t, goldenState().Facts)
	var s sojourn.State
	var f sojourn.Facts
	if err := errors.Join(s.UnmarshalBinary(record), f.UnmarshalBinary(facts)); err != nil {
		t.Fatal(err)
	}
	clear(record)
	clear(facts)
	if s != goldenState() || f != goldenState().Facts {
		t.Error("what was read changes with the bytes it was read from")
	}
}

func TestCodec_allocations(t *testing.T) {
	s := goldenState()
	s.Values = filled(40, 4096)
	record, facts := string(encode(t, s)), string(encode(t, s.Facts))
	buf := make([]byte, 0, 2*len(record))
	for name, f := range map[string]func(){
		"ParseState":         func() { _, _ = sojourn.ParseState(record) },
		"ParseFacts":         func() { _, _ = sojourn.ParseFacts(facts) },
		"State.AppendBinary": func() { _, _ = s.AppendBinary(buf) },
		"Facts.AppendBinary": func() { _, _ = s.Facts.AppendBinary(buf) },
	} {
		if got := testing.AllocsPerRun(100, f); got != 0 {
			t.Errorf("%s: %v allocations, want 0", name, got)
		}
	}
}

func BenchmarkCodec(b *testing.B) {
	for _, size := range []struct {
		name    string
		n, size int
	}{{"300B", 5, 300}, {"4KB", 40, 4096}} {
		s := goldenState()
		s.Values = filled(size.n, size.size)
		record := encode(b, s)
		text := string(record)
		b.Run(fmt.Sprintf("ParseState/%s", size.name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sojourn.ParseState(text); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("AppendBinary/%s", size.name), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				record, _ = s.AppendBinary(record[:0])
			}
		})
	}
}
