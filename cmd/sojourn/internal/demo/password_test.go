package demo_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/demo"
)

func TestPasswords_matchTheirOwnHashOnly(t *testing.T) {
	p, err := demo.NewPasswords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first, err := p.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	if first == second || !strings.HasPrefix(first, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("got %q and %q, want argon2id with two salts", first, second)
	}
	for text, want := range map[string]bool{password: true, password + " ": false, "": false, strings.ToUpper(password): false} {
		if got, err := p.Match(t.Context(), first, text); err != nil || got != want {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

func TestPasswords_refuseForeignHashes(t *testing.T) {
	p, err := demo.NewPasswords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, encoded := range []string{
		"", "$", password, "$argon2id$v=19$m=19456,t=2,p=1$", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$",
		"$argon2id$v=19$m=19456,t=2,p=1$!$!", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$c2hvcnQ",
		"$argon2id$v=19$m=4194304,t=999,p=1$c2FsdHNhbHRzYWx0c2FsdA$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ", // would take minutes
		"$argon2id$v=19$m=99999,t=9,p=9$c2FsdHNhbHRzYWx0c2FsdA$c2FsdHNhbHRzYWx0c2FsdHNhbHRzYWx0c2FsdHNhbHQ",
		"$argon2i$v=19$m=19456,t=2,p=1$c2FsdA$c2FsdA",
	} {
		if ok, err := p.Match(t.Context(), encoded, password); ok || err == nil {
			t.Errorf("%q: got %v, %v", encoded, ok, err)
		}
	}
}

func TestPasswords_hashAFewAtATime(t *testing.T) {
	p, err := demo.NewPasswords(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p.Occupy()
	if _, err := p.Hash(t.Context(), password); !errors.Is(err, demo.ErrBusy) {
		t.Errorf("got %v, want ErrBusy", err)
	}
	if err := p.Mismatch(t.Context(), password); !errors.Is(err, demo.ErrBusy) {
		t.Errorf("unknown name: got %v, want ErrBusy", err)
	}
}
