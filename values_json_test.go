package sojourn_test

import (
	"encoding/json"
	"maps"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sojourn-go/sojourn"
)

func TestValuesJSON_roundTrip(t *testing.T) {
	fields := map[string]string{
		"max":    strconv.FormatInt(math.MaxInt64, 10),
		"min":    strconv.FormatInt(math.MinInt64, 10),
		"umax":   strconv.FormatUint(math.MaxUint64, 10),
		"odd":    "9007199254740993", // 2^53 + 1, no float64
		"float":  "1.10E+2",
		"text":   `"tab\t, nul \u0000, é, 日本, "`,
		"object": `{"z":1,"a":[true,false,null],"z":2}`,
		"null":   "null",
		"":       "0",
		`"\<>&`:  "[]",
		"日本":     "{}",
		"\u2028": "1",
	}
	v := valuesOf(fields)
	direct, err := v.MarshalJSON()
	if err != nil || !json.Valid(direct) {
		t.Fatalf("MarshalJSON: %s, %v", direct, err)
	}
	var back sojourn.Values
	if err := json.Unmarshal(direct, &back); err != nil || back != v {
		t.Fatalf("got %q, %v, want %q", maps.Collect(back.All()), err, fields)
	}
	checkValues(t, back, fields)

	through, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(through, &back); err != nil || back != v {
		t.Errorf("through json.Marshal: got %q, %v", maps.Collect(back.All()), err)
	}
}

func TestValuesJSON_form(t *testing.T) {
	for want, v := range map[string]sojourn.Values{
		`{}`:                  {},
		`{"a":1,"b":"x y"}`:   valuesOf(map[string]string{"b": `"x y"`, "a": "1"}),
		`{"a":{"b": [ 1 ] }}`: valuesOf(map[string]string{"a": `{"b": [ 1 ] }`}),
	} {
		if got, err := v.MarshalJSON(); string(got) != want || err != nil {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

func TestValuesJSON_textThatIsNotJSONIsAnError(t *testing.T) {
	// The second would otherwise write a value of its own, and json.Marshal would not see it.
	for _, text := range []string{"", `1,"admin":true`, "nul", `"open`, "1 2", "{", "1}", "\x00", "NaN"} {
		v := valuesOf(map[string]string{"a": text, "b": "1"})
		if got, err := v.MarshalJSON(); err == nil {
			t.Errorf("MarshalJSON of text %q: got %s", text, got)
		} else if msg := err.Error(); text != "" && strings.Contains(msg, text) {
			t.Errorf("the error tells the text: %q", msg)
		}
		if got, err := json.Marshal(v); err == nil {
			t.Errorf("json.Marshal of text %q: got %s", text, got)
		}
	}
}

func TestValuesJSON_keepsTheSpellingOfTexts(t *testing.T) {
	var v sojourn.Values
	const in = "\n{ \"b\" : [ 1.0 , 1e400 ] , \"a\":\t\"\\u00e9\",\"c\":{ }}\n"
	if err := json.Unmarshal([]byte(in), &v); err != nil {
		t.Fatal(err)
	}
	checkValues(t, v, map[string]string{"a": `"\u00e9"`, "b": "[ 1.0 , 1e400 ]", "c": "{ }"})
}

func TestValuesJSON_lastOfARepeatedNameCounts(t *testing.T) {
	var v sojourn.Values
	if err := json.Unmarshal([]byte(`{"a":1,"b":2,"\u0061":3}`), &v); err != nil {
		t.Fatal(err)
	}
	checkValues(t, v, map[string]string{"a": "3", "b": "2"})
}

func TestValuesJSON_refusedLeavesValuesAlone(t *testing.T) {
	before := valuesOf(map[string]string{"kept": "1"})
	for _, in := range []string{
		"", " ", "[]", "1", `"a"`, "true", "{", `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{a:1}`, `{"a":1}x`, `{"a":1}{}`,
		`{"a":nul}`, `{"a":}`, `{1:1}`, "nul", `{"a":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "}",
	} {
		v := before
		if err := v.UnmarshalJSON([]byte(in)); err == nil || v != before {
			t.Errorf("UnmarshalJSON(%.40q): got %v, %v, want an error and the values as they were", in, v, err)
		}
	}
}

func TestValuesJSON_nullChangesNothing(t *testing.T) {
	state := sojourn.State{Values: valuesOf(map[string]string{"kept": "1"})}
	if err := json.Unmarshal([]byte(`{"Values":null}`), &state); err != nil || state.Values.Get("kept") != "1" {
		t.Errorf("got %v, %v", state.Values, err)
	}
}

func TestValuesJSON_copiesItsInput(t *testing.T) {
	in := []byte(`{"a":"text"}`)
	var v sojourn.Values
	if err := v.UnmarshalJSON(in); err != nil {
		t.Fatal(err)
	}
	clear(in)
	checkValues(t, v, map[string]string{"a": `"text"`})
}

func FuzzValuesJSON(f *testing.F) {
	f.Add([]byte(`{"a":1,"b":"x"}`))
	f.Add([]byte(" { \"b\" : [ 1.0 ], \"\\u0061\":null, \"a\":9007199254740993 } "))
	f.Add([]byte(`{"a":1`))
	f.Add([]byte(`null`))
	f.Add([]byte("{\"\xff\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var v sojourn.Values
		err := v.UnmarshalJSON(in)
		var want map[string]json.RawMessage
		if wantErr := json.Unmarshal(in, &want); (err == nil) != (wantErr == nil) {
			t.Fatalf("got error %v, want as encoding/json: %v", err, wantErr)
		}
		if err != nil {
			return
		}
		fields := make(map[string]string)
		for name, text := range want {
			if !utf8.ValidString(name) {
				t.Fatalf("name %q", name)
			}
			fields[name] = string(text)
		}
		checkValues(t, v, fields)
		out, err := v.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var back sojourn.Values
		if err := back.UnmarshalJSON(out); err != nil || back != v {
			t.Fatalf("%s and back: got %v, %v", out, back, err)
		}
	})
}
