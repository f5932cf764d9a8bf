package sojourn_test

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// What is done to values, in any order, against a map. Each input is a script, so that every one of them says something.

// script hands out the bytes of an input, and zeros when there are none left.
type script []byte

func (s *script) next(n int) int {
	if len(*s) == 0 {
		return 0
	}
	b := int((*s)[0])
	*s = (*s)[1:]
	return b % n
}

// fuzzNames and fuzzTexts are at the edges of what is packed: empty, one a part of the other, and of one byte of length and
// two.
var (
	fuzzNames = []string{"a", "b", "", "ab", "a\x00", "é", "\xff", strings.Repeat("n", 127), strings.Repeat("n", 128), "c", "d", "B"}
	fuzzTexts = []string{"1", "2", "", "[]", "\x00", strings.Repeat("t", 127), strings.Repeat("t", 128), `"x"`}
)

func (s *script) fields(most int) map[string]string {
	m := map[string]string{}
	for range s.next(most + 1) {
		m[fuzzNames[s.next(len(fuzzNames))]] = fuzzTexts[s.next(len(fuzzTexts))]
	}
	return m
}

func (s *script) names(most int) (names []string) {
	for range s.next(most + 1) {
		names = append(names, fuzzNames[s.next(len(fuzzNames))])
	}
	return names
}

// FuzzPatchScript is FuzzPatchOracle without the way through JSON: State.With and Packed.With on any values.
func FuzzPatchScript(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{2, 0, 0, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1, 2, 9, 3, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, in []byte) {
		s := script(in)
		old := s.fields(8)
		p := sojourn.Patch{Generation: 1, Clear: s.next(3) == 1, Keep: s.names(3), Remove: s.names(3), Set: valuesOf(s.fields(6))}
		expect := s.fields(2)
		if s.next(2) == 0 { // what is there
			for name := range expect {
				expect[name] = old[name]
			}
		}
		p.Expect = valuesOf(expect)
		if s.next(2) == 1 {
			p.MaxSize, p.MaxNames = 2*s.next(256), s.next(10)
		}
		if s.next(16) == 1 {
			p.Generation = 2
			if _, err := (sojourn.State{Facts: sojourn.Facts{Generation: 1}, Values: valuesOf(old)}).With(p); err != sojourn.ErrConflict {
				t.Fatalf("another generation: got %v", err)
			}
			return
		}
		_ = checkAgainstOracle(t, old, p)
	})
}

// holding is a store of one session.
type holding struct {
	sojourn.Store
	state sojourn.State
}

func (st *holding) Load(context.Context, sojourn.Key) (sojourn.State, error) { return st.state, nil }

func (st *holding) Patch(_ context.Context, _ sojourn.Key, p sojourn.Patch, _ time.Duration) (err error) {
	st.state, err = st.state.With(p)
	return err
}

// What a handler does to a session's values is what it sees, what the store is told, and what encoding/json would write.
func FuzzChanges(f *testing.F) {
	f.Add([]byte{}, "text", int64(-1))
	f.Add([]byte{0, 0, 1, 1, 2, 0, 5, 3, 1, 4, 0, 6, 0, 3, 7, 2, 2, 1}, "<é\x00", int64(10))
	every, m := newEverySession(f, sojourn.Config{Header: "Session-Key"})
	st := &holding{Store: every}
	m = newManager(f, st, sojourn.Config{Header: "Session-Key", Realm: "fuzz", Now: newClock().Now, Observe: func(context.Context, sojourn.Event) {}})
	header := func(string) []string { return []string{fuzzToken(1)} }
	names := []string{"a", "b", "ab", "é", strings.Repeat("n", 128), "c", "d", "e", "f", "g"}
	f.Fuzz(func(t *testing.T, in []byte, text string, number int64) {
		if len(in) > 200 || len(text) > 1000 {
			return // the limits of one session are not looked at here
		}
		st.state = every.state
		want := map[string]string{}
		is := func(name string, v any) {
			b, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			want[name] = string(b)
		}
		v := m.Begin(header)
		s, err := v.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for todo := script(in); len(todo) > 0; {
			do, name := todo.next(14), names[todo.next(len(names))]
			switch do {
			case 0:
				sojourn.Field[string](name).Set(s, text)
				is(name, text)
			case 1:
				s.Set(name, text)
				is(name, text)
			case 2:
				sojourn.Field[int64](name).Set(s, number)
				is(name, number)
			case 3:
				s.Set(name, uint64(number))
				is(name, uint64(number))
			case 4:
				sojourn.Field[uint64](name).Set(s, uint64(number))
				is(name, uint64(number))
			case 5:
				s.Set(name, int(number))
				is(name, int(number))
			case 6:
				sojourn.Field[bool](name).Set(s, number < 0)
				is(name, number < 0)
			case 7:
				sojourn.Field[[]string](name).Set(s, []string{text})
				is(name, []string{text})
			case 8:
				sojourn.Field[int](name).Update(s, func(n int) int { return n + 1 })
				var old int
				_ = json.Unmarshal([]byte(want[name]), &old)
				is(name, old+1)
			case 9, 10:
				s.Remove(name)
				delete(want, name)
			case 11:
				s.Clear()
				clear(want)
			case 12:
				if err := s.Commit(t.Context()); err != nil {
					t.Fatal(err)
				}
				checkValues(t, st.state.Values, want)
			case 13:
				if got := s.Values(); got != valuesOf(want) {
					t.Fatalf("got %q, want %q", maps.Collect(got.All()), want)
				}
			}
			if got := s.Has(name); got != (want[name] != "") {
				t.Fatalf("%q: got Has %v of %q", name, got, want)
			}
		}
		if _, err := v.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		checkValues(t, st.state.Values, want)
		if s.Values() != st.state.Values {
			t.Fatalf("got %q, the store has %q", maps.Collect(s.Values().All()), want)
		}
	})
}
