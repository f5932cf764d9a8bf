package memstore_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

func list(t testing.TB, s *memstore.Store, realm, subject string) []sojourn.ID {
	t.Helper()
	entries, err := s.ListSubject(context.Background(), realm, subject)
	if err != nil {
		t.Fatalf("ListSubject: %v", err)
	}
	var ids []sojourn.ID
	for _, e := range entries {
		if e.Facts.Realm != realm || e.Facts.Subject != subject {
			t.Errorf("listed a session of %q in %q", e.Facts.Subject, e.Facts.Realm)
		}
		ids = append(ids, e.ID)
	}
	return ids
}

func wantIDs(t testing.TB, what string, got, want []sojourn.ID) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// logins saves n sessions of ann, a second apart, and returns them newest first.
func logins(t testing.TB, s *memstore.Store, c *clock, n int) []sojourn.ID {
	t.Helper()
	var ids []sojourn.ID
	for range n {
		c.advance(time.Second)
		ids = append(ids, save(t, s, login("ann", c.now()), hour).ID())
	}
	slices.Reverse(ids)
	return ids
}

func TestListSubject_newestFirstWithFactsAndTTL(t *testing.T) {
	c := newClock()
	s := newStore(c)
	ids := logins(t, s, c, 5)
	wantIDs(t, "list", list(t, s, "shop", "ann"), ids)
	entries, _ := s.ListSubject(context.Background(), "shop", "ann")
	if got := entries[0]; got.TTL != hour || !got.Facts.Authenticated.Equal(c.now()) || got.Facts.Generation != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestSubject_isComparedWithItsRealmByteForByte(t *testing.T) {
	c := newClock()
	s := newStore(c)
	owners := [][2]string{{"a", "bc"}, {"ab", "c"}, {"", "abc"}, {"a", "BC"}, {"a", "bc\x00"}, {"a\x00", "bc"}, {"a", "\xff"}, {"a", "bc "}}
	for _, o := range owners {
		state := login(o[1], c.now())
		state.Facts.Realm = o[0]
		save(t, s, state, hour)
	}
	for i, o := range owners {
		if got := list(t, s, o[0], o[1]); len(got) != 1 {
			t.Errorf("%q: got %d sessions, want 1", o, len(got))
		}
		if n, err := s.DeleteSubject(context.Background(), o[0], o[1], sojourn.ID{}); n != 1 || err != nil {
			t.Errorf("%q: deleted %d, %v, want 1", o, n, err)
		}
		if want := len(owners) - i - 1; s.Len() != want {
			t.Fatalf("%q: %d sessions left, want %d", o, s.Len(), want)
		}
	}
}

func TestSubject_emptyIsAnError(t *testing.T) {
	s := newStore(newClock())
	save(t, s, visitor(), hour)
	if _, err := s.ListSubject(context.Background(), "shop", ""); err == nil {
		t.Error("ListSubject: no error")
	}
	if _, err := s.DeleteSubject(context.Background(), "shop", "", sojourn.ID{}); err == nil {
		t.Error("DeleteSubject: no error")
	}
	if _, err := s.TrimSubject(context.Background(), "shop", "", 0, sojourn.ID{}); err == nil {
		t.Error("TrimSubject: no error")
	}
	if s.Len() != 1 {
		t.Error("a visitor's session is gone")
	}
}

func TestUpdate_loginEntersTheIndex(t *testing.T) {
	c := newClock()
	s := newStore(c)
	key := save(t, s, visitor(), hour)
	state := load(t, s, key)
	state.Facts.Subject, state.Facts.Authenticated = "ann", c.now()
	if _, err := s.Update(context.Background(), key, state, hour); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, "list", list(t, s, "shop", "ann"), []sojourn.ID{key.ID()})
	// A second Update must not enter it again.
	if _, err := s.Update(context.Background(), key, load(t, s, key), hour); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, "list", list(t, s, "shop", "ann"), []sojourn.ID{key.ID()})
	if err := s.Delete(context.Background(), key); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, "list", list(t, s, "shop", "ann"), nil)
}

func TestDeleteSubject_keepsOnlyTheNamedSession(t *testing.T) {
	c := newClock()
	s := newStore(c)
	ids := logins(t, s, c, 4)
	other := save(t, s, login("bob", c.now()), hour)
	anonymous := save(t, s, visitor(), hour)
	if n, err := s.DeleteSubject(context.Background(), "shop", "ann", ids[2]); n != 3 || err != nil {
		t.Fatalf("got %d, %v, want 3", n, err)
	}
	wantIDs(t, "list", list(t, s, "shop", "ann"), ids[2:3])
	load(t, s, other)
	load(t, s, anonymous)
	// The one that was kept lives on under the mark: values, touches, a new secret.
	key := ids[2].Key()
	for op, call := range calls(s, key, load(t, s, key), hour) {
		if err := call(context.Background()); err != nil && op != "Update" { // the map's order decides which version Update meets
			t.Errorf("%s: %v", op, err)
		}
	}
	state := load(t, s, key)
	state.Facts.Digest[0]++
	if _, err := s.Update(context.Background(), key, state, hour); err != nil {
		t.Errorf("new secret: %v", err)
	}
	if n, err := s.DeleteSubject(context.Background(), "shop", "ann", sojourn.ID{}); n != 1 || err != nil {
		t.Errorf("got %d, %v, want 1", n, err)
	}
}

func TestMark_refusesLoginsThatBeganBeforeIt(t *testing.T) {
	c := newClock()
	s := newStore(c)
	mine := save(t, s, visitor(), 48*hour)
	kept := save(t, s, login("ann", c.now()), 48*hour)
	c.advance(time.Minute)
	if _, err := s.DeleteSubject(context.Background(), "shop", "ann", kept.ID()); err != nil {
		t.Fatal(err)
	}
	mark := c.now()
	c.advance(time.Minute)
	sessions := s.Len()
	for name, at := range map[string]time.Time{"never": {}, "before": mark.Add(-time.Second), "at": mark} {
		_, err := s.Save(context.Background(), login("ann", at), hour)
		wantErr(t, "Save "+name, err, sojourn.ErrEnded)

		state := load(t, s, mine)
		state.Facts.Subject, state.Facts.Authenticated = "ann", at
		_, err = s.Update(context.Background(), mine, state, hour)
		wantErr(t, "login of a visitor "+name, err, sojourn.ErrEnded)
		if got := load(t, s, mine); got.Facts.Subject != "" {
			t.Errorf("%s: the refused login took effect", name)
		}

		state = load(t, s, kept)
		state.Facts.Authenticated = at
		_, err = s.Update(context.Background(), kept, state, hour)
		wantErr(t, "new login of the same subject "+name, err, sojourn.ErrEnded)
	}
	if s.Len() != sessions {
		t.Errorf("got %d sessions, want %d: a refused Save took a place", s.Len(), sessions)
	}
	wantIDs(t, "list", list(t, s, "shop", "ann"), []sojourn.ID{kept.ID()})

	// Others are not meant, and neither is a later login.
	save(t, s, login("bob", mark), hour)
	foreign := login("ann", mark)
	foreign.Facts.Realm = "admin"
	save(t, s, foreign, hour)
	save(t, s, login("ann", mark.Add(time.Millisecond)), hour)
	state := load(t, s, mine)
	state.Facts.Subject, state.Facts.Authenticated = "ann", mark.Add(time.Millisecond)
	if _, err := s.Update(context.Background(), mine, state, hour); err != nil {
		t.Errorf("later login: %v", err)
	}
}

func TestMark_ofAStaleVersionIsAConflictFirst(t *testing.T) {
	c := newClock()
	s := newStore(c)
	key := save(t, s, visitor(), hour)
	if _, err := s.DeleteSubject(context.Background(), "shop", "ann", sojourn.ID{}); err != nil {
		t.Fatal(err)
	}
	state := login("ann", c.now())
	state.Version = load(t, s, key).Version + 1
	_, err := s.Update(context.Background(), key, state, hour)
	wantErr(t, "Update", err, sojourn.ErrConflict)
}

func TestMark_lastsADayAndNeverMovesBack(t *testing.T) {
	for _, swept := range []bool{false, true} {
		c := newClock()
		s := newStore(c)
		revoke := func() {
			if _, err := s.DeleteSubject(context.Background(), "shop", "ann", sojourn.ID{}); err != nil {
				t.Fatal(err)
			}
		}
		began := c.now().Add(-time.Second)
		c.advance(time.Second)
		revoke()
		c.advance(-2 * time.Second) // this clock is allowed what a wall clock does
		revoke()
		c.advance(2 * time.Second)
		_, err := s.Save(context.Background(), login("ann", c.now()), hour)
		wantErr(t, "Save at the first mark", err, sojourn.ErrEnded)

		check := func(after time.Duration, want error) {
			t.Helper()
			c.advance(after)
			if swept {
				if _, err := s.Sweep(context.Background(), 10); err != nil {
					t.Fatal(err)
				}
			}
			_, err := s.Save(context.Background(), login("ann", began), hour)
			wantErr(t, "Save", err, want)
		}
		check(24*hour-3*time.Second, sojourn.ErrEnded)
		check(3*time.Second, nil)
	}
}

func TestMark_manyAreKeptApartAndRefreshed(t *testing.T) {
	c := newClock()
	s := newStore(c)
	began := c.now()
	subjects := make([]string, 40_000) // more than one index prunes at
	for i := range subjects {
		subjects[i] = sojourn.NewID().String()
		c.advance(time.Millisecond)
		if _, err := s.DeleteSubject(context.Background(), "shop", subjects[i], sojourn.ID{}); err != nil {
			t.Fatal(err)
		}
	}
	refused := func() (n int) {
		for _, subject := range subjects {
			if _, err := s.Save(context.Background(), login(subject, began), hour); err != nil {
				n++
			}
		}
		return n
	}
	if got := refused(); got != len(subjects) {
		t.Errorf("%d of %d marks hold", got, len(subjects))
	}
	c.advance(24*hour - 10*time.Second)
	if _, err := s.Sweep(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	if got, want := refused(), 10_000; got != want {
		t.Errorf("a day later %d marks hold, want %d", got, want)
	}
}

func TestTrimSubject_deletesTheOldestButTheSpared(t *testing.T) {
	cases := map[string]struct {
		n, spare int // spare: index in newest-first order, -1 none
		left     []int
	}{
		"nothing to do":       {5, -1, []int{0, 1, 2, 3, 4}},
		"more than there are": {9, -1, []int{0, 1, 2, 3, 4}},
		"the oldest go":       {3, -1, []int{0, 1, 2}},
		"spare the newest":    {3, 0, []int{0, 1, 2}},
		"spare the oldest":    {3, 4, []int{0, 1, 4}},
		"spare one alone":     {1, 3, []int{3}},
		"none but the spared": {0, 2, []int{2}},
		"none":                {0, -1, nil},
	}
	for name, tc := range cases {
		c := newClock()
		s := newStore(c)
		dead := save(t, s, login("ann", c.now()), time.Second) // does not count
		ids := logins(t, s, c, 5)
		other := save(t, s, login("bob", c.now()), hour)
		var spare sojourn.ID
		if tc.spare >= 0 {
			spare = ids[tc.spare]
		}
		var want, gone []sojourn.ID
		for i, id := range ids {
			if slices.Contains(tc.left, i) {
				want = append(want, id)
			} else {
				gone = append(gone, id)
			}
		}
		trimmed, err := s.TrimSubject(context.Background(), "shop", "ann", tc.n, spare)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(trimmed)
		wantIDs(t, name+": trimmed", trimmed, gone)
		wantIDs(t, name+": left", list(t, s, "shop", "ann"), want)
		for _, id := range gone {
			wantGone(t, s, id.Key())
		}
		wantGone(t, s, dead)
		load(t, s, other)
		// No mark: a login with an early instant passes.
		save(t, s, login("ann", c.now().Add(-hour)), hour)
	}
}

func TestTrimSubject_negativeIsAnError(t *testing.T) {
	c := newClock()
	s := newStore(c)
	key := save(t, s, login("ann", c.now()), hour)
	if _, err := s.TrimSubject(context.Background(), "shop", "ann", -1, sojourn.ID{}); err == nil {
		t.Error("no error")
	}
	load(t, s, key)
}

// One subject with very many sessions is one chain of the index: what leaves must not walk it.
func TestSubject_thousandsOfSessionsComeAndGo(t *testing.T) {
	c := newClock()
	s := newStore(c)
	ids := logins(t, s, c, 3000) // within an hour
	var left []sojourn.ID
	for i, id := range ids {
		if i%3 == 0 {
			left = append(left, id)
		} else if err := s.Delete(context.Background(), id.Key()); err != nil {
			t.Fatal(err)
		}
	}
	wantIDs(t, "left", list(t, s, "shop", "ann"), left)
	if n, err := s.DeleteSubject(context.Background(), "shop", "ann", sojourn.ID{}); n != 1000 || err != nil {
		t.Errorf("got %d, %v, want 1000", n, err)
	}
	wantIDs(t, "left", list(t, s, "shop", "ann"), nil)
}
