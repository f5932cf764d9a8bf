package sealstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sealstore"
)

// setText replaces the stored text of a value, as somebody could who writes to the database.
func setText(state *sojourn.State, name, text string) {
	next, _ := state.With(sojourn.Patch{Generation: state.Facts.Generation, Set: values(name, text)})
	state.Values = next.Values
}

// below returns what is stored under key, sealed.
func below(tb testing.TB, engine sojourn.Store, key sojourn.Key) sojourn.State {
	tb.Helper()
	return load(tb, engine, key)
}

func wantLoad(tb testing.TB, st sojourn.Store, key sojourn.Key, what string, want error) {
	tb.Helper()
	got, err := st.Load(context.Background(), key)
	if !errors.Is(err, want) || want == nil && err != nil {
		tb.Errorf("%s: got %v, want %v", what, err, want)
	}
	if err != nil && got != (sojourn.State{}) {
		tb.Errorf("%s: got a state beside an error", what)
	}
}

// Every flip of a bit, every truncation and every other spelling of a sealed value is refused, in each form and length.
func TestSeal_everyDamageIsRefused(t *testing.T) {
	engine := newPlain(time.Now)
	st := newStore(t, engine, sealstore.Config{})
	tried := 0
	for _, text := range []string{`1`, `"ab"`, `"abc"`, `"a longer text than one block of the cipher"`, ""} {
		key := save(t, st, state("a", text))
		for _, form := range []string{"saved", "kept"} {
			if form == "kept" {
				update(t, st, key, load(t, st, key))
			}
			stored := below(t, engine, key).Values.Get("a")
			refuse := func(damaged string) {
				t.Helper()
				tried++
				engine.with(t, key, func(state *sojourn.State) { setText(state, "a", damaged) })
				got, err := st.Load(context.Background(), key)
				if err == nil || !errors.Is(err, sojourn.ErrCorrupt) && !errors.Is(err, sojourn.ErrNewer) {
					t.Fatalf("%s: got %q, %v for %q instead of %q", form, got.Values.Get("a"), err, damaged, stored)
				}
			}
			for i := range stored {
				for bit := range 8 {
					b := []byte(stored)
					b[i] ^= 1 << bit
					refuse(string(b))
				}
				if i > 0 {
					refuse(stored[:i])
				}
				refuse(stored[i+1:] + " ")
				refuse(stored[:i] + "\n" + stored[i:])
				refuse(stored[:i] + "A" + stored[i:])
			}
			refuse(stored + " ")
			refuse(stored + stored)
			refuse(strings.Replace(stored, `"`, `"\u007e`, 1))
			engine.with(t, key, func(state *sojourn.State) { setText(state, "a", stored) })
			if got := load(t, st, key).Values.Get("a"); got != text {
				t.Errorf("got %q, want %q", got, text)
			}
		}
	}
	t.Logf("%d damaged values refused", tried)
}

// Whoever can write to the database can move values about, and change facts. What of that opens is in ADR 17.
func TestSeal_valuesOpenInTheirPlaceOnly(t *testing.T) {
	const savedForm, keptForm = "saved", "kept"
	for _, form := range []string{savedForm, keptForm} {
		engine := newPlain(time.Now)
		st := newStore(t, engine, sealstore.Config{})
		session := func(pairs ...string) sojourn.Key {
			key := save(t, st, state(pairs...))
			if form == keptForm {
				update(t, st, key, load(t, st, key))
			}
			return key
		}
		victim, own := session("role", `"admin"`, "name", `"Ada"`), session("role", `"guest"`, "name", `"Bob"`)
		stored := below(t, engine, victim)
		for _, tt := range []struct {
			what   string
			key    sojourn.Key
			change func(state *sojourn.State)
			want   error
		}{
			{"nothing", victim, func(*sojourn.State) {}, nil},
			{"another session's value", own, func(state *sojourn.State) { setText(state, "role", stored.Values.Get("role")) }, sojourn.ErrCorrupt},
			{"all of another session's values", own, func(state *sojourn.State) { state.Values = stored.Values }, sojourn.ErrCorrupt},
			{"another session's values and secret", own, func(state *sojourn.State) {
				state.Values, state.Facts.Digest = stored.Values, stored.Facts.Digest
				state.Facts.Previous = state.Facts.Digest
			}, sojourn.ErrCorrupt},
			{"another session's values, beside a late secret of one's own", own, func(state *sojourn.State) {
				state.Facts.Previous = state.Facts.Digest
				state.Values, state.Facts.Digest = stored.Values, stored.Facts.Digest
			}, sojourn.ErrCorrupt},
			{"two values exchanged", victim, func(state *sojourn.State) {
				setText(state, "role", stored.Values.Get("name"))
				setText(state, "name", stored.Values.Get("role"))
			}, sojourn.ErrCorrupt},
			{"a value under another name", victim, func(state *sojourn.State) {
				state.Values = values("roles", stored.Values.Get("role"))
			}, sojourn.ErrCorrupt},
			{"another realm", victim, func(state *sojourn.State) { state.Facts.Realm = "admin" }, sojourn.ErrCorrupt},
			{"a value removed", victim, func(state *sojourn.State) { state.Values = values("name", stored.Values.Get("name")) }, nil},
			{"a value in clear", victim, func(state *sojourn.State) { setText(state, "role", `"admin"`) }, sojourn.ErrCorrupt},
			{"another label", victim, func(state *sojourn.State) { state.Facts.Label = "other" }, nil},
		} {
			before := below(t, engine, tt.key)
			engine.with(t, tt.key, tt.change)
			wantLoad(t, st, tt.key, form+": "+tt.what, tt.want)
			engine.with(t, tt.key, func(state *sojourn.State) { *state = before })
		}

		// A secret planted into another's session.
		engine.with(t, victim, func(state *sojourn.State) { state.Facts.Digest = [32]byte{1} })
		want := error(nil)
		if form == savedForm {
			want = sojourn.ErrCorrupt
		}
		wantLoad(t, st, victim, form+": a planted secret", want)
	}
}

// What no seal prevents: an earlier text of the same value, and the whole record of an earlier time.
func TestSeal_earlierTextsOpenAgain(t *testing.T) {
	engine := newPlain(time.Now)
	st := newStore(t, engine, sealstore.Config{})
	key := save(t, st, state("n", `1`))
	update(t, st, key, load(t, st, key))
	earlier := below(t, engine, key)
	next := load(t, st, key)
	next.Values = values("n", `2`)
	update(t, st, key, next)
	engine.with(t, key, func(state *sojourn.State) { state.Values = earlier.Values })
	if got := load(t, st, key).Values.Get("n"); got != `1` {
		t.Errorf("got %s: the documentation says that earlier texts open", got)
	}
}

func TestSeal_isRandomizedAndAJSONString(t *testing.T) {
	engine := newPlain(time.Now)
	st := newStore(t, engine, sealstore.Config{})
	key := save(t, st, state("a", `1`))
	seen := make(map[string]bool)
	for range 64 {
		stored := below(t, engine, key).Values.Get("a")
		if seen[stored] {
			t.Fatal("one text was sealed the same way twice")
		}
		seen[stored] = true
		var text string
		if err := json.Unmarshal([]byte(stored), &text); err != nil || len(text) != len(stored)-2 {
			t.Fatalf("%q is no JSON string without escapes: %v", stored, err)
		}
		update(t, st, key, load(t, st, key))
	}
}

// The form and the derivation of keys stay: what an earlier build sealed opens.
func TestSeal_goldenTextsOpen(t *testing.T) {
	engine := newPlain(time.Now)
	st := newStore(t, engine, sealstore.Config{})
	for form, sealed := range map[string]string{"saved": goldenSaved, "kept": goldenKept} {
		id := goldenID
		engine.put(context.Background(), id.Key(), sojourn.State{
			Facts:  sojourn.Facts{Realm: "shop", Digest: [32]byte{1, 2, 3}, Previous: [32]byte{4, 5, 6}},
			Values: values("cart", sealed),
		}, 1, hour)
		if got := load(t, st, id.Key()).Values.Get("cart"); got != goldenText {
			t.Errorf("%s: got %q, want %q", form, got, goldenText)
		}
	}
}

var goldenID = sojourn.ID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}

const (
	goldenText  = `{"items":["tea"]}`
	goldenSaved = `"~1Ad9y2uvNqxf9ktVeQE90P5toGjIAlKAGMBs8WECGPgwx83n1E7hG_2-xF5e-_L0ZmfHy"`
	goldenKept  = `"~1At9y2uvhsk1Y5jgPWUko5g4OoB9SJ1GGCBpZiNri8fDlZz9LBxZqn9MXNLpo9nEyFWmH"`
)

// A value of a later release, and one under a secret that this node does not have, are outages and no damage.
func TestLoad_unknownSecretOrFormIsNewer(t *testing.T) {
	engine := newPlain(time.Now)
	st := newStore(t, engine, sealstore.Config{})
	key := save(t, newStore(t, engine, sealstore.Config{Secrets: [][]byte{randomSecret(2)}}), state("a", `1`))
	wantLoad(t, st, key, "an unknown secret", sojourn.ErrNewer)
	_, err := st.Load(context.Background(), key)
	if id := sealstore.KeyID(randomSecret(2)); len(id) != 8 || !strings.Contains(err.Error(), id) {
		t.Errorf("got %q, want it to name the secret %q", err, id)
	}
	if err := st.Patch(context.Background(), key, sojourn.Patch{Generation: 1, Clear: true}, hour); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Patch: got %v", err)
	}

	own := save(t, st, state("a", `1`))
	stored := below(t, engine, own).Values.Get("a")
	engine.with(t, own, func(state *sojourn.State) { setText(state, "a", `"~2`+stored[3:]) })
	wantLoad(t, st, own, "a later form", sojourn.ErrNewer)

	revoking := newStore(t, engine, sealstore.Config{Revoked: [][]byte{randomSecret(2)}})
	wantLoad(t, revoking, key, "a revoked secret", sojourn.ErrCorrupt)
}

// A Patch does not write over what this node cannot read.
func TestPatch_ofWhatCannotBeReadChangesNothing(t *testing.T) {
	engine := memstore.New(memstore.Config{})
	theirs, own := newStore(t, engine, sealstore.Config{Secrets: [][]byte{randomSecret(2)}}), newStore(t, engine, sealstore.Config{})
	key := save(t, theirs, state("a", `1`))
	for _, p := range []sojourn.Patch{
		{Clear: true}, {Set: values("a", `2`)}, {Set: values("b", `2`), MaxSize: 1000}, {Remove: []string{"a"}}, {Expect: values("a", `1`)}, {},
	} {
		p.Generation = 1
		if err := own.Patch(context.Background(), key, p, hour); !errors.Is(err, sojourn.ErrNewer) {
			t.Errorf("got %v, want %v", err, sojourn.ErrNewer)
		}
	}
	if got := load(t, theirs, key).Values; got != values("a", `1`) {
		t.Errorf("got %v, want it as it was", got)
	}
}

// All of it runs where only FIPS 140-3 approved algorithms do.
func TestFIPS(t *testing.T) {
	if os.Getenv("SOJOURN_TEST_FIPS") != "" {
		t.Skip("this is the inner run")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^(TestSeal|TestRotation|TestPatch_limits)", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", "SOJOURN_TEST_FIPS=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"TestSeal_everyDamageIsRefused", "TestRotation_endsNoSession"} {
		if !strings.Contains(string(out), "--- PASS: "+name) {
			t.Errorf("%s did not run:\n%s", name, out)
		}
	}
}
