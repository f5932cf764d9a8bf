package sqlitestore_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sqlstore"
	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
)

func TestOpen_nonsense_namesTheField(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		field string
		cfg   sqlitestore.Config
	}{
		{"Path", sqlitestore.Config{}},
		{"Path", sqlitestore.Config{Path: ":memory:"}},
		{"Path", sqlitestore.Config{Path: "file::memory:?cache=shared"}},
		{"Path", sqlitestore.Config{Path: "a\x00b"}},
		{"Readers", sqlitestore.Config{Path: filepath.Join(dir, "a"), Readers: -1}},
		{"Table", sqlitestore.Config{Path: filepath.Join(dir, "a"), Table: "a b"}},
	} {
		st, err := sqlitestore.Open(t.Context(), tt.cfg)
		var wrong *sojourn.ConfigError
		if st != nil || !errors.As(err, &wrong) || wrong.Field != tt.field {
			t.Errorf("%+v: got %v, %v, want a ConfigError of %s", tt.cfg, st, err, tt.field)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "sqlitestore: Config."+tt.field+": ") {
			t.Errorf("%+v: got %q, want it to say whose Config it is", tt.cfg, err)
		}
	}
}

func TestOpen_whereNoFileCanBe_namesIt(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "no", "such", "directory"), text} {
		st, err := sqlitestore.Open(t.Context(), sqlitestore.Config{Path: path})
		if err == nil {
			st.Close()
			t.Errorf("%s: no error", filepath.Base(path))
			continue
		}
		if want := "sqlitestore: open " + path + ": "; !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %q, want it to begin with %q", err, want)
		}
		if path == dir && !errors.Is(err, syscall.EISDIR) {
			t.Errorf("got %q, want it to say that the path is a directory", err)
		}
	}
}

func TestOpen_cancelled_fails(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := sqlitestore.Open(ctx, sqlitestore.Config{Path: filepath.Join(t.TempDir(), "a")})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// SEC-83.
func TestOpen_newFile_isItsOwnersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no file modes")
	}
	st, path := open(t, nil)
	save(t, st, visitor("a", "1"))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("sessions.db%s: mode %v, want 0600", suffix, info.Mode().Perm())
		}
	}
}

func TestOpen_oldFile_keepsItsMode(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no file modes")
	}
	path := filepath.Join(t.TempDir(), "sessions.db")
	openAt(t, path, nil).Close()
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	openAt(t, path, nil)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("got %v, %v, want 0640", info.Mode(), err)
	}
}

func TestOpen_oddPaths_areJustPaths(t *testing.T) {
	dir := t.TempDir()
	names := []string{"a?mode=memory&_pragma=x", "a#b", "a%41b", "a b+c", "ü😀", "a&b=c;d", "'quoted\""}
	if runtime.GOOS == "windows" {
		names = []string{"a#b", "a%41b", "ü"}
	}
	for _, name := range names {
		st := openAt(t, filepath.Join(dir, name), nil)
		key := save(t, st, visitor("a", "1"))
		load(t, st, key)
		st.Close()
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(names) {
		t.Errorf("got %v, %v, want %q and nothing else", entries, err, names)
	}
}

func TestClose_leavesOneFileThatReopens(t *testing.T) {
	c := newClock()
	path := filepath.Join(t.TempDir(), "sessions.db")
	st := openAt(t, path, c)
	key := save(t, st, visitor("a", "1"))
	want := load(t, st, key)
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Load(t.Context(), key); err == nil || errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("after Close: got %v, want an outage", err)
	}
	if left, _ := filepath.Glob(path + "*"); len(left) != 1 {
		t.Errorf("got %v, want the file alone", left)
	}
	if got := load(t, openAt(t, path, c), key); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestFile_keepsAWriteAheadLog(t *testing.T) {
	_, path := open(t, nil)
	var mode string
	if err := raw(t, path).QueryRow("PRAGMA journal_mode").Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("got journal mode %q, %v, want wal", mode, err)
	}
}

func TestMigrate_isRepeatable(t *testing.T) {
	st, path := open(t, nil)
	key := save(t, st, visitor("a", "1"))
	for range 3 {
		if err := st.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	load(t, st, key)
	execute(t, path, `INSERT INTO sojourn_sessions_schema VALUES (2)`)
	if err := st.Migrate(t.Context()); !errors.Is(err, sojourn.ErrNewer) {
		t.Errorf("tables of a newer release: got %v, want ErrNewer", err)
	}
}

func TestSchema_isWhatMigrateDoes(t *testing.T) {
	_, path := open(t, nil)
	byHand := filepath.Join(t.TempDir(), "by-hand.db")
	db := raw(t, byHand)
	st, err := sqlstore.New(db, sqlstore.Config{Dialect: sqlstore.SQLite})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("BEGIN;" + st.Schema() + "COMMIT;"); err != nil {
		t.Fatal(err)
	}
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	load(t, st, save(t, st, visitor("a", "1")))
	const all = `SELECT group_concat(coalesce(sql, name), char(10)) FROM (SELECT * FROM sqlite_schema ORDER BY name)`
	var got, want string
	if err := db.QueryRow(all).Scan(&got); err != nil {
		t.Fatal(err)
	}
	if err := raw(t, path).QueryRow(all).Scan(&want); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTable_inAnotherSchema(t *testing.T) {
	db := raw(t, filepath.Join(t.TempDir(), "a.db"))
	if _, err := db.Exec(`ATTACH ? AS web`, filepath.Join(t.TempDir(), "b.db")); err != nil {
		t.Fatal(err)
	}
	st, err := sqlstore.New(db, sqlstore.Config{Dialect: sqlstore.SQLite, Table: "web.select"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Load(t.Context(), sojourn.NewID().Key()); err == nil || errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("before Migrate: got %v, want an error of the database", err)
	}
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	key := save(t, st, member("ada", start))
	if list, err := st.ListSubject(t.Context(), "app", "ada"); err != nil || len(list) != 1 {
		t.Errorf("got %v, %v, want one session", list, err)
	}
	var id string
	if err := db.QueryRow(`SELECT id FROM web.select_readable`).Scan(&id); err != nil || id != key.String() {
		t.Errorf("got %q, %v, want %v", id, err, key)
	}
}
