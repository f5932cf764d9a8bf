package postgresstore

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

func TestValues_roundTrip(t *testing.T) {
	for name, pairs := range map[string]map[string]string{
		"none":     {},
		"empty":    {"": "", "a": ""},
		"quotes":   {`a"b\c/d`: `{"a":"\"\\\/"}`},
		"controls": {"\x01\x1f\b\f\n\r\t\x7f": "\x02\x0b\x0c\x0d"},
		"unicode":  {"é日本🦊\u2028\ufeff\uffff": `"\u0000\ud83e\udd8a\ud800"`},
		"many":     {"a": "1", "b": "2", "cc": "3", "d": strings.Repeat(`\"`, 5000)},
	} {
		want := sojourn.CollectValues(maps.All(pairs))
		object, err := encodeValues(want.All())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got, err := decodeValues(object)
		if err != nil || got != want {
			t.Errorf("%s: got %#v, %v", name, got, err)
		}
		// What the engine will read must be the same to a reader that is not ours.
		var standard map[string]string
		if err := json.Unmarshal([]byte(object), &standard); err != nil || !maps.Equal(standard, pairs) {
			t.Errorf("%s: encoding/json reads %q, %v", name, standard, err)
		}
	}
}

func TestValues_thatTheEngineCannotHold_areRefused(t *testing.T) {
	for _, bad := range []string{"\x00", "a\x00b", "\xff", "\xed\xa0\x80"} {
		for _, pair := range []map[string]string{{bad: "1"}, {"a": bad}} {
			if _, err := encodeValues(maps.All(pair)); !errors.Is(err, errNoText) {
				t.Errorf("%q: got %v", pair, err)
			}
		}
	}
}

func TestValues_ofSomebodyElse_areCorrupt(t *testing.T) {
	for _, object := range []string{
		``, `null`, `[]`, `["a"]`, `"a"`, `1`, `{`, `{}}`, `{"a"}`, `{"a":}`, `{"a":1}`, `{"a":null}`, `{"a":{}}`, `{"a":["1"]}`, `{"a":"1",}`,
		`{"a":"1" "b":"2"}`, `{"a":"1"`, `{"a":"1`, `{"a":"\`, `{"a":"\x"}`, `{"a":"\u"}`, `{"a":"\u0"}`, `{"a":"\u00g0"}`, `{"a":"\u002g"}`, `{"a":"\u1234"}`,
		`{,}`, `{"a":"1"} x`, `{a:"1"}`, `{"a":"\u000:"}`,
	} {
		if got, err := decodeValues(object); !errors.Is(err, sojourn.ErrCorrupt) || got != (sojourn.Values{}) {
			t.Errorf("%s: got %v, %v, want ErrCorrupt", object, got, err)
		}
	}
}

// FuzzDecodeValues: what is read is what encoding/json reads, and what was written comes back.
func FuzzDecodeValues(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a": "1", "b": "\"\\\n\u0001"}`, `{"a":1}`, ` { "" : "" } `, `{"a":"1","a":"2"}`, `{"a":"\u001F"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, object string) {
		got, err := decodeValues(object)
		if err != nil || !isText(object) {
			return
		}
		var standard map[string]string
		if err := json.Unmarshal([]byte(object), &standard); err != nil {
			// Control characters inside a string are the one thing that the engine would not print either.
			if !strings.ContainsFunc(object, func(r rune) bool { return r < ' ' }) {
				t.Fatalf("%q: read as %#v, by encoding/json not: %v", object, got, err)
			}
			return
		}
		if read := maps.Collect(got.All()); !maps.Equal(read, standard) {
			t.Fatalf("%q: got %q, encoding/json %q", object, read, standard)
		}
		again, err := encodeValues(got.All())
		if err != nil {
			return
		}
		if back, err := decodeValues(again); err != nil || back != got {
			t.Fatalf("%q: came back as %#v, %v", object, back, err)
		}
	})
}
