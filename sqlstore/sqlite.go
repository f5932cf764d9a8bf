package sqlstore

import "strings"

// sqliteGrammar is SQLite's. Times are parameters: the engine has no clock but the process's.
func sqliteGrammar(n names) grammar {
	fill := strings.NewReplacer(
		"{sessions}", n.named(""),
		"{sessions.bare}", n.bare(""),
		"{marks}", n.named("_marks"),
		"{schema}", n.named("_schema"),
		"{readable}", n.named("_readable"),
		"{by_subject}", n.named("_by_subject"),
		"{by_expiry}", n.named("_by_expiry"),
	)
	g := grammar{transactional: true, steps: [][]string{{sqliteSessions, sqliteBySubject, sqliteByExpiry, sqliteMarks, sqliteReadable}}}
	for _, step := range g.steps {
		for i := range step {
			step[i] = fill.Replace(step[i])
		}
	}
	g.text = [statementCount]string{
		readRow: `SELECT version, expires, record FROM {sessions} WHERE id = ?`,
		readSubject: `SELECT id, version, expires, record FROM {sessions}
			WHERE realm = ? AND subject = ? AND subject <> x'' AND expires > ? ORDER BY authenticated DESC`,
		readPage: `SELECT id, version, expires, record FROM {sessions} WHERE id > ? AND expires > ? ORDER BY id LIMIT ?`,

		// No row is touched, but the statement is one that writes, and so SQLite takes its lock for it. As the first
		// statement of a transaction it waits for the lock (busy_timeout); after a SELECT it would fail at once. BEGIN
		// IMMEDIATE does the same, but database/sql cannot ask for it: only some drivers can, and each in its own way.
		lock: `UPDATE {schema} SET version = version WHERE 0`,

		insertRow: `INSERT INTO {sessions}
			(id, version, expires, realm, subject, created, authenticated, deadline, values_at, record)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		lockedRow: `SELECT version, expires, record FROM {sessions} WHERE id = ?`,
		replaceRow: `UPDATE {sessions} SET version = version + 1, expires = ?, realm = ?, subject = ?, created = ?,
			authenticated = ?, deadline = ?, values_at = ?, record = ? WHERE id = ?`,
		patchRow: `UPDATE {sessions} SET version = version + 1, record = ?, expires = max(expires, ?) WHERE id = ?`,
		touchRow: `UPDATE {sessions} SET expires = max(expires, ?) WHERE id = ? AND expires > ?`,

		deleteRow: `DELETE FROM {sessions} WHERE id = ?`,
		rankSubject: `SELECT id, expires, authenticated FROM {sessions}
			WHERE realm = ? AND subject = ? AND subject <> x''`,
		mark: `INSERT INTO {marks} (realm, subject, instant, expires) VALUES (?, ?, ?, ?)
			ON CONFLICT (realm, subject) DO UPDATE
			SET instant = max(instant, excluded.instant), expires = max(expires, excluded.expires)`,
		readMark: `SELECT instant FROM {marks} WHERE realm = ? AND subject = ? AND expires > ?`,

		sweepRows: `DELETE FROM {sessions} WHERE id IN (SELECT id FROM {sessions}
			WHERE expires <= ? AND record < ? ORDER BY expires LIMIT ?)`,
		sweepMarks: `DELETE FROM {marks} WHERE rowid IN (SELECT rowid FROM {marks} WHERE expires <= ? LIMIT ?)`,

		readSchema:   `SELECT coalesce(max(version), 0) FROM {schema}`,
		writeSchema:  `INSERT INTO {schema} (version) VALUES ({version})`,
		createSchema: `CREATE TABLE IF NOT EXISTS {schema} (version INTEGER NOT NULL PRIMARY KEY) STRICT`,
		lockSchema:   `UPDATE {schema} SET version = version WHERE 0`,
	}
	for i, text := range g.text {
		g.text[i] = fill.Replace(text)
	}
	return g
}

const (
	// The row's own number stays the key of the table: rows are wide and their ids random, and a table in the order of id
	// would split its pages all over.
	sqliteSessions = `CREATE TABLE IF NOT EXISTS {sessions} (
	id            BLOB    NOT NULL PRIMARY KEY,
	version       INTEGER NOT NULL,
	expires       INTEGER NOT NULL,
	realm         BLOB    NOT NULL,
	subject       BLOB    NOT NULL,
	created       INTEGER NOT NULL,
	authenticated INTEGER NOT NULL,
	deadline      INTEGER NOT NULL,
	values_at     INTEGER NOT NULL,
	record        BLOB    NOT NULL
) STRICT`

	sqliteBySubject = `CREATE INDEX IF NOT EXISTS {by_subject} ON {sessions.bare} (realm, subject, authenticated)
	WHERE subject <> x''`

	sqliteByExpiry = `CREATE INDEX IF NOT EXISTS {by_expiry} ON {sessions.bare} (expires)`

	sqliteMarks = `CREATE TABLE IF NOT EXISTS {marks} (
	realm   BLOB    NOT NULL,
	subject BLOB    NOT NULL,
	instant INTEGER NOT NULL,
	expires INTEGER NOT NULL,
	PRIMARY KEY (realm, subject)
) STRICT`

	// sqliteByte is the number of the byte of record at position at. No function of SQLite tells it.
	sqliteByte = `(instr('123456789ABCDEF', substr(hex(substr(record, at, 1)), 1, 1)) * 16
					+ instr('123456789ABCDEF', substr(hex(substr(record, at, 1)), 2, 1)))`

	// The values in a record are entries of: length of the name, length of the text (both 7 bits a byte, the lowest first,
	// the high bit set on all but the last), name, text. The last 4 bytes of the record are its checksum. Each step of
	// the recursion reads one byte of a length, or one entry. A damaged length ends it.
	sqliteReadable = `CREATE VIEW IF NOT EXISTS {readable} AS
SELECT lower(hex(id)) AS id,
	CAST(realm AS TEXT) AS realm,
	CAST(subject AS TEXT) AS subject,
	strftime('%Y-%m-%dT%H:%M:%fZ', created / 1000.0, 'unixepoch') AS created,
	CASE WHEN authenticated > -62135596800000
		THEN strftime('%Y-%m-%dT%H:%M:%fZ', authenticated / 1000.0, 'unixepoch') END AS authenticated,
	strftime('%Y-%m-%dT%H:%M:%fZ', deadline / 1000.0, 'unixepoch') AS deadline,
	strftime('%Y-%m-%dT%H:%M:%fZ', expires / 1000.0, 'unixepoch') AS expires,
	version,
	CASE WHEN substr(record, 1, 1) = x'01' THEN (
		WITH RECURSIVE step(part, at, shift, namelen, textlen, name, text) AS (
			SELECT 'name', values_at + 1, 0, 0, 0, NULL, NULL
			UNION ALL
			SELECT
				CASE WHEN part = 'entry' THEN 'name' WHEN ` + sqliteByte + ` >= 128 THEN part
					WHEN part = 'name' THEN 'text' ELSE 'entry' END,
				CASE WHEN part = 'entry' THEN at + namelen + textlen ELSE at + 1 END,
				CASE WHEN part <> 'entry' AND ` + sqliteByte + ` >= 128 THEN shift + 7 ELSE 0 END,
				CASE part WHEN 'name' THEN namelen + ((` + sqliteByte + ` & 127) << shift) WHEN 'text' THEN namelen ELSE 0 END,
				CASE part WHEN 'text' THEN textlen + ((` + sqliteByte + ` & 127) << shift) ELSE 0 END,
				CASE part WHEN 'entry' THEN CAST(substr(record, at, namelen) AS TEXT) END,
				CASE part WHEN 'entry' THEN CAST(substr(record, at + namelen, textlen) AS TEXT) END
			FROM step WHERE shift < 28 AND (at <= length(record) - 4 OR part = 'entry' AND namelen + textlen = 0)
		)
		SELECT json_group_object(name, CASE WHEN json_valid(text) THEN json(text) ELSE text END)
			FILTER (WHERE name IS NOT NULL) FROM step
	) END AS values_json
FROM {sessions.bare}`
)
