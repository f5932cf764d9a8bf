package sqlstore

import (
	"fmt"
	"strings"
)

// The clock of MySQL and MariaDB, in one place. All times are whole milliseconds since 1970 UTC, so that the time zones of
// server, session and driver do not matter. There is no function for UTC that goes on while a statement waits for a lock:
// UTC_TIMESTAMP is when the statement began. SYSDATE goes on, but is in the session's time zone, where an hour may come
// twice. Hence the second is used only for how long the statement has waited.
const (
	// mysqlNow is when the statement began.
	mysqlNow = `(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) DIV 1000)`

	// mysqlWaited is how many microseconds ago that was.
	mysqlWaited = `TIMESTAMPDIFF(MICROSECOND, NOW(6), SYSDATE(6))`

	// mysqlThen is the present time, also after a wait, where mysqlSure holds.
	mysqlThen = `((TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) + ` + mysqlWaited + `) DIV 1000)`

	// mysqlPrimary: a replica is set to be read-only. Newer servers of MariaDB say so in words, others in numbers.
	mysqlPrimary = `CAST(@@global.read_only AS CHAR) IN ('0', 'OFF') AND @@global.innodb_read_only = 0`

	// mysqlSure is where a statement may make a whole change by itself: it is committed with it, the server is no replica,
	// and mysqlThen can be trusted, since the wait was not long and no time zone changed its clocks in it.
	mysqlSure = `@@autocommit = 1 AND ` + mysqlPrimary + ` AND ` + mysqlWaited + ` BETWEEN 0 AND 10000000`

	mysqlTrouble = `CASE WHEN NOT (` + mysqlPrimary + `) THEN 1 WHEN @@autocommit = 1 THEN 0 ELSE 2 END`
)

// mysqlGrammar is that of MySQL and MariaDB. Of two forms it takes the one that both understand.
//
// A statement that changes a session finds it by its id and locks nothing else but, before it, its subject's row of marks.
// What changes several locks them one by one in the order of id. (Hence FORCE INDEX, and mysqlFrom: whoever scans a small
// table, as the optimizer likes to, waits for all that is locked in it.) Only the sweeper locks through an index, and waits
// for nobody. So there is no circle to wait in, but for what others do to the tables.
func mysqlGrammar(n names) grammar {
	fill := strings.NewReplacer(
		"{sessions}", n.named(""),
		"{marks}", n.named("_marks"),
		"{schema}", n.named("_schema"),
		"{readable}", n.named("_readable"),
		"{now}", mysqlNow,
		"{then}", mysqlThen,
		"{sure}", mysqlSure,
		"{trouble}", mysqlTrouble,
		"{none}", fmt.Sprint(noMark),
		"{day}", fmt.Sprint(markLife.Milliseconds()),
		"{newest}", fmt.Sprintf("x'%02x'", newestFormat),
	)
	g := grammar{
		server:     true,
		doubtful:   true, // where mysqlSure does not hold
		check:      checkMySQL,
		deleteRows: func(n int) string { return fill.Replace(`DELETE s ` + mysqlFrom(n)) },
		rankRows: func(n int) string {
			return fill.Replace(`SELECT s.id, s.expires, s.authenticated, {now}, {trouble} ` + mysqlFrom(n) + ` FOR UPDATE`)
		},
		steps: [][]string{{mysqlSessions, mysqlMarks, mysqlReadable}},
	}
	for _, step := range g.steps {
		for i := range step {
			step[i] = fill.Replace(step[i])
		}
	}
	g.text = [statementCount]string{
		// The row of schema is always there, and so is an answer.
		readRow: `SELECT COALESCE(s.version, 0), COALESCE(s.expires, 0), COALESCE(s.record, x''), {now}, {trouble}
			FROM {schema} AS v LEFT JOIN {sessions} AS s ON s.id = ? WHERE v.version = 1`,
		readSubject: `SELECT id, version, expires, record, {now}, {trouble} FROM {sessions}
			WHERE realm = ? AND subject = ? AND expires > {now} ORDER BY authenticated DESC`,
		readPage: `SELECT id, version, expires, record, {now}, {trouble} FROM {sessions}
			WHERE id > ? AND expires > {now} ORDER BY id LIMIT ?`,
		readClock: `SELECT {now}, {trouble}`,

		insertRow: `INSERT INTO {sessions}
			(id, version, expires, realm, subject, created, authenticated, deadline, values_at, record)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		lockedRow: `SELECT version, expires, record FROM {sessions} WHERE id = ? FOR UPDATE`,
		replaceRow: `UPDATE {sessions} FORCE INDEX (PRIMARY) SET version = version + 1, expires = ?, realm = ?, subject = ?, created = ?,
			authenticated = ?, deadline = ?, values_at = ?, record = ? WHERE id = ?`,
		patchRow: `UPDATE {sessions} FORCE INDEX (PRIMARY) SET version = version + 1, record = ?, expires = GREATEST(expires, ?) WHERE id = ?`,
		touchRow: `UPDATE {sessions} FORCE INDEX (PRIMARY) SET expires = GREATEST(expires, ?) WHERE id = ? AND expires > ?`,

		deleteRow: `DELETE s FROM {sessions} AS s FORCE INDEX (PRIMARY) WHERE s.id = ?`,
		// Not through the index with a lock: whoever deletes a row by its id takes the locks the other way round.
		rankSubject: `SELECT id, expires, authenticated, {now}, {trouble} FROM {sessions} WHERE realm = ? AND subject = ?`,
		holdSubject: `INSERT INTO {marks} (realm, subject, instant, expires) VALUES (?, ?, {none}, {now} + {day})
			ON DUPLICATE KEY UPDATE realm = realm`,
		mark: `INSERT INTO {marks} (realm, subject, instant, expires) VALUES (?, ?, {now}, {now} + {day})
			ON DUPLICATE KEY UPDATE instant = GREATEST(instant, {now}), expires = GREATEST(expires, {now} + {day})`,
		readMark: `SELECT instant FROM {marks} WHERE realm = ? AND subject = ? AND expires > ?`,

		expiredRows: `SELECT id, {trouble} FROM {sessions} FORCE INDEX (by_expiry)
			WHERE expires <= {now} AND LEFT(record, 1) < ? ORDER BY expires LIMIT ? FOR UPDATE SKIP LOCKED`,
		expiredMarks: `SELECT realm, subject, {trouble} FROM {marks} FORCE INDEX (by_expiry)
			WHERE expires <= {now} ORDER BY expires LIMIT ? FOR UPDATE SKIP LOCKED`,
		deleteMark: `DELETE m FROM {marks} AS m FORCE INDEX (PRIMARY) WHERE m.realm = ? AND m.subject = ?`,

		loneSave: `INSERT INTO {sessions}
			(id, version, expires, realm, subject, created, authenticated, deadline, values_at, record)
			SELECT ?, 1, {then} + ?, ?, ?, ?, ?, ?, ?, ? FROM DUAL WHERE {sure}`,
		loneLogin: `INSERT INTO {sessions}
			(id, version, expires, realm, subject, created, authenticated, deadline, values_at, record)
			SELECT ?, 1, {then} + ?, ?, ?, ?, ?, ?, ?, ? FROM {marks}
			WHERE realm = ? AND subject = ? AND instant < ? AND {sure} FOR UPDATE`,
		loneSubject: `INSERT INTO {marks} (realm, subject, instant, expires)
			SELECT ?, ?, {none}, {now} + {day} FROM DUAL WHERE {sure} ON DUPLICATE KEY UPDATE realm = realm`,
		loneUpdate: `UPDATE {sessions} FORCE INDEX (PRIMARY) SET version = version + 1, expires = {then} + ?, created = ?, deadline = ?,
			values_at = ?, record = ?
			WHERE id = ? AND version = ? AND realm = ? AND subject = ? AND authenticated = ?
			AND expires > {then} AND LEFT(record, 1) <= {newest} AND {sure}`,
		// What stands in SET is locked for writing, and STRAIGHT_JOIN locks the mark first.
		loneEnter: `UPDATE {marks} AS m STRAIGHT_JOIN {sessions} AS s
			SET m.instant = m.instant, s.version = s.version + 1, s.expires = {then} + ?, s.subject = ?, s.created = ?,
			s.authenticated = ?, s.deadline = ?, s.values_at = ?, s.record = ?
			WHERE m.realm = ? AND m.subject = ? AND m.instant < ?
			AND s.id = ? AND s.version = ? AND s.realm = ? AND s.subject IN ('', ?)
			AND s.expires > {then} AND LEFT(s.record, 1) <= {newest} AND {sure}`,
		lonePatch: `UPDATE {sessions} FORCE INDEX (PRIMARY) SET version = version + 1, record = ?, expires = GREATEST(expires, {then} + ?)
			WHERE id = ? AND version = ? AND expires > {then} AND {sure}`,
		loneTouch:  `UPDATE {sessions} FORCE INDEX (PRIMARY) SET expires = GREATEST(expires, {then} + ?) WHERE id = ? AND expires > {then} AND {sure}`,
		loneDelete: `DELETE s FROM {sessions} AS s FORCE INDEX (PRIMARY) WHERE s.id = ? AND {sure}`,

		lookAgain:    `SELECT version, expires, record, {now}, {trouble} FROM {sessions} WHERE id = ? LOCK IN SHARE MODE`,
		countSubject: `SELECT CASE WHEN {sure} THEN COUNT(*) ELSE 9223372036854775807 END FROM {sessions} WHERE realm = ? AND subject = ?`,

		readSchema:   `SELECT COALESCE(MAX(version), 0) FROM {schema}`,
		writeSchema:  `INSERT IGNORE INTO {schema} (version) VALUES ({version})`,
		createSchema: `CREATE TABLE IF NOT EXISTS {schema} (version INT NOT NULL PRIMARY KEY) ENGINE=InnoDB`,
	}
	for i, text := range g.text {
		g.text[i] = fill.Replace(text)
	}
	return g
}

// mysqlFrom is a clause that finds the rows of n IDs one after the other. Of a list after IN the optimizer makes a scan of
// the whole table if that is small, whatever index it is told to use.
func mysqlFrom(n int) string {
	const id = `SELECT CAST(? AS BINARY(16)) AS id`
	return `FROM (` + id + strings.Repeat(` UNION ALL `+id, n-1) +
		`) AS list STRAIGHT_JOIN {sessions} AS s FORCE INDEX (PRIMARY) ON s.id = list.id`
}
