package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
)

// increment adds one to "n" as the manager would: expecting what it read, until it is met.
func increment(ctx context.Context, st sojourn.Store, key sojourn.Key) error {
	for {
		s, err := st.Load(ctx, key)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(s.Values.Get("n"))
		if err != nil {
			return err
		}
		err = st.(sojourn.Patcher).Patch(ctx, key, sojourn.Patch{
			Generation: s.Facts.Generation,
			Expect:     values("n", strconv.Itoa(n)),
			Set:        values("n", strconv.Itoa(n+1)),
		}, time.Hour)
		if !errors.Is(err, sojourn.ErrConflict) {
			return err
		}
	}
}

const countEach = 150

// countForParent is a child's work: to increment the file's only session.
func countForParent(path string) {
	st, err := sqlitestore.Open(context.Background(), sqlitestore.Config{Path: path})
	must(err)
	page, _, err := st.List(context.Background(), "", 1)
	must(err)
	for range countEach {
		must(increment(context.Background(), st, page[0].ID.Key()))
	}
	must(st.Close())
}

func openOnce(path string) {
	st, err := sqlitestore.Open(context.Background(), sqlitestore.Config{Path: path})
	must(err)
	must(st.Close())
}

// must ends a child that cannot do its work.
func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
}

func TestTwoProcesses_countExactly(t *testing.T) {
	st, path := open(t, nil)
	key := save(t, st, visitor("n", "0"))
	cmd := child(t, "count", path)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for range countEach {
		if err := increment(t.Context(), st, key); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := load(t, st, key).Values.Get("n"); got != strconv.Itoa(2*countEach) {
		t.Errorf("got %s, want %d", got, 2*countEach)
	}
}

func TestManyProcesses_createOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sessions.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := child(t, "migrate", path).Run(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var steps int
	if err := raw(t, path).QueryRow(`SELECT count(*) FROM sojourn_sessions_schema`).Scan(&steps); err != nil || steps != 1 {
		t.Errorf("got %d steps taken, %v, want 1", steps, err)
	}
}

func TestCommandSqlite3_readsTheLiveFile(t *testing.T) {
	command, err := exec.LookPath("sqlite3")
	if err != nil {
		missing := "the command sqlite3 is not there: install the Debian package sqlite3"
		if os.Getenv("SOJOURN_TEST_REQUIRE") == "all" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	st, path := open(t, newClock())
	s := member("ada", start)
	s.Values = values("cart", `[1,2]`, "name", `"Ada \"x\" Łovelace"`)
	key := save(t, st, s)

	out, err := exec.CommandContext(t.Context(), command, path,
		`SELECT id, subject, created, values_json FROM sojourn_sessions_readable`).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := key.ID().String() + `|ada|2026-03-01T12:00:00.000Z|{"cart":[1,2],"name":"Ada \"x\" Łovelace"}` + "\n"
	if string(out) != want {
		t.Errorf("got  %s\nwant %s", out, want)
	}

	// The statement that doc.go of sqlstore tells an operator to type.
	out, err = exec.CommandContext(t.Context(), command, path,
		`DELETE FROM sojourn_sessions WHERE hex(id) = upper('`+key.ID().String()+`')`).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "" {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := st.Load(t.Context(), key); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("after an operator deleted it: got %v, want ErrNotFound", err)
	}
}
