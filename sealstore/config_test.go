package sealstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sealstore"
)

func TestNew_namesEachFieldThatIsWrong(t *testing.T) {
	good, inner := randomSecret(1), memstore.New(memstore.Config{})
	for _, tt := range []struct {
		name string
		cfg  sealstore.Config
		want []string
	}{
		{"good", sealstore.Config{Secrets: [][]byte{good}}, nil},
		{"two, and a revoked one", sealstore.Config{Secrets: [][]byte{good, randomSecret(2)}, Revoked: [][]byte{randomSecret(3)}}, nil},
		{"nothing", sealstore.Config{}, []string{"Secrets"}},
		{"short secret", sealstore.Config{Secrets: [][]byte{good, good[:31]}}, []string{"Secrets[1]"}},
		{"password", sealstore.Config{Secrets: [][]byte{[]byte("correct horse battery staple 1234")}}, []string{"Secrets[0]"}},
		{"twice", sealstore.Config{Secrets: [][]byte{good, randomSecret(2), good}}, []string{"Secrets[2]"}},
		{"revoked and not", sealstore.Config{Secrets: [][]byte{good}, Revoked: [][]byte{randomSecret(3), good}}, []string{"Revoked[1]"}},
		{"several", sealstore.Config{Secrets: [][]byte{good, nil}, Revoked: [][]byte{nil}, Clear: 3}, []string{"Secrets[1]", "Revoked[0]", "Clear"}},
	} {
		st, err := sealstore.New(inner, tt.cfg)
		if (err != nil) != (tt.want != nil) || (st == nil) != (err != nil) {
			t.Errorf("%s: got error %v, want one about %q", tt.name, err, tt.want)
			continue
		}
		var got []string
		if err != nil {
			for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
				var wrong *sealstore.ConfigError
				if !errors.As(one, &wrong) || wrong.Reason == "" || !strings.HasPrefix(wrong.Error(), "sealstore: Config."+wrong.Field+": ") {
					t.Errorf("%s: got %v", tt.name, one)
					continue
				}
				got = append(got, wrong.Field)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(tt.want) {
			t.Errorf("%s: got errors about %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestNew_refusesClientSideStores(t *testing.T) {
	client, err := cookiestore.New(cookiestore.Config{Secrets: [][]byte{randomSecret(1)}, Irrevocable: true})
	if err != nil {
		t.Fatal(err)
	}
	cfg := sealstore.Config{Secrets: [][]byte{randomSecret(1)}}
	for _, inner := range []sojourn.Store{client, wrapper{client}} {
		if _, err := sealstore.New(inner, cfg); !errors.Is(err, sealstore.ErrClientSide) {
			t.Errorf("got %v, want %v", err, sealstore.ErrClientSide)
		}
	}
	if _, err := sealstore.New(nil, cfg); err == nil {
		t.Error("got no error for no store")
	}
}

type wrapper struct{ sojourn.Store }

func (w wrapper) Unwrap() sojourn.Store { return w.Store }

// What is configured is frozen: New has copies.
func TestNew_copiesSecrets(t *testing.T) {
	engine := newPlain(time.Now)
	secret := randomSecret(1)
	st := newStore(t, engine, sealstore.Config{Secrets: [][]byte{secret}})
	clear(secret)
	key := save(t, st, state("a", `1`))
	wantLoad(t, newStore(t, engine, sealstore.Config{}), key, "the secret before it was cleared", nil)
}

func TestKeyID_isEmptyForNoSecret(t *testing.T) {
	if got := sealstore.KeyID([]byte("short")); got != "" {
		t.Errorf("got %q", got)
	}
	if a, b := sealstore.KeyID(randomSecret(1)), sealstore.KeyID(randomSecret(2)); a == b || len(a) != 8 {
		t.Errorf("got %q and %q, want two of eight digits", a, b)
	}
}

// Neither a store nor its Config shows a secret, whatever is printed.
func TestPrinting_showsNoSecret(t *testing.T) {
	cfg := sealstore.Config{Secrets: [][]byte{randomSecret(1)}, Revoked: [][]byte{randomSecret(2)}}
	st := newStore(t, memstore.New(memstore.Config{}), cfg)
	save(t, st, state("a", `"private"`))
	var texts []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
		for _, v := range []any{cfg, &cfg, st} {
			texts = append(texts, fmt.Sprintf(verb, v))
		}
	}
	for _, v := range []any{cfg, st} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		texts = append(texts, string(b))
	}
	for _, text := range texts {
		for _, secret := range append(cfg.Secrets, cfg.Revoked...) {
			encoded, _ := json.Marshal(secret)
			for _, private := range []string{string(secret), fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), fmt.Sprint(secret), string(encoded), "private"} {
				if strings.Contains(text, private) {
					t.Errorf("%q shows a secret or a value", text)
				}
			}
		}
	}
}

// Nothing of what passes is taken from As: the capabilities are the store's own, and those that lack below say so.
func TestCapabilities_areOwnAndThoseBelow(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		what  string
		inner sojourn.Store
		want  bool
	}{
		{"memstore", memstore.New(memstore.Config{}), true},
		{"memstore, wrapped", wrapper{memstore.New(memstore.Config{})}, true},
		{"five methods", newPlain(time.Now), false},
	} {
		st := newStore(t, tt.inner, sealstore.Config{})
		if _, ok := any(st).(interface{ Unwrap() sojourn.Store }); ok {
			t.Error("the store has Unwrap: As would go round it")
		}
		if _, ok := any(st).(sojourn.KeyParser); ok {
			t.Error("the store has ParseKey: managers would take it for a client-side one")
		}
		key := save(t, st, state("a", `1`))
		_, listErr := st.ListSubject(ctx, "shop", "42")
		_, trimErr := st.TrimSubject(ctx, "shop", "nobody", 1, sojourn.ID{})
		_, revokeErr := st.DeleteSubject(ctx, "shop", "nobody", sojourn.ID{})
		_, _, allErr := st.List(ctx, "", 10)
		_, sweepErr := st.Sweep(ctx, 10)
		watching, cancel := context.WithCancel(ctx)
		watchErr := st.Watch(watching, func(sojourn.ID) { cancel() })
		cancel()
		for method, err := range map[string]error{
			"Patch":       st.Patch(ctx, key, sojourn.Patch{Generation: 1}, hour),
			"ListSubject": listErr, "TrimSubject": trimErr, "DeleteSubject": revokeErr, "List": allErr, "Sweep": sweepErr, "Watch": watchErr,
		} {
			if errors.Is(err, errors.ErrUnsupported) == tt.want {
				t.Errorf("%s over %s: got %v, supported: %v", method, tt.what, err, tt.want)
			}
		}
	}
}

// A limit of sessions needs an index below: New says so, and not each login.
func TestHasSubjectIndex_isThatOfTheStoreBelow(t *testing.T) {
	whole := memstore.New(memstore.Config{})
	for name, tt := range map[string]struct {
		inner sojourn.Store
		want  bool
	}{"all": {whole, true}, "five methods": {struct{ sojourn.Store }{whole}, false}} {
		st, err := sealstore.New(tt.inner, sealstore.Config{Secrets: [][]byte{randomSecret(1)}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sojourn.New(st, sojourn.Config{MaxSessions: 3}); (err == nil) != tt.want || sojourn.HasSubjectIndex(st) != tt.want {
			t.Errorf("over a store of %s: got %v and %t", name, err, sojourn.HasSubjectIndex(st))
		}
	}
}
