package sqlstore

import (
	"context"
	"database/sql"
)

// Dialect is a database's kind of SQL. The zero value is none.
type Dialect int

const (
	// SQLite is version 3.37 or later, through any driver whose connections wait for a lock (busy_timeout) instead of
	// failing at once.
	//
	// Each method is one transaction, and Load is one SELECT outside of any. A transaction takes SQLite's write lock with its
	// first statement and reads the clock after it has the lock. SQLite has no clock of its own; Config.Now, by default the
	// process's, decides, in milliseconds. Processes that share a file share a machine and so its clock.
	SQLite Dialect = iota + 1

	// MySQL is MySQL 8.0 or later, or MariaDB 10.6 or later, with InnoDB; tested is MariaDB 10.11. There is one server that is
	// written to: a replica, or a server that is set to read-only, is an error and never believed, not even that it has no
	// session, and clusters with several writers (Galera, group replication) keep no promise but on one of them.
	//
	// The server's clock decides, in milliseconds; time zones do not matter. Most methods are one statement, which looks and
	// writes under the row's lock; transactions set READ COMMITTED. Round trips, once a connection has its statements:
	//
	//	Load           1; 2 if it has expired and is not swept
	//	Save           1; 3 for a subject's first login in a day
	//	Update         1; 2 for a login, 5 for a subject's first in a day; 2 for a conflict
	//	UpdateTTL      1; 2 if there is nothing
	//	Patch          2: it reads, and writes if nobody has written meanwhile; after two failures it locks
	//	Delete         1; 6 if there is nothing
	//	ListSubject    1; 2 if there is nothing
	//	List           1
	//	DeleteSubject  9
	//	TrimSubject    1; 9 if there is something to trim
	//
	// It needs SELECT, INSERT, UPDATE and DELETE on the tables of sessions and marks, and SELECT on that of the schema's version;
	// Migrate besides CREATE and CREATE VIEW where there is something to do.
	//
	// Without the driver's clientFoundRows a touch that changes nothing costs 1 more. A binary log must not be in the format
	// STATEMENT. Refused at the first use: READ UNCOMMITTED as the connections' default, the server's option sysdate-is-now;
	// and by the call that meets it, a connection with autocommit off.
	MySQL

	// PostgreSQL is version 14 or later, through any driver that numbers its parameters ($1), such as pgx's stdlib, which
	// prepares what it runs again by itself; through lib/pq each statement is two round trips. Tested is version 15.
	//
	// A standby is an error and never believed. The server's clock decides, in milliseconds; time zones do not matter. Most
	// methods are one statement, which locks the row first and then looks and writes; transactions set READ COMMITTED.
	// Round trips with pgx, once a connection has its statements: those of [MySQL], but for
	//
	//	Delete         1
	//	DeleteSubject  5
	//	TrimSubject    1; 6 if there is something to trim
	//
	// It needs SELECT, INSERT, UPDATE and DELETE on the tables of sessions and marks, and SELECT on that of the schema's version;
	// Migrate besides CREATE in their schema where there is something to do.
	//
	// Through a pooler in transaction mode that knows no prepared statements (PgBouncer before 1.21) tell pgx
	// default_query_exec_mode=exec.
	PostgreSQL

	dialectEnd
)

func (d Dialect) known() bool { return d > 0 && d < dialectEnd }

// grammar is all that differs between databases. What the statements ask and answer is the same everywhere, so that the
// methods of [Store] are written once. Adding a dialect means a constant, a grammar, and a line in [Dialect.grammar].
type grammar struct {
	// server says that the database is a server: many write at once, each under the locks of rows, and its clock decides.
	// Its statements tell the time themselves, and so lack each parameter that is a moment; its rows end with the columns
	// of an answer.
	server bool

	// plain says that drivers prepare by themselves what they run again.
	plain bool

	// doubtful says that a statement that changed nothing outside of a transaction may not have looked.
	doubtful bool

	// transactional says that a step of a migration can be taken back.
	transactional bool

	// check looks at the settings of a pool's connections, once, and returns the most bytes that a record may have, 0 for
	// no limit. It may be nil.
	check func(ctx context.Context, db *sql.DB) (int, error)

	// deleteRows is the text of a statement that deletes the rows of n IDs; nil where they are deleted one by one.
	deleteRows func(n int) string

	// rankRows is the text of a query for what rankSubject finds of n IDs, which keeps others from changing them and takes
	// them one after the other; nil where rankSubject does so.
	rankRows func(n int) string

	// steps are the statements that lead from one version of the schema to the next, the first from nothing. A release
	// adds steps and never changes one.
	steps [][]string

	// text is the text of each statement.
	text [statementCount]string
}

func (g *grammar) has(s statement) bool { return g.text[s] != "" }

func (d Dialect) grammar(n names) grammar {
	switch d {
	case SQLite:
		return sqliteGrammar(n)
	case MySQL:
		return mysqlGrammar(n)
	case PostgreSQL:
		return postgresGrammar(n)
	}
	panic("sqlstore: a dialect without a grammar")
}

// statement names one of the statements that a grammar may have. Parameters and columns stand in the order given. A "row"
// is version, expires, record; an "answer" is the time of a server's clock and what is wrong with the connection, a
// trouble. Each row of a server's ends with an answer, except for a query in a transaction.
type statement int

const (
	// readRow finds the row of (id), for Load. A server answers also if there is none, with version 0.
	readRow statement = iota
	// readSubject finds id and row of each session of (realm, subject) that has not expired at (now), newest first.
	readSubject
	// readPage finds id and row of the first sessions after (id) in the order of id that have not expired at (now), at
	// most (limit).
	readPage
	// readClock is a server's answer alone.
	readClock

	readers // the statements before this one run on the pool for reading too, those after it on that for writing

	// lock makes the transaction the only writer until it ends. It comes first, before the clock is read. SQLite has it.
	lock
	// insertRow files (id, version, expires, realm, subject, created, authenticated, deadline, values_at, record).
	insertRow
	// lockedRow finds the row of (id), and keeps others from changing it.
	lockedRow
	// replaceRow sets (expires, realm, subject, created, authenticated, deadline, values_at, record) of (id) and counts
	// its version.
	replaceRow
	// patchRow sets the (record) of (id), extends it to (expires) and counts its version.
	patchRow
	// touchRow extends to (expires) the row of (id) that has not expired at (now).
	touchRow
	// deleteRow deletes the row of (id).
	deleteRow
	// rankSubject finds id, expires and authenticated of each session of (realm, subject), expired ones too, and on a
	// server an answer. Without rankRows it keeps others from changing them.
	rankSubject
	// holdSubject keeps others from logging (realm, subject) in and from marking it, until the transaction ends, by a row
	// of marks that it makes if there is none. Servers have it.
	holdSubject
	// mark leaves or moves the not-before mark of (realm, subject) to (now), to be kept until (now and markLife), never back.
	mark
	// readMark finds the instant of the mark of (realm, subject) that is kept at (now, in milliseconds).
	readMark
	// sweepRows deletes at most (limit) rows that have expired at (now) and whose records begin with a byte less than
	// (byte). Its parameters stand in the order now, byte, limit.
	sweepRows
	// expiredRows finds the IDs that sweepRows would delete, each with the server's trouble, and takes no row that somebody
	// else has locked.
	expiredRows
	// sweepMarks deletes at most (limit) marks that are kept no longer at (now). Its parameters: now, limit.
	sweepMarks
	// expiredMarks finds realm and subject of the marks that sweepMarks would delete, like expiredRows.
	expiredMarks
	// deleteMark deletes the mark of (realm, subject).
	deleteMark

	// The next ones make a whole change by themselves, outside of any transaction. They look and write in one step, under
	// the row's lock and at the time at which they have it. No row changed says only that they did not do it: whoever ran
	// one looks why. TTLs are in milliseconds. Servers have them.

	// loneSave files (id, ttl, realm, subject, created, authenticated, deadline, values_at, record) of a visitor.
	loneSave
	// loneLogin files the same of a subject whose mark admits it, if the subject has a row of marks:
	// (…, realm, subject, authenticated).
	loneLogin
	// loneSubject makes a row of marks for (realm, subject) that refuses nobody, unless there is one.
	loneSubject
	// loneUpdate sets (ttl, created, deadline, values_at, record) of the live row of (id, version, realm, subject,
	// authenticated).
	loneUpdate
	// loneEnter sets (ttl, subject, created, authenticated, deadline, values_at, record) of a row and so logs its session
	// in, if the subject's mark admits it, under (realm, subject, authenticated); the row is the live one of (id, version,
	// realm) that has no subject or is of (subject).
	loneEnter
	// lonePatch sets the (record) and extends to (ttl) the live row of (id, version).
	lonePatch
	// loneTouch extends to (ttl) the live row of (id).
	loneTouch
	// loneDelete deletes the row of (id).
	loneDelete

	// lookAgain finds the row of (id) once nobody is changing it.
	lookAgain
	// countSubject counts the rows of (realm, subject), expired ones too, or answers too many where it cannot be sure.
	countSubject

	prepared // the statements before this one are prepared, if any are

	// readSchema finds the schema's version.
	readSchema
	// writeSchema notes a version of the schema, which stands in it as {version}.
	writeSchema
	// createSchema makes the table that readSchema reads, unless it is there.
	createSchema
	// lockSchema keeps others from migrating until the transaction ends.
	lockSchema

	statementCount
)
