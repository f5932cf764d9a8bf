package storetest_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
)

// engines gives each test one reference store, so that newStore can return a second handle to it.
type engines struct {
	now func() time.Time

	mu sync.Mutex
	of map[testing.TB]*reference.Store
}

func (g *engines) open(tb testing.TB) *reference.Store {
	g.mu.Lock()
	defer g.mu.Unlock()
	st, ok := g.of[tb]
	if !ok {
		if g.of == nil {
			g.of = make(map[testing.TB]*reference.Store)
		}
		st = reference.New(g.now)
		g.of[tb] = st
	}
	return st
}

func (g *engines) rewrite(tb testing.TB, key sojourn.Key, change func([]byte) []byte) {
	st := g.open(tb)
	st.Lock()
	defer st.Unlock()
	r := st.Records[key.ID()]
	r.Bytes = string(change([]byte(r.Bytes)))
	st.Records[key.ID()] = r
}

func (g *engines) dump(tb testing.TB) []byte {
	st := g.open(tb)
	st.Lock()
	defer st.Unlock()
	var all []byte
	for _, r := range st.Records {
		all = append(all, r.Bytes...)
	}
	return all
}

// handle is a second node's: another object, the same engine.
type handle struct{ *reference.Store }

func TestRun_referenceStoreWithAClock(t *testing.T) {
	var clock storetest.Clock
	g := engines{now: clock.Now}
	storetest.Run(t, func(tb testing.TB) sojourn.Store { return &handle{g.open(tb)} }, storetest.Options{
		Clock:   &clock,
		Rewrite: g.rewrite,
	})
}

func TestRun_referenceStoreInRealTime(t *testing.T) {
	if testing.Short() {
		t.Skip("it sleeps")
	}
	storetest.Run(t, func(testing.TB) sojourn.Store { return reference.New(time.Now) }, storetest.Options{Rounds: 4})
}

// five is a store with nothing but the five methods.
type five struct{ sojourn.Store }

func TestRun_fiveMethods(t *testing.T) {
	var clock storetest.Clock
	storetest.Run(t, func(testing.TB) sojourn.Store { return five{reference.New(clock.Now)} },
		storetest.Options{Clock: &clock, Rounds: 4})
}

func TestCases_areUniqueAndExplained(t *testing.T) {
	seen := make(map[string]bool)
	byHand := 0
	for _, c := range storetest.Cases() {
		name := c.Group + "/" + c.Name
		if seen[name] {
			t.Errorf("%s is there twice", name)
		}
		seen[name] = true
		if strings.ContainsAny(c.Name, " /") || c.Name == "" {
			t.Errorf("%s cannot be selected by go test -run", name)
		}
		if !strings.HasSuffix(c.Rule, ".") || !strings.HasSuffix(c.Why, ".") {
			t.Errorf("%s: rule %q or why %q is not a sentence", name, c.Rule, c.Why)
		}
		if c.Group != "races" {
			byHand++
		}
	}
	if byHand < 80 {
		t.Errorf("got %d cases besides races, want at least 80", byHand)
	}
	t.Logf("%d cases and %d races", byHand, len(seen)-byHand)
}

// refuses does not take what its columns cannot hold.
type refuses struct{ base }

func (s refuses) check(v sojourn.Values) error {
	for name, text := range v.All() {
		if !utf8.ValidString(name+text) || strings.Contains(name+text, "\x00") {
			return errors.New("not UTF-8, or with NUL")
		}
	}
	return nil
}

func (s refuses) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if err := s.check(state.Values); err != nil {
		return sojourn.Key{}, err
	}
	return s.base.Save(ctx, state, ttl)
}

func (s refuses) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if err := s.check(state.Values); err != nil {
		return sojourn.Key{}, err
	}
	return s.base.Update(ctx, key, state, ttl)
}

func (s refuses) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	if err := s.check(p.Set); err != nil {
		return err
	}
	return s.base.Patch(ctx, key, p, ttl)
}

func TestRun_storeThatRefusesWhatItCannotSpell(t *testing.T) {
	for _, c := range storetest.Cases() {
		if c.Group == "values" {
			t.Run(c.Name, func(t *testing.T) {
				var clock storetest.Clock
				st := refuses{base{reference.New(clock.Now)}}
				c.Check(t, func(testing.TB) sojourn.Store { return st }, storetest.Options{Clock: &clock})
			})
		}
	}
}
