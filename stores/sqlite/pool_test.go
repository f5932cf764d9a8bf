package sqlitestore

import (
	"database/sql"
	"path/filepath"
	"testing"
)

// How the connections are set is visible only from within.
func TestPools_areSetAsDocumented(t *testing.T) {
	const normal, full = 1, 2
	for _, tt := range []struct {
		fullSync bool
		readers  int
		sync     int
	}{{false, 3, normal}, {true, 1, full}} {
		st, err := Open(t.Context(), Config{
			Path: filepath.Join(t.TempDir(), "sessions.db"), FullSync: tt.fullSync, Readers: tt.readers,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		for _, c := range []struct {
			db     *sql.DB
			pragma string
			want   int
		}{
			{st.writer, "synchronous", tt.sync},
			{st.writer, "busy_timeout", 5000},
			{st.writer, "foreign_keys", 1},
			{st.writer, "query_only", 0},
			{st.reader, "busy_timeout", 5000},
			{st.reader, "query_only", 1},
		} {
			var got int
			if err := c.db.QueryRow("PRAGMA " + c.pragma).Scan(&got); err != nil || got != c.want {
				t.Errorf("%s: got %d, %v, want %d", c.pragma, got, err, c.want)
			}
		}
		if w, r := st.writer.Stats().MaxOpenConnections, st.reader.Stats().MaxOpenConnections; w != 1 || r != tt.readers {
			t.Errorf("got %d writers and %d readers, want 1 and %d", w, r, tt.readers)
		}
	}
}
