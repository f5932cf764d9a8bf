package filestore_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"runtime"
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

// The cases about records that cannot be read need to be told how to make one.
func TestStore_unreadableFacts(t *testing.T) {
	for _, c := range storetest.Cases() {
		if c.Group != "rest" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			root := folder(t)
			st := filestore.New(root, filestore.Config{})
			c.Check(t, func(testing.TB) sojourn.Store { return st }, storetest.Options{
				Rewrite: func(tb testing.TB, key sojourn.Key, change func([]byte) []byte) {
					edit(tb, root, key, func(file map[string]any) {
						facts, err := base64.StdEncoding.DecodeString(file["facts"].(string))
						if err != nil {
							tb.Error(err)
						}
						file["facts"] = change(facts)
					})
				},
			})
		})
	}
}

func TestLoad_fileThatCannotBeRead(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(file map[string]any)
		want   error
	}{
		{"a newer format", func(file map[string]any) { file["format"] = 2 }, sojourn.ErrNewer},
		{"a newer format of another shape", func(file map[string]any) { file["format"], file["values"] = 2, 7 }, sojourn.ErrNewer},
		{"no format", func(file map[string]any) { delete(file, "format") }, sojourn.ErrCorrupt},
		{"no version", func(file map[string]any) { delete(file, "version") }, sojourn.ErrCorrupt},
		{"no facts", func(file map[string]any) { delete(file, "facts") }, sojourn.ErrCorrupt},
		{"values of another shape", func(file map[string]any) { file["values"] = []int{1} }, sojourn.ErrCorrupt},
		{"no expiry", func(file map[string]any) { delete(file, "expires") }, sojourn.ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := folder(t)
			st := filestore.New(root, filestore.Config{})
			key := save(t, st, nil)
			edit(t, root, key, tt.change)
			if _, err := st.Load(t.Context(), key); !errors.Is(err, tt.want) {
				t.Errorf("got error %v, want %v", err, tt.want)
			}
			other := save(t, st, nil)
			entries, next, err := st.List(t.Context(), "", 10)
			if err != nil || next != "" || len(entries) != 1 || entries[0].ID != other.ID() {
				t.Errorf("List beside it: got %v, %q, error %v", entries, next, err)
			}
		})
	}
}

func TestLoad_bytesThatAreNotUTF8ComeBack(t *testing.T) {
	st := filestore.New(folder(t), filestore.Config{})
	for name, text := range map[string]string{
		"text\xff": `"a"`, "text": "\"\xc3\x28\"", "base64:": `1`, "base64:YQ==": `2`, "a": `3`, "\xed\xa0\x80": "base64:%",
	} {
		want := map[string]string{name: text}
		state, err := st.Load(t.Context(), save(t, st, want))
		if got := maps.Collect(state.Values.All()); err != nil || !maps.Equal(got, want) {
			t.Errorf("got %q, error %v, want %q", got, err, want)
		}
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

func TestSave_theFileIsReadable(t *testing.T) {
	root := folder(t)
	key := save(t, filestore.New(root, filestore.Config{}), map[string]string{"cart": `["tea"]`})
	text, err := root.ReadFile(key.String())
	if want := []byte(`"cart": "[\"tea\"]"`); err != nil || !bytes.Contains(text, want) {
		t.Errorf("got %s, error %v, want %s in it", text, err, want)
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

// edit changes a session's file as somebody with an editor would.
func edit(tb testing.TB, root *os.Root, key sojourn.Key, change func(file map[string]any)) {
	tb.Helper()
	text, err := root.ReadFile(key.String())
	if err != nil {
		tb.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		tb.Fatal(err)
	}
	change(file)
	if text, err = json.Marshal(file); err != nil {
		tb.Fatal(err)
	}
	if err := root.WriteFile(key.String(), text, 0o600); err != nil {
		tb.Fatal(err)
	}
}
