// Package sqlstore keeps Sojourn's sessions in a SQL database that the application already has, through any database/sql
// driver. SQLite is the dialect of this release.
//
//	db, err := sql.Open("sqlite", "file:app.db?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
//	if err != nil {
//		return err
//	}
//	st, err := sqlstore.New(db, sqlstore.Config{Dialect: sqlstore.SQLite})
//	if err != nil {
//		return err
//	}
//	if err := st.Migrate(ctx); err != nil { // or hand st.Schema() to your own migrations
//		return err
//	}
//	manager, err := sojourn.New(st, sojourn.Config{})
//
// An application that has no database yet takes package github.com/sojourn-go/sojourn/stores/sqlite, which brings a
// driver and opens a file as sessions want it.
//
// # Promises
//
// Each method is one transaction, and Load is one SELECT outside of any; only where that finds an expired row does Load
// look again in a transaction, so that no write in flight brings back what was answered to be gone. A transaction takes
// SQLite's write lock with its first statement and reads the clock after it has the lock: a write that waited across the
// expiry of its session finds nothing ([sojourn.ErrNotFound]), whoever held the lock. SQLite has no clock of its own;
// Config.Now, by default the process's, decides, in milliseconds. Processes that share a file share a machine and so its
// clock.
//
// All capabilities but [sojourn.Watcher] are there: [sojourn.Patcher], [sojourn.SubjectIndex], [sojourn.Lister] and
// [sojourn.Sweeper]. SQLite cannot tell other processes of a change, so the manager re-checks live sessions now and then.
//
// What a return value acknowledges is in the database as the database's own settings promise. With SQLite's WAL and
// synchronous=NORMAL that is: a killed process loses nothing; a power cut may undo the last commits, logouts among them,
// and leaves the file whole. With synchronous=FULL nothing is undone. No write is tried twice.
//
// # How a session is kept
//
// One row of the table sojourn_sessions (Config.Table) per session:
//
//	id             16 bytes
//	version        1, and 1 more with each change
//	expires        milliseconds since 1970 UTC
//	realm, subject bytes, so that they compare byte for byte under every encoding and collation
//	created, authenticated, deadline   milliseconds since 1970 UTC; a zero time is that of year 1
//	values_at      where in record the values begin
//	record         the binary form of [sojourn.State], with version and checksum
//
// The record is the truth; the columns beside it are copies of facts, for the indexes and for people. Facts and values
// are in one checked form rather than in a JSON column because names and texts then come back byte for byte whatever
// they hold, damage shows as [sojourn.ErrCorrupt] instead of a strange value, a record of a later release as
// [sojourn.ErrNewer], and reading costs no decoding. People and scripts read the view instead, which takes the records
// apart in plain SQL and needs no code of ours:
//
//	sqlite3 app.db "SELECT id, subject, expires, values_json FROM sojourn_sessions_readable"
//
// values_json is an object with the values in place. A text that is not JSON appears as a string, and bytes that are not
// UTF-8 as the engine shows them: the view is for eyes, the record is exact. Rows that have expired stand in it until
// they are swept. To end a session or a user's sessions by hand (this leaves no not-before mark, see
// [sojourn.SubjectIndex]):
//
//	DELETE FROM sojourn_sessions WHERE hex(id) = upper('0123456789abcdef0123456789abcdef');
//	DELETE FROM sojourn_sessions WHERE subject = CAST('ada' AS BLOB);
//
// Beside it stand sojourn_sessions_marks, the not-before marks of ended subjects, each for a day, and
// sojourn_sessions_schema, the version of all this.
package sqlstore
