// Package postgresstore keeps Sojourn's sessions in PostgreSQL, beside the application's own data, through pgx.
//
//	pool, err := pgxpool.New(ctx, "postgres://app@db.example.org/shop")
//	if err != nil {
//		return err
//	}
//	st, err := postgresstore.New(pool, postgresstore.Config{})
//	if err != nil {
//		return err
//	}
//	if err := st.Migrate(ctx); err != nil { // or hand st.Schema() to your own migrations
//		return err
//	}
//	manager, err := sojourn.New(st, sojourn.Config{})
//
// An application without a pool takes [Open]. Through database/sql, or on another database, take package sqlstore.
//
// # Promises
//
// Each method is one round trip and one transaction: a statement, or two that are sent together where a subject's logins
// have to wait for each other. A Patch that is refused takes two, and [Store.Sweep] makes one for each batch of a hundred rows. pgxpool adds one to a connection
// that has been idle for more than a second, to see whether it still works, and the first use of a statement on a
// connection one to prepare it.
//
// All capabilities are there: [sojourn.Patcher], applied in the engine; [sojourn.SubjectIndex]; [sojourn.Lister];
// [sojourn.Sweeper], without which nothing is ever removed; [sojourn.Watcher], by LISTEN and NOTIFY. The engine's clock
// decides what has expired, to the microsecond, and is read after the row was locked: a write that waited across the
// expiry finds nothing ([sojourn.ErrNotFound]), whoever held the lock.
//
// A deadlock or a failed serialization, after which the engine has taken everything back, is tried again, at most five
// times in all; a read also when its connection breaks. A write whose acknowledgement was lost is not. A read replica
// never answers in silence: its reads are errors, as its writes are. The end of a session and of a token is on the disk
// before it is acknowledged, also for a role that has synchronous_commit = off; other writes go by that setting.
//
// # How a session is kept
//
// One row of the table sojourn_sessions (Config.Table) per session:
//
//	id                     the session's ID
//	version                1, and 1 more with each change
//	expires                when it dies, if nobody extends it
//	due                    when Sweep looks at it next: never later than expires, and never moved by a touch or a patch
//	created, authenticated, deadline, generation, realm, subject   copies of facts, for the indexes, for Patch, for people
//	facts                  the binary form of [sojourn.Facts], with version and checksum
//	facts_check            the first 4 bytes of its SHA-256, by which the engine tells damage
//	values                 a jsonb object with a string for each name: the value's JSON text, byte for byte
//
// A value's text is a query away:
//
//	SELECT values ->> 'cart' FROM sojourn_sessions WHERE id = '0123456789abcdef0123456789abcdef';
//
// and the view sojourn_sessions_readable shows the values in place, as JSON, with plain IDs. Rows that have expired stand
// in both until they are swept. Names and texts must be UTF-8 without NUL, which JSON texts and the manager's names are.
//
// Beside it stand sojourn_sessions_marks, the not-before marks of ended subjects, each for a day (see
// [sojourn.SubjectIndex]), and sojourn_sessions_schema, the versions of all this. docs/postgres.md has rights, sizes,
// poolers, replicas and failover.
package postgresstore
