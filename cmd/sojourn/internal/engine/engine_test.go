package engine_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/engine"
	_ "modernc.org/sqlite"
)

func TestOpen_refusesWhatIsNoAddress(t *testing.T) {
	for _, tt := range []struct{ address, want string }{
		{"", "want sqlite:FILE"},
		{"sessions.db", "want sqlite:FILE"},
		{"/var/lib/sessions.db", "want sqlite:FILE"},
		{"nosuch://ada:hunter2@localhost", "want sqlite:FILE"},
		{"ada:hunter2@tcp(localhost)/shop", "want sqlite:FILE"},
		{"sqlite:", "no file"},
		{"sqlite://demo.db", "sqlite:FILE"},
		{"sqlite::memory:", "memstore"},
		{"memory:8080", "write memory"},
		{"sqlite:no/such/folder/a.db", "no/such/folder"},
	} {
		for what, open := range map[string]func() error{
			"open": func() error {
				st, err := engine.Open(t.Context(), tt.address, "")
				if err == nil {
					st.Close()
				}
				return err
			},
			"schema": func() error {
				_, err := engine.Schema(tt.address, "")
				return err
			},
		} {
			err := open()
			if what == "schema" && (err == nil || errors.Is(err, engine.ErrNoTables)) {
				continue // it opens nothing
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s %q: got %v, want it to say %q", what, tt.address, err, tt.want)
			}
		}
	}
}

func TestOpen_opensWhatWorks(t *testing.T) {
	folder := t.TempDir()
	for _, tt := range []struct {
		address, engine, file string
		tables                bool
	}{
		{"memory", "memory", "", false},
		{"memory:", "memory", "", false},
		{"MEMORY://", "memory", "", false},
		{"sqlite:" + folder + "/a.db", "SQLite", folder + "/a.db", true},
		{"sqlite://" + folder + "/b.db", "SQLite", folder + "/b.db", true},
	} {
		st, err := engine.Open(t.Context(), tt.address, "")
		if err != nil {
			t.Errorf("%s: %v", tt.address, err)
			continue
		}
		if st.Engine != tt.engine || st.File != tt.file || (st.Migrate != nil) != tt.tables || st.Name != tt.address {
			t.Errorf("%s: got %+v", tt.address, st)
		}
		if _, err := st.Sessions.Save(t.Context(), sojourn.State{}, time.Hour); err != nil {
			t.Errorf("%s: %v", tt.address, err)
		}
		if err := st.Close(); err != nil {
			t.Errorf("%s: %v", tt.address, err)
		}
	}
}

// What is printed is what Migrate would do: it finds nothing left to do.
func TestSchema_ofSQLiteIsWhole(t *testing.T) {
	for _, table := range []string{"", "visits"} {
		schema, err := engine.Schema("sqlite:any.db", table)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "printed.db")
		db, err := sql.Open("sqlite", file)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), schema); err != nil {
			t.Fatalf("%v in\n%s", err, schema)
		}
		st, err := engine.Open(t.Context(), "sqlite:"+file, table)
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		if err := st.Migrate(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := st.Sessions.Save(t.Context(), sojourn.State{}, time.Hour); err != nil {
			t.Error(err)
		}
		want := table
		if want == "" {
			want = "sojourn_sessions"
		}
		var tables int
		if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM "`+want+`"`).Scan(&tables); err != nil || tables != 1 {
			t.Errorf("%q: got %d sessions, %v", want, tables, err)
		}
	}
	if _, err := engine.Schema("memory", ""); !errors.Is(err, engine.ErrNoTables) {
		t.Errorf("memory: got %v, want %v", err, engine.ErrNoTables)
	}
	if _, err := engine.Schema("sqlite:any.db", "no; table"); err == nil {
		t.Error("got no error for a name that is none")
	}
}
