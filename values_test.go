package sojourn_test

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

func valuesOf(fields map[string]string) sojourn.Values {
	return sojourn.CollectValues(maps.All(fields))
}

// filled returns n values of names like "name-07", together about size bytes.
func filled(n, size int) sojourn.Values {
	fields := make(map[string]string)
	for i := range n {
		fields[fmt.Sprintf("name-%02d", i)] = `"` + strings.Repeat("x", size/n-len("name-00")-2) + `"`
	}
	return valuesOf(fields)
}

// oddTexts are names and texts that a careless packing would damage.
func oddTexts() []string {
	return []string{
		"", "\x00", "\x00\x00", "\x7f", "\x80", "\xff\xff", "a", "a\x00", "a\x00b", "ab", "b", "B", "é", "日本", "\xc3", "\n",
		`"`, `\`, "<script>", strings.Repeat("a", 126), strings.Repeat("a", 127), strings.Repeat("a", 128), strings.Repeat("a", 129),
		strings.Repeat("\xff", 255), strings.Repeat("a", 16383), strings.Repeat("a", 16384), strings.Repeat("b", 1<<21),
	}
}

func checkValues(t *testing.T, v sojourn.Values, want map[string]string) {
	t.Helper()
	if got := maps.Collect(v.All()); !maps.Equal(got, want) {
		t.Fatalf("All: got %.200q, want %.200q", got, want)
	}
	size := 0
	for name, text := range want {
		size += len(name) + len(text)
		if got := v.Get(name); got != text {
			t.Fatalf("Get(%.40q): got %.200q, want %.200q", name, got, text)
		}
		if _, ok := want[name+"\x00"]; !ok && v.Get(name+"\x00") != "" {
			t.Fatalf("Get finds %.40q and a zero byte", name)
		}
	}
	if v.Len() != len(want) || v.Size() != size {
		t.Fatalf("got Len %d and Size %d, want %d and %d", v.Len(), v.Size(), len(want), size)
	}
	var names []string
	for name := range v.All() {
		names = append(names, name)
	}
	if !slices.IsSorted(names) {
		t.Fatalf("names are not in byte order: %.200q", names)
	}
	if v != valuesOf(want) {
		t.Fatalf("%v is not == to the same values collected anew", v)
	}
}

func TestValues_zeroIsEmpty(t *testing.T) {
	var v sojourn.Values
	checkValues(t, v, nil)
	checkValues(t, valuesOf(nil), nil)
	if v.Get("") != "" || v.String() != "[]" {
		t.Errorf("got %q, %q", v.Get(""), v.String())
	}
}

func TestValues_keepsArbitraryBytes(t *testing.T) {
	all := oddTexts()
	fields := make(map[string]string)
	for i, name := range all {
		text := all[(i*7+3)%len(all)]
		checkValues(t, valuesOf(map[string]string{name: text}), map[string]string{name: text})
		fields[name] = text
	}
	checkValues(t, valuesOf(fields), fields)
}

func TestValues_sameContentIsEqual(t *testing.T) {
	a := sojourn.CollectValues(pairs("b", "2", "a", "1", "c", "3"))
	b := sojourn.CollectValues(pairs("c", "3", "a", "1", "b", "2"))
	if a != b {
		t.Errorf("%v != %v", a, b)
	}
	if a == sojourn.CollectValues(pairs("b", "2", "a", "1", "c", "4")) || a == sojourn.CollectValues(pairs("b", "2", "a", "1")) {
		t.Error("different values are equal")
	}
	// Moving a byte from a name to its text must show.
	if sojourn.CollectValues(pairs("ab", "c")) == sojourn.CollectValues(pairs("a", "bc")) {
		t.Error("the bounds between names and texts are lost")
	}
}

// pairs yields names and texts in the order given, repetitions included.
func pairs(s ...string) func(yield func(name, text string) bool) {
	return func(yield func(name, text string) bool) {
		for i := 0; i < len(s); i += 2 {
			if !yield(s[i], s[i+1]) {
				return
			}
		}
	}
}

func TestCollectValues_lastOfARepeatedNameCounts(t *testing.T) {
	for _, tt := range []struct {
		seq  []string
		want map[string]string
	}{
		{[]string{"a", "1", "a", "2"}, map[string]string{"a": "2"}},
		{[]string{"a", "1", "a", "2", "a", "3"}, map[string]string{"a": "3"}},
		{[]string{"b", "1", "a", "2", "b", "3", "c", "4", "a", "5"}, map[string]string{"a": "5", "b": "3", "c": "4"}},
		{[]string{"a", "2", "b", "x", "a", ""}, map[string]string{"a": "", "b": "x"}},
		{[]string{"", "1", "", "2"}, map[string]string{"": "2"}},
	} {
		checkValues(t, sojourn.CollectValues(pairs(tt.seq...)), tt.want)
	}
	// More than a dozen elements, where an unstable sort would swap equal ones.
	var seq []string
	want := make(map[string]string)
	for i := range 500 {
		name, text := fmt.Sprint(i%17), fmt.Sprint(i)
		seq, want[name] = append(seq, name, text), text
	}
	checkValues(t, sojourn.CollectValues(pairs(seq...)), want)
}

func TestValues_randomAgainstAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	alphabet := oddTexts()[:24]
	for range 2000 {
		fields := make(map[string]string)
		for range rng.IntN(12) {
			fields[alphabet[rng.IntN(len(alphabet))]] = alphabet[rng.IntN(len(alphabet))]
		}
		v := valuesOf(fields)
		checkValues(t, v, fields)
		for _, name := range alphabet {
			if got := v.Get(name); got != fields[name] {
				t.Fatalf("Get(%q): got %q, want %q", name, got, fields[name])
			}
		}
	}
}

func TestValues_allStopsWhenAsked(t *testing.T) {
	count := 0
	for range filled(10, 300).All() {
		if count++; count == 3 {
			break
		}
	}
	if count != 3 {
		t.Errorf("got %d, want 3", count)
	}
}

func TestValues_printsNamesOnly(t *testing.T) {
	v := valuesOf(map[string]string{"cart": `"s3cret"`, "age": "42"})
	for format, want := range map[string]string{
		"%v": "[age cart]", "%+v": "[age cart]", "%s": "[age cart]", "%#v": "sojourn.Values[age cart]",
	} {
		if got := fmt.Sprintf(format, v); got != want {
			t.Errorf("%s: got %q, want %q", format, got, want)
		}
	}
	for _, handler := range []func(*strings.Builder) slog.Handler{
		func(b *strings.Builder) slog.Handler { return slog.NewTextHandler(b, nil) },
		func(b *strings.Builder) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var b strings.Builder
		slog.New(handler(&b)).Info("loaded", "values", v)
		if got := b.String(); strings.Contains(got, "s3cret") || !strings.Contains(got, "[age cart]") {
			t.Errorf("logged %q", got)
		}
	}
}

func TestValues_readingAllocatesNothing(t *testing.T) {
	for last, v := range map[string]sojourn.Values{"name-04": filled(5, 300), "name-39": filled(40, 4096)} {
		for what, read := range map[string]func(){
			"Get first":  func() { _ = v.Get("name-00") },
			"Get last":   func() { _ = v.Get(last) },
			"Get absent": func() { _ = v.Get("nobody") },
			"Len":        func() { _ = v.Len() },
			"Size":       func() { _ = v.Size() },
			"All": func() {
				for n, text := range v.All() {
					_, _ = n, text
				}
			},
			"==": func() { _ = v == (sojourn.Values{}) },
		} {
			if got := testing.AllocsPerRun(100, read); got != 0 {
				t.Errorf("%s of %d bytes: %v allocations, want 0", what, v.Size(), got)
			}
		}
	}
}

func BenchmarkValues(b *testing.B) {
	for _, size := range []struct {
		name    string
		n, size int
	}{{"300B", 5, 300}, {"4KB", 40, 4096}} {
		v := filled(size.n, size.size)
		fields := maps.Collect(v.All())
		last := fmt.Sprintf("name-%02d", size.n-1)
		b.Run("Get/"+size.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if v.Get(last) == "" {
					b.Fatal("absent")
				}
			}
		})
		b.Run("CollectValues/"+size.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = valuesOf(fields)
			}
		})
	}
}

// The packed form alone, for whoever frames it: what AppendBinary wrote comes back, and nothing else is taken.
func TestParseValues_readsWhatAppendBinaryWrote(t *testing.T) {
	for _, v := range []sojourn.Values{{}, valuesOf(map[string]string{"a": "1"}), filled(9, 4000), valuesOf(map[string]string{"": "x", "b": ""})} {
		b, err := v.AppendBinary([]byte("head"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := sojourn.ParseValues(string(b[4:]))
		if err != nil || got != v || string(b[:4]) != "head" {
			t.Errorf("got %v and %v, want %v", got, err, v)
		}
	}
	for _, packed := range []string{"\x01", "\x01\x01a", "\x01\x01b1\x01\x01a1", "\x01\x01a1\x01\x01a1", "\x81\x00\x01a1", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x00a"} {
		if got, err := sojourn.ParseValues(packed); !errors.Is(err, sojourn.ErrCorrupt) {
			t.Errorf("%q: got %v and %v, want %v", packed, got, err, sojourn.ErrCorrupt)
		}
	}
}

// A handler may keep every field of a long form. Their number changes how a name is found, and nothing else.
func TestSession_manyNames(t *testing.T) {
	r := newRig(t, newRigStore(), sojourn.Config{MaxNames: 1000})
	_, s := r.open("")
	rnd := rand.New(rand.NewPCG(1, 2))
	want := map[string]string{}
	for i := range 5000 {
		name := fmt.Sprint("name", rnd.IntN(300))
		switch {
		case rnd.IntN(4) == 0:
			s.Remove(name)
			delete(want, name)
		case rnd.IntN(8) == 0:
			n, _ := strconv.Atoi(want[name])
			sojourn.Field[int](name).Update(s, func(n int) int { return n + 1 })
			want[name] = fmt.Sprint(n + 1)
		case rnd.IntN(1000) == 0:
			s.Clear()
			clear(want)
		default:
			s.Set(name, i)
			want[name] = fmt.Sprint(i)
		}
		if got := s.Values().Get(name); got != want[name] {
			t.Fatalf("step %d: %s is %q, want %q", i, name, got, want[name])
		}
	}
	got := map[string]string{}
	for name, text := range s.Values().All() {
		got[name] = text
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %d values, want %d: %v, %v", len(got), len(want), got, want)
	}
	s.Set("name7", 7)
	s.Login("alice", "name7", "name8")
	s.Set("name8", 8)
	s.Set("name9", 9)
	if got, want := s.Values(), valuesOf(map[string]string{"name7": "7", "name8": "8", "name9": "9"}); got != want {
		t.Errorf("after a login that keeps two: got %d values, want three", got.Len())
	}
}
