// Package sqlstore keeps Sojourn's sessions in a SQL database that the application already has, through any database/sql
// driver: SQLite, MySQL, MariaDB or PostgreSQL.
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
// The modules below github.com/sojourn-go/sojourn/stores bring a driver and open the database as sessions want it: sqlite, for
// applications that have no database yet, and mysql; postgres speaks to PostgreSQL without database/sql, in fewer round
// trips.
//
// # Promises
//
// All those of [sojourn.Store], and all capabilities but [sojourn.Watcher]: [sojourn.Patcher], [sojourn.SubjectIndex],
// [sojourn.Lister] and [sojourn.Sweeper]. The manager re-checks live sessions now and then. A write that waited for a lock
// while its session expired finds nothing ([sojourn.ErrNotFound]), whoever held the lock, and Load answers of a session that
// has just expired only when no write to it is in flight. What differs between databases stands with each [Dialect].
//
// What a return value acknowledges is in the database as the database's own settings promise. SQLite with WAL and
// synchronous=NORMAL, MySQL with innodb_flush_log_at_trx_commit=2, PostgreSQL with synchronous_commit=off: a killed process
// (with the last one, a killed server) loses nothing, or the last commits, logouts among them; with FULL, 1 and on a power
// cut undoes nothing either.
//
// Only what the database says that it has taken back is tried again, until the context ends: deadlocks, waits for a lock that
// took too long, transactions that could not be serialized. A write whose acknowledgement was lost is not: it happened
// once, or not at all. A server that is not told of a lost caller may do so after its wait for a lock.
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
// [sojourn.ErrNewer], and reading costs no decoding. People and scripts read the view instead:
//
//	sqlite3 app.db "SELECT id, subject, expires, values_json FROM sojourn_sessions_readable"
//
// It takes the records apart in plain SQL and needs no code of ours. values_json is an object with the values in place in
// SQLite, with their JSON texts as strings in PostgreSQL, and not there in MySQL, which has no way to do it. What is not
// text appears as the engine shows it: the view is for eyes, the record is exact. Rows that have expired stand in it until
// they are swept. To end a session or a user's sessions by hand (this leaves no not-before mark, see
// [sojourn.SubjectIndex]):
//
//	DELETE FROM sojourn_sessions WHERE hex(id) = upper('0123456789abcdef0123456789abcdef');
//	DELETE FROM sojourn_sessions WHERE subject = CAST('ada' AS BLOB);
//
// (On a server WHERE id = x'0123…', or '\x0123…', and subject = 'ada'.) Beside it stand sojourn_sessions_marks, the not-before
// marks of ended subjects and on a server a row to lock for each subject that logged in, each for a day, and
// sojourn_sessions_schema, the version of all this.
package sqlstore
