package sealstore_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sealstore"
	"github.com/sojourn-go/sojourn/storetest"
)

// Sealing costs no round trip: each request asks the store below as often as it would without.
func TestCost_requestsAskTheStoreBelowAsOftenAsWithout(t *testing.T) {
	count, name := sojourn.Field[int]("count"), sojourn.Field[string]("name")
	increment := func(n int) int { return n + 1 }
	for _, tt := range []struct {
		what string
		act  func(s *sojourn.Session)
		want string
	}{
		{"read", func(s *sojourn.Session) { count.Get(s) }, "load 1"},
		{"set", func(s *sojourn.Session) { name.Set(s, "Bob") }, "load 1 patch 1"},
		{"update", func(s *sojourn.Session) { count.Update(s, increment) }, "load 1 patch 1"},
		{"take and set", func(s *sojourn.Session) { name.Take(s); count.Set(s, 7000) }, "load 1 patch 1"},
		{"clear and set", func(s *sojourn.Session) { s.Clear(); count.Set(s, 1) }, "load 1 patch 1"},
		{"commit twice", func(s *sojourn.Session) {
			count.Update(s, increment)
			_ = s.Commit(context.Background())
			count.Update(s, increment)
		}, "load 1 patch 2"},
		{"renew", func(s *sojourn.Session) { s.Renew() }, "load 1 update 1"},
		{"login", func(s *sojourn.Session) { s.Login("42") }, "load 1 update 1"},
		{"logout", func(s *sojourn.Session) { s.Logout() }, "load 1 delete 1"},
	} {
		faulty := storetest.NewFaulty(memstore.New(memstore.Config{}), nil)
		a := newApp(t, newStore(t, faulty, sealstore.Config{}))
		cookie := cookieOf(a.do("", func(s *sojourn.Session) {
			name.Set(s, "Ada")
			count.Set(s, 1)
		}))
		if got := calls(faulty); got != "save 1" {
			t.Errorf("create: got %q, want one save", got)
		}
		a = newApp(t, newStore(t, faulty, sealstore.Config{})) // another node
		faulty.Reset()
		a.do(cookie, tt.act)
		if got := calls(faulty); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.what, got, tt.want)
		}
	}
}

func calls(f *storetest.Faulty) string {
	var all []string
	for _, op := range []string{storetest.OpLoad, storetest.OpSave, storetest.OpUpdate, storetest.OpTouch, storetest.OpPatch, storetest.OpDelete} {
		if n := f.Count(op); n > 0 {
			all = append(all, fmt.Sprint(op, " ", n))
		}
	}
	if n := f.Count(); n > 0 && len(all) == 0 {
		all = append(all, fmt.Sprint("others ", n))
	}
	return strings.Join(all, " ")
}

// Sessions that share a place in the memory are told apart.
func TestCost_ofManySessionsAtOnce(t *testing.T) {
	faulty := storetest.NewFaulty(memstore.New(memstore.Config{}), nil)
	st := newStore(t, faulty, sealstore.Config{})
	keys := make([]sojourn.Key, 3000)
	for i := range keys {
		keys[i] = save(t, st, state("n", fmt.Sprint(i)))
	}
	faulty.Reset()
	for i, key := range slices.Backward(keys) { // the latest are remembered
		patch(t, st, key, sojourn.Patch{Generation: 1, Set: values("m", fmt.Sprint(i)), MaxSize: 1000 * (i % 2)})
	}
	if looked := faulty.Count(storetest.OpLoad); looked < 1500 || looked > 2500 || faulty.Count(storetest.OpPatch) != len(keys) {
		t.Errorf("got %q, want about 2000 loads: the last thousand sessions or so are remembered", calls(faulty))
	}
	for i, key := range keys {
		if got, want := load(t, st, key).Values, values("n", fmt.Sprint(i), "m", fmt.Sprint(i)); got != want {
			t.Fatalf("session %d: got %v", i, got)
		}
	}
}

// What a Patch costs without a Load just before it: one Load more, where the process has not seen the session, where it is
// large, and where its sealed values come near the limit.
func TestCost_ofAPatchThatHasToLook(t *testing.T) {
	for _, tt := range []struct {
		what   string
		values sojourn.Values
		seen   bool
		limit  int
		want   string
	}{
		{"seen", values("a", `1`), true, 64 << 10, "patch 1"},
		{"seen, and no limit", values("a", `1`), true, 0, "patch 1"},
		{"not seen", values("a", `1`), false, 64 << 10, "load 1 patch 1"},
		{"large", values("a", strings.Repeat("7", 20<<10)), true, 64 << 10, "load 1 patch 1"},
		{"near the limit", values("a", strings.Repeat("7", 800)), true, 1000, "load 1 patch 1"},
	} {
		faulty := storetest.NewFaulty(memstore.New(memstore.Config{}), nil)
		st := newStore(t, faulty, sealstore.Config{})
		start := state()
		start.Values = tt.values
		key := save(t, st, start)
		if !tt.seen {
			st = newStore(t, faulty, sealstore.Config{})
		}
		faulty.Reset()
		patch(t, st, key, sojourn.Patch{Generation: 1, Set: values("b", `2`), MaxSize: tt.limit})
		if got := calls(faulty); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.what, got, tt.want)
		}
	}
}

// A Patch that meets what another node has made of the same name looks once, and passes or conflicts as the plain texts say.
func TestCost_ofAPatchThatMeetsAnother(t *testing.T) {
	faulty := storetest.NewFaulty(memstore.New(memstore.Config{}), nil)
	own, other := newStore(t, faulty, sealstore.Config{}), newStore(t, faulty, sealstore.Config{})
	key := save(t, own, state("n", `1`))
	meet := func(p sojourn.Patch, want error, calls_ string) {
		t.Helper()
		load(t, own, key)
		patch(t, other, key, sojourn.Patch{Generation: 1, Set: values("n", `1`), MaxSize: 1000}) // the same text, sealed anew
		faulty.Reset()
		p.Generation, p.MaxSize = 1, 1000
		err := own.Patch(context.Background(), key, p, hour)
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("got %v, want %v", err, want)
		}
		if got := calls(faulty); got != calls_ {
			t.Errorf("got %q, want %q", got, calls_)
		}
	}
	meet(sojourn.Patch{Set: values("m", `1`)}, nil, "patch 1") // another name: nothing in the way
	meet(sojourn.Patch{Expect: values("n", `1`), Set: values("m", `2`)}, nil, "load 1 patch 2")
	meet(sojourn.Patch{Set: values("n", `1`)}, nil, "load 1 patch 2")
	meet(sojourn.Patch{Expect: values("n", `2`), Set: values("n", `3`)}, sojourn.ErrConflict, "load 1")
}
