package sqlstore

// Dialect is a database's kind of SQL. The zero value is none.
type Dialect int

// SQLite is version 3.37 or later, through any driver whose connections wait for a lock (busy_timeout) instead of
// failing at once.
const (
	SQLite Dialect = iota + 1
	dialectEnd
)

func (d Dialect) known() bool { return d > 0 && d < dialectEnd }

// grammar is all that differs between databases. What the statements ask and answer is the same everywhere, so that the
// methods of [Store] are written once. Adding a dialect means a constant, a grammar, and a line in [Dialect.grammar].
type grammar struct {
	// steps are the statements that lead from one version of the schema to the next, the first from nothing. A release
	// adds steps and never changes one.
	steps [][]string

	// text is the text of each statement.
	text [statementCount]string
}

func (d Dialect) grammar(n names) grammar {
	switch d {
	case SQLite:
		return sqliteGrammar(n)
	}
	panic("sqlstore: a dialect without a grammar")
}

// statement names one of the statements that a grammar must have. Parameters and columns stand in the order given.
// A "row" is version, expires, record.
type statement int

const (
	// readRow finds the row of (id), for Load.
	readRow statement = iota
	// readSubject finds id and row of each session of (realm, subject) that has not expired at (now), newest first.
	readSubject
	// readPage finds id and row of the first sessions after (id) in the order of id that have not expired at (now), at
	// most (limit).
	readPage

	readers // the statements before this one run on the pool for reading, those after it in a writing transaction

	// lock makes the transaction the only writer until it ends. It comes first, before the clock is read.
	lock
	// insertRow files (id, version, expires, realm, subject, created, authenticated, deadline, values_at, record).
	insertRow
	// lockedRow finds the row of (id) that has not expired at (now), and keeps others from changing it.
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
	// deleteSubject deletes the rows of (realm, subject) but that of (id) that have not expired at (now).
	deleteSubject
	// rankSubject finds the id of each session of (realm, subject) that has not expired at (now), oldest first.
	rankSubject
	// mark leaves or moves the not-before mark of (realm, subject) to (instant), to be kept until (expires), never back.
	mark
	// readMark finds the instant of the mark of (realm, subject) that is kept at (now).
	readMark
	// sweepRows deletes at most (limit) rows that have expired at (now) and whose records are less than (bytes), byte by
	// byte. Its parameters stand in the order now, bytes, limit.
	sweepRows
	// sweepMarks deletes at most (limit) marks that are kept no longer at (now). Its parameters: now, limit.
	sweepMarks
	// readSchema finds the schema's version.
	readSchema
	// writeSchema notes that the schema's version is (version).
	writeSchema
	// createSchema makes the table that readSchema reads, unless it is there. It runs by itself.
	createSchema

	statementCount
)
