package postgresstore_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
)

// operations are the calls on one key that must answer alike.
func operations(st *postgresstore.Store, key sojourn.Key, s sojourn.State) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Load": func(ctx context.Context) error { _, err := st.Load(ctx, key); return err },
		"Update": func(ctx context.Context) error {
			_, err := st.Update(ctx, key, s, time.Hour)
			return err
		},
		"UpdateTTL": func(ctx context.Context) error { return st.UpdateTTL(ctx, key, 2*time.Hour) },
		"Patch": func(ctx context.Context) error {
			return st.Patch(ctx, key, sojourn.Patch{Generation: s.Facts.Generation, Set: values("a", "9")}, time.Hour)
		},
	}
}

// everything adds the calls on no key, and the one whose answer is always the same.
func everything(st *postgresstore.Store, key sojourn.Key, s sojourn.State) map[string]func(context.Context) error {
	calls := operations(st, key, s)
	calls["Save"] = func(ctx context.Context) error { _, err := st.Save(ctx, s, time.Hour); return err }
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
	calls["Watch"] = func(ctx context.Context) error { return st.Watch(ctx, func(sojourn.ID) {}) }
	return calls
}

func TestCancelledContext_changesNothing(t *testing.T) {
	st, table := open(t)
	key := save(t, st, member("ada", start))
	state := load(t, st, key)
	before := ask[string](t, "SELECT md5(t::text) FROM %s AS t", table)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for op, call := range everything(st, key, state) {
		if err := call(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", op, err)
		}
	}
	if after := ask[string](t, "SELECT md5(t::text) FROM %s AS t", table); after != before {
		t.Error("the row has changed")
	}
}

func TestExpired_isNotFoundAndNotCounted(t *testing.T) {
	st, table := open(t)
	key := save(t, st, member("ada", start))
	s := load(t, st, key)
	live := save(t, st, member("ada", start.Add(-time.Hour)))
	expireNow(t, table, key)
	for op, call := range operations(st, key, s) {
		if err := call(t.Context()); !errors.Is(err, sojourn.ErrNotFound) {
			t.Errorf("%s: got %v, want ErrNotFound", op, err)
		}
	}
	if list, err := st.ListSubject(t.Context(), "app", "ada"); err != nil || len(list) != 1 || list[0].ID != live.ID() {
		t.Errorf("ListSubject: got %v, %v, want the live one", list, err)
	}
	if trimmed, err := st.TrimSubject(t.Context(), "app", "ada", 1, sojourn.ID{}); err != nil || len(trimmed) != 0 {
		t.Errorf("TrimSubject: got %v, %v, want none", trimmed, err)
	}
	if n, err := st.DeleteSubject(t.Context(), "app", "ada", sojourn.ID{}); err != nil || n != 1 {
		t.Errorf("DeleteSubject: got %d, %v, want 1", n, err)
	}
	if n := ask[int](t, "SELECT count(*) FROM %s", table); n != 0 {
		t.Errorf("%d rows are left, want 0", n)
	}
}

func TestUpdate_ofASubject_isRefused(t *testing.T) {
	st, _ := open(t)
	key := save(t, st, member("ada", start))
	before := load(t, st, key)
	for _, subject := range []string{"bob", "", "ADA", "ada "} {
		s := before
		s.Facts.Subject = subject
		if _, err := st.Update(t.Context(), key, s, time.Hour); err == nil {
			t.Errorf("%q: no error", subject)
		}
	}
	s := before
	s.Facts.Realm = "admin"
	if _, err := st.Update(t.Context(), key, s, time.Hour); err == nil {
		t.Error("another realm: no error")
	}
	if got := load(t, st, key); timeless(got) != timeless(before) {
		t.Errorf("got %+v, want %+v", got, before)
	}
}

func TestEmptySubject_isAnError(t *testing.T) {
	st, _ := open(t)
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

func TestTrimSubject_deletesTheOldestButTheSpared(t *testing.T) {
	for name, tt := range map[string]struct {
		n     int
		spare int   // which of the five, -1 for none
		want  []int // that are left, the first the oldest
	}{
		"three":                 {3, -1, []int{2, 3, 4}},
		"three, spare oldest":   {3, 0, []int{0, 3, 4}},
		"none":                  {0, -1, nil},
		"none but the spared":   {0, 2, []int{2}},
		"as many as there are":  {5, 0, []int{0, 1, 2, 3, 4}},
		"more than there are":   {9, -1, []int{0, 1, 2, 3, 4}},
		"a negative limit is 0": {-1, -1, nil},
	} {
		t.Run(name, func(t *testing.T) {
			st, _ := open(t)
			all := make([]sojourn.ID, 5)
			for _, i := range []int{3, 0, 4, 2, 1} {
				all[i] = save(t, st, member("ada", start.Add(time.Duration(i)*time.Second))).ID()
			}
			spare := save(t, st, member("bob", start)).ID() // one of another subject spares nothing
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
		})
	}
}

// Patch is written in SQL: that it does what State.With does is not a matter of course.
func TestPatch_followsItsDefinition(t *testing.T) {
	st, _ := open(t)
	old := values("a", "1", "b", "2", "c", "3", "empty", "")
	big := values("big", `"`+strings.Repeat("x", 128)+`"`, "a", "1")
	for name, tt := range map[string]struct {
		old   sojourn.Values
		patch sojourn.Patch
	}{
		"set and remove":                       {old, sojourn.Patch{Set: values("a", "2", "d", "4"), Remove: []string{"b", "x"}}},
		"clear all but one":                    {old, sojourn.Patch{Clear: true, Keep: []string{"b", "x"}, Set: values("z", "0")}},
		"clear, remove what was kept":          {old, sojourn.Patch{Clear: true, Keep: []string{"a", "b"}, Remove: []string{"b"}}},
		"remove and set the same":              {old, sojourn.Patch{Remove: []string{"a"}, Set: values("a", "9")}},
		"set to nothing":                       {old, sojourn.Patch{Set: values("a", "", "new", "")}},
		"expected":                             {old, sojourn.Patch{Expect: values("a", "1", "x", ""), Set: values("a", "2")}},
		"expected absent, kept empty":          {old, sojourn.Patch{Expect: values("empty", ""), Set: values("a", "2")}},
		"expected absent, is there":            {old, sojourn.Patch{Expect: values("a", "", "empty", ""), Set: values("a", "2")}},
		"unexpected":                           {old, sojourn.Patch{Expect: values("a", "7"), Set: values("a", "2")}},
		"unexpected prefix":                    {old, sojourn.Patch{Expect: values("big", `"`), Set: values("a", "2")}},
		"another generation":                   {old, sojourn.Patch{Generation: 9, Set: values("a", "2")}},
		"size reached":                         {old, sojourn.Patch{Set: values("d", "45"), MaxSize: 14}},
		"size passed":                          {old, sojourn.Patch{Set: values("d", "456"), MaxSize: 13}},
		"size passed, but shrunk":              {big, sojourn.Patch{Remove: []string{"a"}, MaxSize: 10}},
		"size passed, and the same":            {big, sojourn.Patch{Set: values("a", "2"), MaxSize: 10}},
		"size passed, nothing to do":           {big, sojourn.Patch{MaxSize: 10}},
		"size counted in bytes":                {old, sojourn.Patch{Set: values("é", `"日本"`), MaxSize: 22}},
		"size counted in bytes, passed":        {old, sojourn.Patch{Set: values("é", `"日本"`), MaxSize: 21}},
		"size counted without escapes":         {values(), sojourn.Patch{Set: values("q", `"\"\""`), MaxSize: 7}},
		"names reached":                        {old, sojourn.Patch{Set: values("d", "4"), MaxNames: 5}},
		"names passed":                         {old, sojourn.Patch{Set: values("d", "4", "e", "5"), MaxNames: 5}},
		"names passed, but fewer":              {old, sojourn.Patch{Remove: []string{"a"}, MaxNames: 2}},
		"names passed, as many":                {old, sojourn.Patch{Remove: []string{"a"}, Set: values("z", "1"), MaxNames: 2}},
		"conflict before size":                 {old, sojourn.Patch{Expect: values("a", "7"), Set: values("d", "4"), MaxSize: 1}},
		"nothing but the TTL":                  {old, sojourn.Patch{}},
		"clear what is hidden":                 {old, sojourn.Patch{Clear: true}},
		"negative limits are none":             {old, sojourn.Patch{Set: values("d", "4"), MaxSize: -1, MaxNames: -5}},
		"all at once":                          {old, sojourn.Patch{Expect: values("b", "2"), Clear: true, Keep: []string{"c"}, Remove: []string{"c", "d"}, Set: values("d", "4"), MaxSize: 2, MaxNames: 1}},
		"all at once, one byte too many":       {old, sojourn.Patch{Expect: values("b", "2"), Clear: true, Keep: []string{"c"}, Set: values("d", "4"), MaxSize: 3, MaxNames: 2}},
		"keep without clear means nothing":     {old, sojourn.Patch{Keep: []string{"a"}, Set: values("d", "4")}},
		"a name that is an operator's":         {old, sojourn.Patch{Remove: []string{"-1", "0", "{a}"}, Set: values("{a,b}", "1")}},
		"expecting what json would call equal": {values("a", "1.0"), sojourn.Patch{Expect: values("a", "1"), Set: values("a", "2")}},
	} {
		t.Run(name, func(t *testing.T) {
			s := visitor()
			s.Values = tt.old
			key := save(t, st, s)
			before := load(t, st, key)
			want, wantErr := before.With(tt.patch)
			err := st.Patch(t.Context(), key, tt.patch, 2*time.Hour)
			if !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
				t.Fatalf("got %v, want %v", err, wantErr)
			}
			got := load(t, st, key)
			if got.Values != want.Values || got.Facts != want.Facts {
				t.Errorf("got  %#v %v\nwant %#v", got.Values, got.Values.Len(), want.Values)
			}
			for name, text := range want.Values.All() {
				if got.Values.Get(name) != text {
					t.Errorf("%q: got %q, want %q", name, got.Values.Get(name), text)
				}
			}
			if changed := got.Version != before.Version; changed != (err == nil) {
				t.Errorf("version %d after %d, error %v", got.Version, before.Version, err)
			}
			if extended := got.TTL > time.Hour; extended != (err == nil) {
				t.Errorf("TTL %v, error %v", got.TTL, err)
			}
		})
	}
}
