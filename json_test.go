package sojourn_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Attacks, item 35: where JSON readers disagree. SEC-64, SEC-65.

type account struct {
	Admin bool   `json:"admin"`
	Name  string `json:"name"`
}

func TestJSON_roundTripsExactly(t *testing.T) {
	type all struct {
		Min, Max int64
		Big      uint64
		Float    float64
		Text     string
		Raw      json.RawMessage
		Many     []int
		None     *int
	}
	in := all{math.MinInt64, math.MaxInt64, math.MaxUint64, math.SmallestNonzeroFloat64, "é\u2028<&>\x00\"\\", json.RawMessage(`{"b":1,"a":[1.0,1e3]}`), nil, nil}
	a := newApp(t, sojourn.Config{})
	a.does("/set", func(s *sojourn.Session) {
		s.Set("all", in)
		sojourn.Field[int64]("min").Set(s, math.MinInt64)
		sojourn.Field[int64]("max").Set(s, math.MaxInt64)
		sojourn.Field[uint64]("big").Set(s, math.MaxUint64)
		sojourn.Field[string]("text").Set(s, "plain")
		sojourn.Field[string]("odd").Set(s, "\x00 <script> \u2028 \\ \" é 👩‍🚀")
		sojourn.Field[bool]("yes").Set(s, true)
		sojourn.Field[*int]("null").Set(s, nil)
		s.Set("int", math.MinInt)
		s.Set("int64", int64(math.MinInt64))
		s.Set("uint64", uint64(math.MaxUint64))
		s.Set("bool", false)
	})
	a.does("/look", func(s *sojourn.Session) {
		var out all
		if ok, err := s.Get("all", &out); !ok || err != nil || fmt.Sprintf("%#v", out) != fmt.Sprintf("%#v", in) {
			t.Errorf("got %#v, %v, want %#v", out, err, in)
		}
		wantField(t, s, "min", int64(math.MinInt64))
		wantField(t, s, "max", int64(math.MaxInt64))
		wantField(t, s, "big", uint64(math.MaxUint64))
		wantField(t, s, "text", "plain")
		wantField(t, s, "odd", "\x00 <script> \u2028 \\ \" é 👩‍🚀")
		wantField(t, s, "yes", true)
		wantField(t, s, "null", (*int)(nil))
		wantField(t, s, "int", math.MinInt)
		wantField(t, s, "int64", int64(math.MinInt64))
		wantField(t, s, "uint64", uint64(math.MaxUint64))
		wantField(t, s, "bool", false)
	})
	b := a.browser(t)
	b.get("/set").want(t, 200, "")
	b.get("/look").want(t, 200, "")
}

func wantField[T comparable](t *testing.T, s *sojourn.Session, name string, want T) {
	t.Helper()
	if got, ok := sojourn.Field[T](name).Get(s); !ok || got != want {
		t.Errorf("%s: got %v, %v, want %v", name, got, ok, want)
	}
}

func TestJSON_refusedOnTheWayIn(t *testing.T) {
	deep := strings.Repeat("[", 33) + strings.Repeat("]", 33)
	for _, tt := range []struct {
		name string
		v    any
		ok   bool
	}{
		{"two members of one name", json.RawMessage(`{"admin":false,"admin":true}`), false},
		{"the same, spelled otherwise", json.RawMessage(`{"admin":false,"\u0061dmin":true}`), false},
		{"the same, inside", json.RawMessage(`[{"a":{"x":1,"x":2}}]`), false},
		{"names that differ in case", json.RawMessage(`{"admin":false,"ADMIN":true}`), true}, // two names for a map
		{"too deep", json.RawMessage(deep), false},
		{"as deep as may be", json.RawMessage(deep[1 : len(deep)-1]), true},
		{"not UTF-8", json.RawMessage("\"\xff\""), false},
		{"not JSON", json.RawMessage(`{`), false},
		{"no JSON form", func() {}, false},
		{"not a number", math.NaN(), false},
		{"a marshaller that fails", failingMarshaler{}, false},
		{"nil", nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, sojourn.Config{})
			a.on("/", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
				s.Set("v", tt.v)
				if s.Has("v") != tt.ok || (s.Err() == nil) != tt.ok {
					t.Errorf("got Has %v and Err %v, want it kept: %v", s.Has("v"), s.Err(), tt.ok)
				}
				w.Header().Set("ETag", "x")
			})
			code := 200
			if !tt.ok {
				code = 500
			}
			got := a.browser(t).get("/")
			got.want(t, code, "")
			if kept := got.cookie(hostID) != nil; kept != tt.ok {
				t.Errorf("got a cookie: %v, want %v", kept, tt.ok)
			}
		})
	}
}

type failingMarshaler struct{}

func (failingMarshaler) MarshalJSON() ([]byte, error) { return nil, fmt.Errorf("no") }

// What another program wrote into the store: a struct is not read from an object in which a second member would win.
func TestJSON_refusedOnTheWayOut(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		ok         bool
		admin      bool
	}{
		{"ordinary", `{"admin":true,"name":"a"}`, true, true},
		{"unknown members", `{"admin":true,"other":{"x":1}}`, true, true},
		{"case decides", `{"admin":false,"ADMIN":true}`, false, false},
		{"long s", `{"admin":false,"name":"a","other":1,"ſ":1,"S":2}`, false, false},
		{"Kelvin", `{"k":1,"\u212a":2}`, false, false},
		{"twice", `{"admin":false,"admin":true}`, false, false},
		{"another type", `[1]`, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, sojourn.Config{})
			a.does("/seed", func(s *sojourn.Session) { s.Set("account", 0) })
			b := a.browser(t)
			b.get("/seed")
			for e := range a.m.All(t.Context()) {
				state, _ := a.spy.Load(t.Context(), e.ID.Key())
				state.Values = sojourn.CollectValues(func(yield func(name, text string) bool) { yield("account", tt.text) })
				if _, err := a.spy.Update(t.Context(), e.ID.Key(), state, e.TTL); err != nil {
					t.Fatal(err)
				}
			}
			a.log.take()
			a.does("/look", func(s *sojourn.Session) {
				got, ok := sojourn.Field[account]("account").Get(s)
				if ok != tt.ok || got.Admin != tt.admin {
					t.Errorf("got %v, %v, want admin %v, %v", got, ok, tt.admin, tt.ok)
				}
				var v account
				if _, err := s.Get("account", &v); (err == nil) != tt.ok {
					t.Errorf("Session.Get: got %v", err)
				}
				behind := any(&account{}) // encoding/json looks through it, and fills the struct
				if _, err := s.Get("account", &behind); (err == nil) != tt.ok {
					t.Errorf("Session.Get through an interface: got %v", err)
				}
			})
			b.get("/look")
			if n := a.log.count(sojourn.EventBadValue); (n == 0) != tt.ok {
				t.Errorf("got %d bad value events, want none: %v", n, tt.ok)
			}
			for _, e := range a.log.take() {
				if e.Kind == sojourn.EventBadValue && strings.Contains(e.Err.Error(), "true") {
					t.Errorf("got a value in the event %v", e.Err)
				}
			}
		})
	}
}

// A type that holds itself: looked at as deep as a value may nest, and no deeper.
func TestJSON_typeThatHoldsItself(t *testing.T) {
	type nest []nest
	a := newApp(t, sojourn.Config{})
	a.does("/set", func(s *sojourn.Session) { s.Set("v", nest{nil, {nil}}) })
	a.does("/look", func(s *sojourn.Session) {
		var v nest
		if ok, err := s.Get("v", &v); !ok || err != nil || len(v) != 2 || len(v[1]) != 1 {
			t.Errorf("got %v, %v, %v", v, ok, err)
		}
	})
	b := a.browser(t)
	b.get("/set").want(t, 200, "")
	b.get("/look")
}

// What a type's own method says when it refuses a text quotes that text, and an error of a value ends in logs.
func TestBadValue_errorsQuoteNoValue(t *testing.T) {
	const value = "hunter2"
	a := newApp(t, sojourn.Config{})
	var texts []string
	a.does("/", func(s *sojourn.Session) {
		s.Set("a", value)
		sojourn.Field[time.Time]("a").Get(s)
		sojourn.Field[netip.Addr]("a").Get(s)
		sojourn.Field[json.Number]("a").Get(s)
		sojourn.Field[net.IP]("a").Get(s)
		sojourn.Field[[]byte]("a").Get(s)
		sojourn.Field[int]("a").Get(s)
		_, err := s.Get("a", new(time.Time))
		texts = append(texts, err.Error())
		if reason := (*time.ParseError)(nil); !errors.As(err, &reason) || reason.Value != `"hunter2"` && reason.Value != value {
			t.Errorf("got %v, want all that the type said behind it", err)
		}
	})
	for _, v := range []any{
		json.RawMessage(`{"hunter2":1,"hunter2":2}`), json.RawMessage("hunter2"), refuses(value),
		map[string]any{value: math.NaN()}, func() {}, "\xff" + value,
	} {
		a.does(fmt.Sprintf("/set%d", len(texts)), func(s *sojourn.Session) {
			s.Set("b", v)
			if err := s.Err(); err != nil {
				texts = append(texts, err.Error())
			}
		})
		a.browser(t).get(fmt.Sprintf("/set%d", len(texts)))
	}
	a.browser(t).get("/")
	if len(texts) < 6 {
		t.Fatalf("only %d values were refused: %q", len(texts), texts)
	}
	events := 0
	for _, e := range a.log.take() {
		if e.Err != nil {
			texts = append(texts, e.Err.Error(), fmt.Sprint(e))
			events++
		}
	}
	if events < 6+5 {
		t.Errorf("got %d events with an error, want 6 of reading and 5 of writing", events)
	}
	for _, text := range texts {
		if strings.Contains(text, value) {
			t.Errorf("the value shows in %s", text)
		}
	}
}

// refuses has a method that refuses to make a JSON text of it, and says which.
type refuses string

func (r refuses) MarshalText() ([]byte, error) { return nil, errors.New("no " + string(r)) }
