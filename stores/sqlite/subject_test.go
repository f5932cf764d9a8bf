package sqlitestore_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

func ids(entries []sojourn.Entry) []sojourn.ID {
	var all []sojourn.ID
	for _, e := range entries {
		all = append(all, e.ID)
	}
	return all
}

func TestListSubject_isNewestFirst(t *testing.T) {
	c := newClock()
	st, _ := open(t, c)
	middle := save(t, st, member("ada", start.Add(2*time.Second)))
	oldest := save(t, st, member("ada", start.Add(1*time.Second)))
	newest := save(t, st, member("ada", start.Add(3*time.Second)))
	other := member("ada", start)
	other.Facts.Realm = "admin"
	save(t, st, other)
	save(t, st, visitor("a", "1"))

	list, err := st.ListSubject(t.Context(), "app", "ada")
	if err != nil {
		t.Fatal(err)
	}
	if want := []sojourn.ID{newest.ID(), middle.ID(), oldest.ID()}; !slices.Equal(ids(list), want) {
		t.Errorf("got %v, want %v", ids(list), want)
	}
	if list[0].Facts != load(t, st, newest).Facts || list[0].TTL != time.Hour {
		t.Errorf("got %+v", list[0])
	}
}

func TestLogin_byUpdate_entersTheIndex(t *testing.T) {
	st, _ := open(t, newClock())
	key := save(t, st, visitor("a", "1"))
	s := load(t, st, key)
	s.Facts.Subject, s.Facts.Authenticated = "ada", start
	if _, err := st.Update(t.Context(), key, s, time.Hour); err != nil {
		t.Fatal(err)
	}
	list, err := st.ListSubject(t.Context(), "app", "ada")
	if err != nil || len(list) != 1 || list[0].ID != key.ID() {
		t.Errorf("got %v, %v, want the session", list, err)
	}
}

func TestDeleteSubject_keepsOneAndOthers(t *testing.T) {
	st, _ := open(t, newClock())
	kept := save(t, st, member("ada", start))
	gone := []sojourn.Key{save(t, st, member("ada", start)), save(t, st, member("ada", start))}
	bob, nobody := save(t, st, member("bob", start)), save(t, st, visitor("a", "1"))
	n, err := st.DeleteSubject(t.Context(), "app", "ada", kept.ID())
	if err != nil || n != 2 {
		t.Fatalf("got %d, %v, want 2", n, err)
	}
	for _, key := range gone {
		if _, err := st.Load(t.Context(), key); !errors.Is(err, sojourn.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	}
	for _, key := range []sojourn.Key{kept, bob, nobody} {
		load(t, st, key)
	}
}

func TestMark_refusesLoginsThatAreNotLater(t *testing.T) {
	c := newClock()
	st, _ := open(t, c)
	guest := save(t, st, visitor("a", "1"))
	kept := save(t, st, member("ada", start))
	c.advance(time.Minute)
	if _, err := st.DeleteSubject(t.Context(), "app", "ada", kept.ID()); err != nil {
		t.Fatal(err)
	}
	mark := c.now()
	c.advance(-30 * time.Second)
	if _, err := st.DeleteSubject(t.Context(), "app", "ada", kept.ID()); err != nil { // must not move it back
		t.Fatal(err)
	}
	c.advance(time.Minute)
	for _, tt := range []struct {
		at   time.Time
		want error
	}{
		{mark.Add(-time.Hour), sojourn.ErrEnded}, {mark, sojourn.ErrEnded}, {time.Time{}, sojourn.ErrEnded},
		{mark.Add(time.Millisecond), nil},
	} {
		if _, err := st.Save(t.Context(), member("ada", tt.at), time.Hour); !errors.Is(err, tt.want) {
			t.Errorf("Save, authenticated at %v: got %v, want %v", tt.at, err, tt.want)
		}
		for who, key := range map[string]sojourn.Key{"visitor": guest, "same subject": kept} {
			s := load(t, st, key)
			s.Facts.Subject, s.Facts.Authenticated = "ada", tt.at
			if _, err := st.Update(t.Context(), key, s, time.Hour); !errors.Is(err, tt.want) {
				t.Errorf("Update of a %s, authenticated at %v: got %v, want %v", who, tt.at, err, tt.want)
			}
		}
	}
	for _, other := range []sojourn.State{member("bob", start), visitor("a", "1")} {
		save(t, st, other)
	}
	admin := member("ada", start)
	admin.Facts.Realm = "admin"
	save(t, st, admin)
}

func TestMark_sparesUpdatesThatAreNoLogins(t *testing.T) {
	c := newClock()
	st, _ := open(t, c)
	kept := save(t, st, member("ada", start))
	c.advance(time.Minute)
	if _, err := st.DeleteSubject(t.Context(), "app", "ada", kept.ID()); err != nil {
		t.Fatal(err)
	}
	s := load(t, st, kept)
	s.Facts.Digest, s.Facts.Renewed = [32]byte{7}, c.now()
	if _, err := st.Update(t.Context(), kept, s, time.Hour); err != nil {
		t.Errorf("a periodic renewal: %v", err)
	}
}

func TestMark_isKeptForADay(t *testing.T) {
	c := newClock()
	st, path := open(t, c)
	if _, err := st.DeleteSubject(t.Context(), "app", "ada", sojourn.ID{}); err != nil {
		t.Fatal(err)
	}
	c.advance(24*time.Hour - time.Millisecond)
	if _, err := st.Sweep(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Save(t.Context(), member("ada", start), time.Hour); !errors.Is(err, sojourn.ErrEnded) {
		t.Errorf("within the day: got %v, want ErrEnded", err)
	}
	c.advance(time.Millisecond)
	if _, err := st.Save(t.Context(), member("ada", start), time.Hour); err != nil {
		t.Errorf("after the day: %v", err)
	}
	if _, err := st.Sweep(t.Context(), 100); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := raw(t, path).QueryRow(`SELECT count(*) FROM sojourn_sessions_marks`).Scan(&n); err != nil || n != 0 {
		t.Errorf("got %d marks after the sweep, %v, want 0", n, err)
	}
}

func TestTrimSubject_deletesTheOldestButTheSpared(t *testing.T) {
	for name, tt := range map[string]struct {
		n     int
		spare int   // which of the five, -1 for none
		want  []int // that are left, the first the oldest
	}{
		"three":                 {3, -1, []int{2, 3, 4}},
		"three, spare oldest":   {3, 0, []int{0, 3, 4}},
		"three, spare newest":   {3, 4, []int{2, 3, 4}},
		"none":                  {0, -1, nil},
		"none but the spared":   {0, 2, []int{2}},
		"one, which is spared":  {1, 1, []int{1}},
		"as many as there are":  {5, 0, []int{0, 1, 2, 3, 4}},
		"more than there are":   {9, -1, []int{0, 1, 2, 3, 4}},
		"a negative limit is 0": {-1, -1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			st, _ := open(t, newClock())
			all := make([]sojourn.ID, 5)
			for _, i := range []int{3, 0, 4, 2, 1} {
				all[i] = save(t, st, member("ada", start.Add(time.Duration(i)*time.Second))).ID()
			}
			bob := save(t, st, member("bob", start))
			spare := bob.ID() // one of another subject spares nothing
			if tt.spare >= 0 {
				spare = all[tt.spare]
			}
			trimmed, err := st.TrimSubject(t.Context(), "app", "ada", tt.n, spare)
			if err != nil {
				t.Fatal(err)
			}
			for i, id := range all {
				_, err := st.Load(t.Context(), id.Key())
				left := slices.Contains(tt.want, i)
				if left != (err == nil) || left == slices.Contains(trimmed, id) {
					t.Errorf("session %d: loading says %v, trimmed %v, want left %v", i, err, slices.Contains(trimmed, id), left)
				}
			}
			load(t, st, bob)
		})
	}
}

func TestExpired_areNotCounted(t *testing.T) {
	c := newClock()
	st, _ := open(t, c)
	save(t, st, member("ada", start))
	save(t, st, member("ada", start))
	c.advance(time.Hour)
	live := save(t, st, member("ada", start))
	if trimmed, err := st.TrimSubject(t.Context(), "app", "ada", 1, sojourn.ID{}); err != nil || len(trimmed) != 0 {
		t.Errorf("TrimSubject: got %v, %v, want none", trimmed, err)
	}
	load(t, st, live)
	if n, err := st.DeleteSubject(t.Context(), "app", "ada", sojourn.ID{}); err != nil || n != 1 {
		t.Errorf("DeleteSubject: got %d, %v, want 1", n, err)
	}
}

func TestEmptySubject_isAnError(t *testing.T) {
	st, _ := open(t, newClock())
	key := save(t, st, visitor("a", "1"))
	_, listed := st.ListSubject(t.Context(), "app", "")
	_, deleted := st.DeleteSubject(t.Context(), "app", "", sojourn.ID{})
	_, trimmed := st.TrimSubject(t.Context(), "app", "", 0, sojourn.ID{})
	for op, err := range map[string]error{"ListSubject": listed, "DeleteSubject": deleted, "TrimSubject": trimmed} {
		if err == nil {
			t.Errorf("%s: no error", op)
		}
	}
	load(t, st, key)
}

// Attack 23 of the design's own review: collations, paddings and patterns that make two subjects one.
func TestSubjects_compareByteForByte(t *testing.T) {
	st, _ := open(t, newClock())
	subjects := []string{"bob", "BOB", "bob ", " bob", "bób", "bo\u0301b", "b%", "b_b", "*", "?", "bob\x00", "bob\x00x",
		"}{*?[\\", "'; DROP TABLE x; --", "\xff", "\xfe", "1", "1.0", "01", "NULL", "x''"}
	for _, subject := range subjects {
		save(t, st, member(subject, start))
	}
	for _, subject := range subjects {
		list, err := st.ListSubject(t.Context(), "app", subject)
		if err != nil || len(list) != 1 || list[0].Facts.Subject != subject {
			t.Errorf("%q: got %v, %v, want its own session", subject, list, err)
		}
	}
	for i, subject := range subjects {
		if n, err := st.DeleteSubject(t.Context(), "app", subject, sojourn.ID{}); err != nil || n != 1 {
			t.Errorf("%q: deleted %d, %v, want 1", subject, n, err)
		}
		if list, _, err := st.List(t.Context(), "", 100); err != nil || len(list) != len(subjects)-i-1 {
			t.Fatalf("%q: %d sessions left, %v, want %d", subject, len(list), err, len(subjects)-i-1)
		}
	}
}
