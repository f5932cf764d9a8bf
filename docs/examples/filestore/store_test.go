package filestore_test

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/docs/examples/filestore"
	"github.com/sojourn-go/sojourn/storetest"
)

func TestStore(t *testing.T) {
	var clock storetest.Clock
	storetest.Run(t, func(tb testing.TB) sojourn.Store {
		return filestore.New(folder(tb), filestore.Config{Now: clock.Now})
	}, storetest.Options{Clock: &clock})
}

// The five methods need none of the capabilities beside them.
func TestStore_fiveMethodsAlone(t *testing.T) {
	type five struct{ sojourn.Store }
	var clock storetest.Clock
	storetest.Run(t, func(tb testing.TB) sojourn.Store {
		return five{filestore.New(folder(tb), filestore.Config{Now: clock.Now})}
	}, storetest.Options{Clock: &clock, Rounds: 4})
}

// The guide promises that the store is short, and that it shows all of it.
func TestStore_isShortAndWhollyInTheGuide(t *testing.T) {
	guide, err := os.ReadFile("../../writing-a-store.md")
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("store.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(code), "\n"); n >= 150 {
		t.Errorf("store.go has %d lines, want fewer than 150", n)
	}
	_, body, _ := strings.Cut(string(code), "\n)\n") // after the imports
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "//") && !strings.Contains(string(guide), line) {
			t.Errorf("the guide does not show %q", line)
		}
	}
}

// The cases about records that cannot be read need to be told how to make one.
func TestStore_unreadableStates(t *testing.T) {
	for _, c := range storetest.Cases() {
		if c.Group != "rest" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			root := folder(t)
			st := filestore.New(root, filestore.Config{})
			c.Check(t, func(testing.TB) sojourn.Store { return st }, storetest.Options{
				Rewrite: func(tb testing.TB, key sojourn.Key, change func([]byte) []byte) {
					edit(tb, root, key, func(r *record) { r.State = change(r.State) })
				},
			})
		})
	}
}

func TestLoad_fileThatCannotBeRead(t *testing.T) {
	whole := func(r *record) string {
		text, _ := json.Marshal(r)
		return string(text)
	}
	for _, tt := range []struct {
		name   string
		change func(r *record) string
		want   error
	}{
		{"no JSON", func(r *record) string { return whole(r)[1:] }, sojourn.ErrCorrupt},
		{"cut", func(r *record) string { return whole(r)[:40] }, sojourn.ErrCorrupt},
		{"empty", func(*record) string { return "" }, sojourn.ErrCorrupt},
		{"no version", func(r *record) string { r.Version = 0; return whole(r) }, sojourn.ErrCorrupt},
		{"no state", func(r *record) string { r.State = nil; return whole(r) }, sojourn.ErrCorrupt},
		{"no expiry", func(r *record) string { r.Expires = time.Time{}; return whole(r) }, sojourn.ErrNotFound},
		{"a newer state", func(r *record) string { r.State[0] = 0x7f; return whole(r) }, sojourn.ErrNewer},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := folder(t)
			st := filestore.New(root, filestore.Config{})
			key := save(t, st, nil)
			state, err := st.Load(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			r := read(t, root, key)
			text := tt.change(&r)
			if err := root.WriteFile(key.String(), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := st.Load(t.Context(), key); !errors.Is(err, tt.want) {
				t.Errorf("Load: got error %v, want %v", err, tt.want)
			}
			if _, err := st.Update(t.Context(), key, state, time.Hour); !errors.Is(err, tt.want) {
				t.Errorf("Update: got error %v, want %v", err, tt.want)
			}
			if got, err := root.ReadFile(key.String()); err != nil || string(got) != text {
				t.Errorf("the file is now %q, error %v, want it as it was", got, err)
			}
			other := save(t, st, nil)
			entries, next, err := st.List(t.Context(), "", 10)
			if err != nil || next != "" || len(entries) != 1 || entries[0].ID != other.ID() {
				t.Errorf("List beside it: got %v, %q, error %v", entries, next, err)
			}
		})
	}
}

func TestSave_onlyTheOwnerReadsTheFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no modes")
	}
	root := folder(t)
	key := save(t, filestore.New(root, filestore.Config{}), nil)
	info, err := root.Stat(key.String())
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("got mode %o, want 600", got)
	}
}

func TestUpdate_thatCannotWriteLeavesTheSession(t *testing.T) {
	root := folder(t)
	st := filestore.New(root, filestore.Config{})
	key := save(t, st, map[string]string{"a": `1`})
	if err := root.MkdirAll("draft/full", 0o700); err != nil { // no file can have this name now
		t.Fatal(err)
	}
	state, err := st.Load(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	state.Values = sojourn.Values{}
	if _, err := st.Update(t.Context(), key, state, time.Hour); err == nil {
		t.Error("Update: got no error")
	}
	if got, err := st.Load(t.Context(), key); err != nil || got.Values.Get("a") != `1` || got.Version != state.Version {
		t.Errorf("got %v, error %v, want the session as it was", got.Values, err)
	}
}

func TestList_leavesOtherFilesAlone(t *testing.T) {
	root := folder(t)
	now := time.Now()
	st := filestore.New(root, filestore.Config{Now: func() time.Time { return now }})
	key := save(t, st, nil)
	for _, name := range []string{"draft", "README", "ABCDEF0123456789ABCDEF0123456789"} {
		if err := root.WriteFile(name, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if entries, _, err := st.List(t.Context(), "", 10); err != nil || len(entries) != 1 || entries[0].ID != key.ID() {
		t.Errorf("List: got %v, error %v", entries, err)
	}
	now = now.Add(time.Hour)
	if n, err := st.Sweep(t.Context(), 10); err != nil || n != 1 {
		t.Errorf("Sweep: got %d, error %v, want 1", n, err)
	}
	if _, err := root.Stat("README"); err != nil {
		t.Errorf("another file is gone: %v", err)
	}
}

// folder opens a folder of tb's own.
func folder(tb testing.TB) *os.Root {
	tb.Helper()
	root, err := os.OpenRoot(tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { root.Close() })
	return root
}

func save(tb testing.TB, st sojourn.Store, values map[string]string) sojourn.Key {
	tb.Helper()
	key, err := st.Save(tb.Context(), sojourn.State{Values: sojourn.CollectValues(maps.All(values))}, time.Hour)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// record is what a file holds, as the guide shows it.
type record struct {
	Version uint64    `json:"version"`
	Expires time.Time `json:"expires"`
	State   []byte    `json:"state"`
}

func read(tb testing.TB, root *os.Root, key sojourn.Key) (r record) {
	tb.Helper()
	text, err := root.ReadFile(key.String())
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		tb.Fatal(err)
	}
	return r
}

// edit changes a session's file as somebody with an editor would.
func edit(tb testing.TB, root *os.Root, key sojourn.Key, change func(r *record)) {
	tb.Helper()
	r := read(tb, root, key)
	change(&r)
	text, err := json.Marshal(r)
	if err != nil {
		tb.Fatal(err)
	}
	if err := root.WriteFile(key.String(), text, 0o600); err != nil {
		tb.Fatal(err)
	}
}
