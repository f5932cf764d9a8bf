package sojourn_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// fields is a short way to write values: "a=1 b=2", and "c=" for an empty text.
func fields(s string) map[string]string {
	m := make(map[string]string)
	for _, field := range strings.Fields(s) {
		name, text, _ := strings.Cut(field, "=")
		m[name] = text
	}
	return m
}

func vals(s string) sojourn.Values { return valuesOf(fields(s)) }

func TestWith(t *testing.T) {
	for _, tt := range []struct {
		name  string
		state string
		patch sojourn.Patch
		want  string
	}{
		{"nothing", "a=1", sojourn.Patch{}, "a=1"},
		{"nothing of nothing", "", sojourn.Patch{}, ""},
		{"set a new name before, between and after", "b=1 d=2", sojourn.Patch{Set: vals("a=3 c=4 e=5")}, "a=3 b=1 c=4 d=2 e=5"},
		{"set what is there", "a=1 b=2", sojourn.Patch{Set: vals("a=3 b=4")}, "a=3 b=4"},
		{"set on nothing", "", sojourn.Patch{Set: vals("a=1")}, "a=1"},
		{"remove", "a=1 b=2 c=3", sojourn.Patch{Remove: []string{"b"}}, "a=1 c=3"},
		{"remove the last", "a=1", sojourn.Patch{Remove: []string{"a"}}, ""},
		{"remove the absent", "a=1", sojourn.Patch{Remove: []string{"b", "b", ""}}, "a=1"},
		{"set after remove", "a=1 b=2", sojourn.Patch{Remove: []string{"a", "b"}, Set: vals("a=3")}, "a=3"},
		{"clear", "a=1 b=2", sojourn.Patch{Clear: true}, ""},
		{"clear and set", "a=1 b=2", sojourn.Patch{Clear: true, Set: vals("b=3 c=4")}, "b=3 c=4"},
		{"clear but keep", "a=1 b=2 c=3", sojourn.Patch{Clear: true, Keep: []string{"b", "absent"}}, "b=2"},
		{"keep without clear", "a=1 b=2", sojourn.Patch{Keep: []string{"b"}}, "a=1 b=2"},
		{"remove what clear kept", "a=1 b=2 c=3", sojourn.Patch{Clear: true, Keep: []string{"a", "b"}, Remove: []string{"b"}}, "a=1"},
		{"clear, keep, remove and set", "a=1 b=2 c=3 d=4", sojourn.Patch{Clear: true, Keep: []string{"a", "b", "c"}, Remove: []string{"b", "c"}, Set: vals("c=5 e=6")}, "a=1 c=5 e=6"},
		{"set over kept", "a=1 b=2", sojourn.Patch{Clear: true, Keep: []string{"a"}, Set: vals("a=3")}, "a=3"},
		{"set empty is absent", "a=1 b=2", sojourn.Patch{Set: vals("a= c=")}, "b=2"},
		{"set only empty after clear", "a=1", sojourn.Patch{Clear: true, Set: vals("a= b=")}, ""},
		{"an empty text already there stays", "a= b=2", sojourn.Patch{Set: vals("b=3")}, "a= b=3"},
		{"expected is there", "a=1 b=2", sojourn.Patch{Expect: vals("a=1"), Set: vals("a=2")}, "a=2 b=2"},
		{"expected absent", "a=1", sojourn.Patch{Expect: vals("b="), Set: vals("b=2")}, "a=1 b=2"},
		{"expect looks at what is before", "a=1", sojourn.Patch{Expect: vals("a=1"), Remove: []string{"a"}}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := stateOf(tt.state)
			after, err := before.With(tt.patch)
			if err != nil {
				t.Fatal(err)
			}
			checkValues(t, after.Values, fields(tt.want))
			before.Values, after.Values = sojourn.Values{}, sojourn.Values{}
			if after != before {
				t.Errorf("more than the values changed: %+v, want %+v", after, before)
			}
		})
	}
}

func stateOf(s string) sojourn.State {
	return sojourn.State{
		Facts:  sojourn.Facts{Realm: "shop", Subject: "ada", Generation: 0, Digest: [32]byte{1}},
		Values: vals(s), TTL: time.Hour, Version: 9,
	}
}

func TestWith_refusedChangesNothing(t *testing.T) {
	set := vals("new=1")
	for _, tt := range []struct {
		name  string
		patch sojourn.Patch
		want  error
	}{
		{"another generation", sojourn.Patch{Generation: 1, Set: set}, sojourn.ErrConflict},
		{"another generation, nothing to do", sojourn.Patch{Generation: 1}, sojourn.ErrConflict},
		{"another text", sojourn.Patch{Expect: vals("a=2"), Set: set}, sojourn.ErrConflict},
		{"longer text", sojourn.Patch{Expect: vals("a=11"), Set: set}, sojourn.ErrConflict},
		{"expected but absent", sojourn.Patch{Expect: vals("c=1"), Set: set}, sojourn.ErrConflict},
		{"there but expected absent", sojourn.Patch{Expect: vals("a="), Set: set}, sojourn.ErrConflict},
		{"one of three", sojourn.Patch{Expect: vals("a=1 b=2 c=3"), Set: set}, sojourn.ErrConflict},
		{"conflict before size", sojourn.Patch{Expect: vals("a=2"), Set: set, MaxSize: 1}, sojourn.ErrConflict},
		{"too large", sojourn.Patch{Set: set, MaxSize: 7}, sojourn.ErrTooLarge},
		{"too many", sojourn.Patch{Set: set, MaxNames: 2}, sojourn.ErrTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := stateOf("a=1 b=2")
			if after, err := before.With(tt.patch); !errors.Is(err, tt.want) || after != before {
				t.Errorf("got %+v, %v, want the state as it was and %v", after, err, tt.want)
			}
		})
	}
}

func TestWith_generation(t *testing.T) {
	s := stateOf("a=1")
	s.Facts.Generation = 1<<32 - 1
	for generation, ok := range map[uint32]bool{0: false, 1<<32 - 2: false, 1<<32 - 1: true} {
		if _, err := s.With(sojourn.Patch{Generation: generation}); (err == nil) != ok {
			t.Errorf("generation %d: got %v", generation, err)
		}
	}
}

func TestWith_limits(t *testing.T) {
	// "a=1 b=2" has 4 bytes and 2 names; with "cc=3" 7 and 3.
	for _, tt := range []struct {
		name         string
		state        string
		patch        sojourn.Patch
		size, names  int
		wantTooLarge bool
	}{
		{"one byte below", "a=1 b=2", sojourn.Patch{Set: vals("cc=3")}, 8, 0, false},
		{"exactly full", "a=1 b=2", sojourn.Patch{Set: vals("cc=3")}, 7, 0, false},
		{"one byte over", "a=1 b=2", sojourn.Patch{Set: vals("cc=3")}, 6, 0, true},
		{"one name below", "a=1 b=2", sojourn.Patch{Set: vals("cc=3")}, 0, 4, false},
		{"exactly all names", "a=1 b=2", sojourn.Patch{Set: vals("cc=3")}, 0, 3, false},
		{"one name over", "a=1 b=2", sojourn.Patch{Set: vals("cc=3")}, 0, 2, true},
		{"no limit", "a=1 b=2", sojourn.Patch{Set: vals("cc=3")}, 0, 0, false},
		{"what is removed makes room", "a=1 b=2", sojourn.Patch{Remove: []string{"a"}, Set: vals("c=3")}, 4, 2, false},
		{"over before, shrinks and is still over", "a=1234 b=5", sojourn.Patch{Set: vals("a=123")}, 4, 0, false},
		{"over before, stays as large", "a=1234 b=5", sojourn.Patch{Set: vals("a=5678")}, 4, 0, true},
		{"over before, grows", "a=1234 b=5", sojourn.Patch{Set: vals("a=12345")}, 4, 0, true},
		{"too many before, fewer but still too many", "a=1 b=2 c=3", sojourn.Patch{Remove: []string{"a"}}, 0, 1, false},
		{"too many before, as many", "a=1 b=2 c=3", sojourn.Patch{Remove: []string{"a"}, Set: vals("d=1")}, 0, 1, true},
		{"size shrinks, names do not", "a=123 b=2", sojourn.Patch{Set: vals("a=1")}, 3, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.patch.MaxSize, tt.patch.MaxNames = tt.size, tt.names
			if _, err := stateOf(tt.state).With(tt.patch); errors.Is(err, sojourn.ErrTooLarge) != tt.wantTooLarge {
				t.Errorf("got %v, want too large: %t", err, tt.wantTooLarge)
			}
		})
	}
}

func TestWith_leavesThePatchAlone(t *testing.T) {
	p := sojourn.Patch{Clear: true, Keep: []string{"b", "a"}, Remove: []string{"z", "b"}, Set: vals("c=1")}
	if _, err := stateOf("a=1 b=2").With(p); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.Keep, []string{"b", "a"}) || !slices.Equal(p.Remove, []string{"z", "b"}) || p.Set != vals("c=1") {
		t.Errorf("the patch is now %+v", p)
	}
}

// oracle is State.With on a map, step by step.
func oracle(old map[string]string, generation uint32, p sojourn.Patch) (map[string]string, error) {
	if p.Generation != generation {
		return nil, sojourn.ErrConflict
	}
	for name, text := range p.Expect.All() {
		if old[name] != text {
			return nil, sojourn.ErrConflict
		}
	}
	after := maps.Clone(old)
	if p.Clear {
		maps.DeleteFunc(after, func(name, _ string) bool { return !slices.Contains(p.Keep, name) })
	}
	for _, name := range p.Remove {
		delete(after, name)
	}
	for name, text := range p.Set.All() {
		delete(after, name)
		if text != "" {
			after[name] = text
		}
	}
	size := func(m map[string]string) (n int) {
		for name, text := range m {
			n += len(name) + len(text)
		}
		return n
	}
	if p.MaxSize > 0 && size(after) > p.MaxSize && size(after) >= size(old) ||
		p.MaxNames > 0 && len(after) > p.MaxNames && len(after) >= len(old) {
		return nil, sojourn.ErrTooLarge
	}
	return after, nil
}

func checkAgainstOracle(t *testing.T, old map[string]string, p sojourn.Patch) error {
	t.Helper()
	before := sojourn.State{Facts: sojourn.Facts{Generation: 1}, Values: valuesOf(old), TTL: 5, Version: 6}
	got, err := before.With(p)
	checkPacked(t, before, p, got, err)
	want, wantErr := oracle(old, 1, p)
	if !errors.Is(err, wantErr) {
		t.Fatalf("%q with %+v: got error %v, want %v", old, p, err, wantErr)
	}
	if err != nil {
		if got != before {
			t.Fatalf("%q with %+v: refused, but got %q", old, p, maps.Collect(got.Values.All()))
		}
		return err
	}
	checkValues(t, got.Values, want)
	if got.Facts != before.Facts || got.TTL != 5 || got.Version != 6 {
		t.Fatalf("more than the values changed: %+v", got)
	}
	return nil
}

// checkPacked holds Packed.With to what State.With said.
func checkPacked(t *testing.T, before sojourn.State, p sojourn.Patch, want sojourn.State, wantErr error) {
	t.Helper()
	packed := before.Pack(6)
	after, err := packed.With(p, 300)
	if !errors.Is(err, wantErr) {
		t.Fatalf("packed: got error %v, want %v", err, wantErr)
	}
	if err != nil {
		if after != (sojourn.Packed{}) {
			t.Fatal("packed: an error, and something else beside it")
		}
		return
	}
	want.TTL, want.Version = 0, 300
	if got := after.State(); got != want {
		t.Fatalf("packed: got %+v, want %+v", got, want)
	}
	want.Values, want.Version = before.Values, 6
	if packed.State() != want {
		t.Fatal("packed: the state before has changed")
	}
}

func TestWith_randomAgainstAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	names := []string{"", "a", "a\x00", "ab", "b", "é", "\xff", strings.Repeat("n", 127), strings.Repeat("n", 128)}
	texts := []string{"", "1", "2", "[]", "\x00", strings.Repeat("t", 126), strings.Repeat("t", 130)}
	pick := func(most int) map[string]string {
		m := make(map[string]string)
		for range rng.IntN(most + 1) {
			m[names[rng.IntN(len(names))]] = texts[rng.IntN(len(texts))]
		}
		return m
	}
	results := make(map[error]int)
	for range 20000 {
		old := pick(6)
		p := sojourn.Patch{
			Generation: 1, Clear: rng.IntN(3) == 0, Keep: slices.Collect(maps.Keys(pick(3))),
			Remove: slices.Collect(maps.Keys(pick(3))), Set: valuesOf(pick(4)),
		}
		if rng.IntN(20) == 0 {
			p.Generation = rng.Uint32N(3)
		}
		if rng.IntN(3) == 0 {
			expect := pick(1)
			for name := range expect {
				expect[name] = old[name]
			}
			if rng.IntN(4) == 0 {
				expect = pick(2)
			}
			p.Expect = valuesOf(expect)
		}
		if rng.IntN(2) == 0 {
			p.MaxNames = rng.IntN(5)
			p.MaxSize = rng.IntN(400)
		}
		results[checkAgainstOracle(t, old, p)]++
	}
	for _, err := range []error{nil, sojourn.ErrConflict, sojourn.ErrTooLarge} {
		if results[err] < 1000 {
			t.Errorf("only %d cases end with %v", results[err], err)
		}
	}
}

func FuzzPatchOracle(f *testing.F) {
	f.Add(`{"a":"1","b":"2"}`, `{"a":"1"}`, `["a"]`, `["b"]`, `{"c":"3"}`, true, 100, 2)
	f.Add(`{}`, `{"a":""}`, `[]`, `[]`, `{"a":"1"}`, false, 0, 0)
	f.Add(`{"a":"123","b":"2"}`, `{}`, `null`, `["x"]`, `{"a":"12","b":""}`, false, 3, 1)
	f.Fuzz(func(t *testing.T, old, expect, keep, remove, set string, wipe bool, maxSize, maxNames int) {
		var state, expected, setting map[string]string
		p := sojourn.Patch{Generation: 1, Clear: wipe, MaxSize: maxSize, MaxNames: maxNames}
		for _, in := range []struct {
			text string
			into any
		}{{old, &state}, {expect, &expected}, {keep, &p.Keep}, {remove, &p.Remove}, {set, &setting}} {
			if json.Unmarshal([]byte(in.text), in.into) != nil {
				return
			}
		}
		p.Expect, p.Set = valuesOf(expected), valuesOf(setting)
		if state == nil {
			state = map[string]string{}
		}
		_ = checkAgainstOracle(t, state, p)
	})
}

func BenchmarkWith(b *testing.B) {
	for _, size := range []struct {
		name    string
		n, size int
	}{{"300B", 5, 300}, {"4KB", 40, 4096}} {
		s := sojourn.State{Values: filled(size.n, size.size)}
		for _, op := range []struct {
			name  string
			patch sojourn.Patch
		}{
			{"set", sojourn.Patch{Set: vals("name-03=1")}},
			{"expect", sojourn.Patch{Expect: sojourn.CollectValues(pairs("name-03", s.Values.Get("name-03"))), Set: vals("name-03=1")}},
			{"remove", sojourn.Patch{Remove: []string{"name-03"}}},
		} {
			op.patch.MaxSize, op.patch.MaxNames = 64<<10, 256
			b.Run(fmt.Sprintf("%s/%s", op.name, size.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.With(op.patch); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
