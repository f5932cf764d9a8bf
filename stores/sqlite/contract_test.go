package sqlitestore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
)

func TestSave_loadsBack(t *testing.T) {
	st, _ := open(t, newClock())
	want := member("ada", start)
	want.Facts.Label, want.Facts.Previous, want.Facts.Refused = "Firefox", [32]byte{2}, true
	key := save(t, st, want)
	got := load(t, st, key)
	if got.Facts != want.Facts || got.Values != want.Values {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.TTL != time.Hour || got.Version == 0 {
		t.Errorf("got TTL %v, version %d, want %v and one above 0", got.TTL, got.Version, time.Hour)
	}
	if key != key.ID().Key() || key.IsZero() {
		t.Errorf("key %#v is not its ID's", key)
	}
}

func TestUpdate_replacesStateAndTTL(t *testing.T) {
	c := newClock()
	st, _ := open(t, c)
	key := save(t, st, visitor("a", "1", "b", "2"))
	s := load(t, st, key)
	first := s.Version
	s.Values = values("c", "3")
	s.Facts.Digest = [32]byte{9}
	if got, err := st.Update(t.Context(), key, s, time.Minute); err != nil || got != key {
		t.Fatalf("got %v, %v, want the same key", got, err)
	}
	got := load(t, st, key)
	if got.Facts != s.Facts || got.Values != s.Values || got.TTL != time.Minute || got.Version == first {
		t.Errorf("got %+v, want %+v with another version and a shorter TTL", got, s)
	}
}

func TestUpdate_otherVersion_isConflict(t *testing.T) {
	st, _ := open(t, newClock())
	key := save(t, st, visitor("a", "1"))
	before := load(t, st, key)
	for _, version := range []uint64{0, before.Version - 1, before.Version + 1, 1 << 63} {
		s := visitor("a", "2")
		s.Version = version
		if version == before.Version {
			continue
		}
		if _, err := st.Update(t.Context(), key, s, 2*time.Hour); !errors.Is(err, sojourn.ErrConflict) {
			t.Errorf("version %d: got %v, want ErrConflict", version, err)
		}
	}
	if got := load(t, st, key); got != before {
		t.Errorf("got %+v, want it as it was: %+v", got, before)
	}
}

// operations are the calls on one key that must answer alike.
func operations(st *sqlitestore.Store, key sojourn.Key, s sojourn.State) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Load": func(ctx context.Context) error { _, err := st.Load(ctx, key); return err },
		"Update": func(ctx context.Context) error {
			_, err := st.Update(ctx, key, s, time.Hour)
			return err
		},
		"UpdateTTL": func(ctx context.Context) error { return st.UpdateTTL(ctx, key, time.Hour) },
		"Patch": func(ctx context.Context) error {
			return st.Patch(ctx, key, sojourn.Patch{Generation: s.Facts.Generation, Set: values("a", "9")}, time.Hour)
		},
	}
}

func TestGone_isNotFound(t *testing.T) {
	gone := map[string]func(*clock, *sqlitestore.Store, sojourn.Key) error{
		"deleted": func(_ *clock, st *sqlitestore.Store, key sojourn.Key) error {
			return st.Delete(context.Background(), key)
		},
		"expired at the very instant": func(c *clock, _ *sqlitestore.Store, _ sojourn.Key) error {
			c.advance(time.Hour)
			return nil
		},
		"swept": func(c *clock, st *sqlitestore.Store, _ sojourn.Key) error {
			c.advance(time.Hour)
			_, err := st.Sweep(context.Background(), 10)
			return err
		},
	}
	for name, end := range gone {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			st, _ := open(t, c)
			key := save(t, st, member("ada", start))
			s := load(t, st, key)
			if err := end(c, st, key); err != nil {
				t.Fatal(err)
			}
			for op, call := range operations(st, key, s) {
				if err := call(t.Context()); !errors.Is(err, sojourn.ErrNotFound) {
					t.Errorf("%s: got %v, want ErrNotFound", op, err)
				}
			}
			if err := st.Delete(t.Context(), key); err != nil {
				t.Errorf("Delete of what is gone: %v", err)
			}
			if list, err := st.ListSubject(t.Context(), "app", "ada"); err != nil || len(list) != 0 {
				t.Errorf("ListSubject: got %v, %v, want none", list, err)
			}
			if list, _, err := st.List(t.Context(), "", 10); err != nil || len(list) != 0 {
				t.Errorf("List: got %v, %v, want none", list, err)
			}
		})
	}
}

func TestAMillisecondBeforeItsExpiry_lives(t *testing.T) {
	c := newClock()
	st, _ := open(t, c)
	key := save(t, st, visitor("a", "1"))
	c.advance(time.Hour - time.Millisecond)
	if got := load(t, st, key); got.TTL != time.Millisecond {
		t.Errorf("got TTL %v, want 1ms", got.TTL)
	}
}

func TestUpdateTTL_extendsNeverShortens(t *testing.T) {
	st, _ := open(t, newClock())
	key := save(t, st, visitor("a", "1"))
	before := load(t, st, key)
	for _, tt := range []struct{ ttl, want time.Duration }{
		{time.Minute, time.Hour},
		{2 * time.Hour, 2 * time.Hour},
		{3*time.Hour - 1, 3 * time.Hour}, // rounded up to a millisecond
	} {
		if err := st.UpdateTTL(t.Context(), key, tt.ttl); err != nil {
			t.Fatal(err)
		}
		got := load(t, st, key)
		if got.TTL != tt.want {
			t.Errorf("after %v: got %v, want %v", tt.ttl, got.TTL, tt.want)
		}
		got.TTL = before.TTL
		if got != before {
			t.Errorf("after %v: got %+v, want all but the TTL as before", tt.ttl, got)
		}
	}
}

func TestNotPositiveTTL_isAnError(t *testing.T) {
	st, _ := open(t, newClock())
	key := save(t, st, visitor("a", "1"))
	s := load(t, st, key)
	for _, ttl := range []time.Duration{0, -1, -time.Hour} {
		_, saved := st.Save(t.Context(), s, ttl)
		_, updated := st.Update(t.Context(), key, s, ttl)
		for op, err := range map[string]error{
			"Save": saved, "Update": updated, "UpdateTTL": st.UpdateTTL(t.Context(), key, ttl),
			"Patch": st.Patch(t.Context(), key, sojourn.Patch{Set: values("a", "2")}, ttl),
		} {
			if err == nil {
				t.Errorf("%s with TTL %v: no error", op, ttl)
			}
		}
	}
	if got := load(t, st, key); got != s {
		t.Errorf("got %+v, want %+v", got, s)
	}
}

func TestLongestTTL_holds(t *testing.T) {
	st, _ := open(t, newClock())
	key, err := st.Save(t.Context(), visitor(), 1<<63-1)
	if err != nil {
		t.Fatal(err)
	}
	if got := load(t, st, key); got.TTL < 100*365*24*time.Hour {
		t.Errorf("got TTL %v", got.TTL)
	}
}

func TestPatch_followsItsDefinition(t *testing.T) {
	for name, tt := range map[string]struct {
		patch sojourn.Patch
		err   error
	}{
		"set and remove":       {sojourn.Patch{Generation: 1, Set: values("a", "2", "d", "4"), Remove: []string{"b"}}, nil},
		"clear all but one":    {sojourn.Patch{Generation: 1, Clear: true, Keep: []string{"b"}, Set: values("z", "0")}, nil},
		"expected":             {sojourn.Patch{Generation: 1, Expect: values("a", "1", "x", ""), Set: values("a", "2")}, nil},
		"unexpected":           {sojourn.Patch{Generation: 1, Expect: values("a", "7"), Set: values("a", "2")}, sojourn.ErrConflict},
		"another generation":   {sojourn.Patch{Generation: 2, Set: values("a", "2")}, sojourn.ErrConflict},
		"too large":            {sojourn.Patch{Generation: 1, Set: values("a", "1234567890"), MaxSize: 8}, sojourn.ErrTooLarge},
		"too many":             {sojourn.Patch{Generation: 1, Set: values("e", "5"), MaxNames: 3}, sojourn.ErrTooLarge},
		"nothing but the TTL":  {sojourn.Patch{Generation: 1}, nil},
		"clear what is hidden": {sojourn.Patch{Generation: 1, Clear: true}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			st, _ := open(t, newClock())
			s := visitor("a", "1", "b", "2", "c", "3")
			s.Facts.Generation = 1
			key := save(t, st, s)
			before := load(t, st, key)
			want, wantErr := before.With(tt.patch)
			if !errors.Is(wantErr, tt.err) {
				t.Fatalf("State.With: got %v, want %v", wantErr, tt.err)
			}
			if err := st.Patch(t.Context(), key, tt.patch, 2*time.Hour); !errors.Is(err, tt.err) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			got := load(t, st, key)
			if tt.err != nil {
				if got != before {
					t.Errorf("got %+v, want it as it was: %+v", got, before)
				}
				return
			}
			if got.Values != want.Values || got.Facts != want.Facts || got.TTL != 2*time.Hour ||
				got.Version == before.Version {
				t.Errorf("got %+v, want %+v, another version, 2h", got, want)
			}
			if err := st.Patch(t.Context(), key, tt.patch, time.Minute); err == nil && load(t, st, key).TTL != 2*time.Hour {
				t.Error("a patch shortened the TTL")
			}
		})
	}
}

func TestUpdate_ofASubject_isRefused(t *testing.T) {
	st, _ := open(t, newClock())
	key := save(t, st, member("ada", start))
	before := load(t, st, key)
	for _, subject := range []string{"bob", "", "ADA", "ada "} {
		s := before
		s.Facts.Subject = subject
		if _, err := st.Update(t.Context(), key, s, time.Hour); err == nil {
			t.Errorf("%q: no error", subject)
		}
	}
	if got := load(t, st, key); got != before {
		t.Errorf("got %+v, want %+v", got, before)
	}
}

func TestCancelledContext_changesNothing(t *testing.T) {
	st, _ := open(t, newClock())
	key := save(t, st, member("ada", start))
	before := load(t, st, key)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	calls := operations(st, key, before)
	calls["Save"] = func(ctx context.Context) error { _, err := st.Save(ctx, before, time.Hour); return err }
	calls["Delete"] = func(ctx context.Context) error { return st.Delete(ctx, key) }
	calls["ListSubject"] = func(ctx context.Context) error { _, err := st.ListSubject(ctx, "app", "ada"); return err }
	calls["DeleteSubject"] = func(ctx context.Context) error {
		_, err := st.DeleteSubject(ctx, "app", "ada", sojourn.ID{})
		return err
	}
	calls["TrimSubject"] = func(ctx context.Context) error {
		_, err := st.TrimSubject(ctx, "app", "ada", 0, sojourn.ID{})
		return err
	}
	calls["List"] = func(ctx context.Context) error { _, _, err := st.List(ctx, "", 10); return err }
	calls["Sweep"] = func(ctx context.Context) error { _, err := st.Sweep(ctx, 10); return err }
	calls["Migrate"] = st.Migrate
	for op, call := range calls {
		if err := call(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", op, err)
		}
	}
	if got := load(t, st, key); got != before {
		t.Errorf("got %+v, want it as it was: %+v", got, before)
	}
	if list, _, err := st.List(t.Context(), "", 10); err != nil || len(list) != 1 {
		t.Errorf("got %d sessions, %v, want 1", len(list), err)
	}
}
