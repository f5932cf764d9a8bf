package sojourn_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// Names, values and labels that a client chose, and texts and packed values that a store hands out.

func FuzzParseValues(f *testing.F) {
	for _, v := range []sojourn.Values{{}, vals("a=1 b=2"), vals(strings.Repeat("n", 200) + "=" + strings.Repeat("1", 300))} {
		b, _ := v.AppendBinary(nil)
		f.Add(string(b))
	}
	f.Add("\x01\x01a1\x01\x01a2")
	f.Add("\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01a")
	f.Fuzz(func(t *testing.T, packed string) {
		v, err := sojourn.ParseValues(packed)
		if err != nil {
			if !errors.Is(err, sojourn.ErrCorrupt) || v != (sojourn.Values{}) {
				t.Fatalf("got %v, %v", v, err)
			}
			return
		}
		checkSorted(t, v)
		if b, _ := v.AppendBinary(nil); string(b) != packed {
			t.Fatalf("%q and back: got %q", packed, b)
		}
	})
}

// What a store says a value is: each type reads it as encoding/json does, but where two members of an object would be one
// field.
func FuzzStoredText(f *testing.F) {
	for _, text := range []string{
		`1`, `-0`, `+1`, `9007199254740993`, `1e3`, ` 1`, `"a"`, `"\u0000"`, "\"\xff\"", `true`, `null`, `[1,"x",{}]`, `{"Admin":true}`,
		`{"admin":false,"ADMIN":true}`, `{"ſ":1,"s":2}`, `{"a":{"b":1,"B":2}}`, strings.Repeat("[", 40), `1,"admin":true`, "",
		`"`, `x"`, `"x`, `{"a"`, `{"a":`, `[1`, `{1:2}`, `[[1,2],[3]]`, `{"S":1,"a":{"b":1`, "-", "-1", "1-", "0", "00", "9223372036854775808",
	} {
		f.Add(text)
	}
	st, m := newEverySession(f, sojourn.Config{Header: "Session-Key"})
	header := func(string) []string { return []string{fuzzToken(1)} }
	type form struct {
		Admin bool
		A     map[string]int
		S     int
	}
	f.Fuzz(func(t *testing.T, text string) {
		st.keys = nil
		st.state.Values = sojourn.CollectValues(func(yield func(name, text string) bool) { yield("v", text) })
		s, err := m.Begin(header).Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !s.Has("v") == (text != "") {
			t.Fatalf("%q: got Has %v", text, s.Has("v"))
		}
		reads[bool](t, s, text, true)
		reads[int](t, s, text, true)
		reads[int64](t, s, text, true)
		reads[uint8](t, s, text, true)
		reads[string](t, s, text, true)
		reads[map[string]any](t, s, text, true)
		reads[form](t, s, text, false)
		if b, err := s.Values().MarshalJSON(); err == nil && !json.Valid(b) || err == nil && text != "" && !json.Valid([]byte(text)) {
			t.Fatalf("%q: exported as %q", text, b)
		}
	})
}

// reads compares with encoding/json; unless exactly, a struct may be refused that it would fill.
func reads[T any](t *testing.T, s *sojourn.Session, text string, exactly bool) {
	t.Helper()
	var want T
	wantErr := json.Unmarshal([]byte(text), &want)
	got, ok := sojourn.Field[T]("v").Get(s)
	if ok && (wantErr != nil || !reflect.DeepEqual(got, want)) || !ok && wantErr == nil && exactly {
		t.Fatalf("%q as %T: got %v, %v, want %v, %v", text, want, got, ok, want, wantErr)
	}
	if !ok && !reflect.ValueOf(&got).Elem().IsZero() {
		t.Fatalf("%q as %T: refused, but got %v", text, want, got)
	}
}

// A name and a text from a form: kept exactly as encoding/json has them, or refused with the commit.
func FuzzSet(f *testing.F) {
	f.Add("name", "text")
	f.Add("", "text")
	f.Add("a\x00", "<script>")
	f.Add("\xff", "\xff")
	f.Add(strings.Repeat("é", 127)+"ab", "\u2028\"\\")
	f.Add(" ", strings.Repeat("x", 300))
	_, m := newEverySession(f, sojourn.Config{Header: "Session-Key"})
	f.Fuzz(func(t *testing.T, name, text string) {
		s, err := m.Begin(func(string) []string { return nil }).Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Set(name, text)
		fits := name != "" && len(name) <= 255 && utf8.ValidString(name) && !strings.Contains(name, "\x00")
		if (s.Err() == nil) != fits || s.Has(name) != fits {
			t.Fatalf("%q: got %v and Has %v", name, s.Err(), s.Has(name))
		}
		if !fits {
			return
		}
		want, _ := json.Marshal(text)
		if got := s.Values().Get(name); got != string(want) {
			t.Fatalf("%q: got %s, want %s", text, got, want)
		}
		var decoded string
		_ = json.Unmarshal(want, &decoded)
		if got, ok := sojourn.Field[string](name).Get(s); !ok || got != decoded {
			t.Fatalf("%q: got %q, %v", text, got, ok)
		}
		packed, _ := s.Values().AppendBinary(nil)
		if v, err := sojourn.ParseValues(string(packed)); err != nil || v != s.Values() {
			t.Fatalf("%q: got %v, %v", packed, v, err)
		}
	})
}

// filing is a store that files nothing and remembers what it was given.
type filing struct {
	sojourn.Store
	state sojourn.State
}

func (st *filing) Save(_ context.Context, state sojourn.State, _ time.Duration) (sojourn.Key, error) {
	st.state = state
	return sojourn.NewID().Key(), nil
}

// What a client calls itself: whatever comes, a list of devices can show it and a log keep it.
func FuzzLabel(f *testing.F) {
	for _, text := range []string{
		"Mozilla/5.0 (X11; Linux x86_64)", "<script>alert(1)</script>", "\x1b]0;owned\x07", "a\r\nSet-Cookie: x", "\u202egnp.exe", "\xff\xfe",
		strings.Repeat("é", 300), strings.Repeat("\u202e", 2000) + "tail", "=cmd|' /C calc'!A0", "\ufeff\u2066x\u2069", "\U000e0001", "a\u200db",
	} {
		f.Add(text)
	}
	st := &filing{Store: memstore.New(memstore.Config{})}
	m := newManager(f, st, sojourn.Config{Header: "Session-Key", Label: (*http.Request).UserAgent, Observe: func(context.Context, sojourn.Event) {}})
	f.Fuzz(func(t *testing.T, agent string) {
		label := labelOf(t, m, st, agent)
		if len(label) > 255 || !utf8.ValidString(label) {
			t.Fatalf("%q: got %d bytes %q", agent, len(label), label)
		}
		for _, r := range label {
			if unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || r == utf8.RuneError {
				t.Fatalf("%q: got %q with %U", agent, label, r)
			}
		}
		if again := labelOf(t, m, st, label); again != label {
			t.Fatalf("%q: got %q, and of that %q", agent, label, again)
		}
		rest := agent
		for _, r := range label {
			at := strings.IndexRune(rest, r)
			if at < 0 {
				t.Fatalf("%q: got %q, which is not a part of it", agent, label)
			}
			rest = rest[at+utf8.RuneLen(r):]
		}
	})
}

func labelOf(t *testing.T, m *sojourn.Manager, st *filing, agent string) string {
	t.Helper()
	v := m.Begin(func(name string) []string {
		if name == "User-Agent" {
			return []string{agent}
		}
		return nil
	})
	s, err := v.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Set("x", 1)
	if _, err := v.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return st.state.Facts.Label
}
