package sojourn_test

import (
	"encoding"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

var (
	_ encoding.TextAppender    = sojourn.ID{}
	_ encoding.TextMarshaler   = sojourn.ID{}
	_ encoding.TextUnmarshaler = (*sojourn.ID)(nil)
	_ fmt.Stringer             = sojourn.ID{}
)

const idText = "00ff7f80deadbeef0123456789abcdef"

func testID(t testing.TB) sojourn.ID {
	t.Helper()
	id, err := sojourn.ParseID(idText)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestNewID_isRandomInEveryByte(t *testing.T) {
	seen := make(map[sojourn.ID]bool)
	var or, and sojourn.ID
	for i := range and {
		and[i] = 0xff
	}
	const n = 1000
	for range n {
		id := sojourn.NewID()
		seen[id] = true
		for i, b := range id {
			or[i] |= b
			and[i] &= b
		}
	}
	if len(seen) != n {
		t.Errorf("%d different IDs of %d", len(seen), n)
	}
	// A bit that never changes in 1000 random IDs has a chance of 2^-999.
	for i := range or {
		if or[i] != 0xff || and[i] != 0 {
			t.Errorf("byte %d has bits that never change: %08b", i, or[i]&^and[i])
		}
	}
}

func TestID_hasOneTextForm(t *testing.T) {
	id := testID(t)
	if want := (sojourn.ID{0x00, 0xff, 0x7f, 0x80, 0xde, 0xad, 0xbe, 0xef, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef}); id != want {
		t.Errorf("ParseID: got %v, want %v", id, want)
	}
	if got := id.String(); got != idText {
		t.Errorf("String: got %q, want %q", got, idText)
	}
	if got, err := id.AppendText([]byte("id=")); string(got) != "id="+idText || err != nil {
		t.Errorf("AppendText: got %q, %v", got, err)
	}
	if got, err := id.MarshalText(); string(got) != idText || err != nil {
		t.Errorf("MarshalText: got %q, %v", got, err)
	}
	b, err := json.Marshal(map[sojourn.ID]sojourn.ID{id: id})
	if want := `{"` + idText + `":"` + idText + `"}`; string(b) != want || err != nil {
		t.Fatalf("JSON: got %s, %v, want %s", b, err, want)
	}
	var back map[sojourn.ID]sojourn.ID
	if err := json.Unmarshal(b, &back); err != nil || back[id] != id {
		t.Errorf("JSON and back: got %v, %v", back, err)
	}
}

func TestParseID_refusesOtherSpellings(t *testing.T) {
	for _, text := range []string{
		"", "0", idText[:31], idText + "0", idText[:31] + "\n", " " + idText[:31],
		strings.ToUpper(idText), idText[:31] + "F", "F" + idText[1:], idText[:31] + "g", "g" + idText[1:],
		idText[:30] + "é", "0x" + idText[:30], "00ff7f80-dead-beef-0123-456789abcdef",
		idText[:31] + "/", idText[:31] + ":", idText[:31] + "`", idText[:31] + "@", idText[:31] + "\x00", idText[:31] + "\xff",
	} {
		t.Run(fmt.Sprintf("%q", text), func(t *testing.T) {
			if id, err := sojourn.ParseID(text); err == nil || !id.IsZero() {
				t.Errorf("ParseID: got %v, %v, want the zero ID and an error", id, err)
			} else if msg := err.Error(); !strings.HasPrefix(msg, "sojourn: ") || strings.ContainsAny(msg, "\n\x00") {
				t.Errorf("error text %q", msg)
			}
			id := testID(t)
			if err := id.UnmarshalText([]byte(text)); err == nil || id != testID(t) {
				t.Errorf("UnmarshalText: got %v, %v, want an error and the ID as it was", id, err)
			}
		})
	}
}

func TestID_zeroNamesNoSession(t *testing.T) {
	if !(sojourn.ID{}).IsZero() || testID(t).IsZero() {
		t.Error("IsZero is wrong")
	}
	if id, err := sojourn.ParseID(strings.Repeat("0", 32)); err != nil || !id.IsZero() {
		t.Errorf("got %v, %v", id, err)
	}
	if last := (sojourn.ID{15: 1}); last.IsZero() {
		t.Error("an ID of one bit is zero")
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(idText)
	f.Add(strings.ToUpper(idText))
	f.Add(idText[:31])
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := sojourn.ParseID(text)
		const digits = "0123456789abcdef"
		if valid := len(text) == 32 && strings.Trim(text, digits) == ""; valid != (err == nil) {
			t.Fatalf("ParseID(%q): error %v, want one: %t", text, err, !valid)
		}
		if err == nil && id.String() != text {
			t.Fatalf("got %q, want %q", id, text)
		}
	})
}
