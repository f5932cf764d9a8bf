package sqlstore

import (
	"fmt"
	"strings"
)

// The clock of PostgreSQL, in one place. All times are whole milliseconds since 1970 UTC, whatever the session's time zone.
const (
	// postgresNow is the present time. Where it stands beside a lock, the lock is in an inner query: an outer one is
	// computed after it. In one query the clock would be read before a wait.
	postgresNow = `floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint`

	// postgresStart is when the statement began: an index can be searched for it.
	postgresStart = `floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint`

	postgresTrouble = `CASE WHEN pg_is_in_recovery() THEN 1 ELSE 0 END`
)

// postgresGrammar is PostgreSQL's. All runs at the isolation READ COMMITTED: each statement sees what was committed before
// it, and a row that it has waited for as it then is. But it looks for rows in what it saw at its beginning. So a lock on
// the rows comes in a step of its own, before anything that depends on what is in them.
func postgresGrammar(n names) grammar {
	fill := strings.NewReplacer(
		"{sessions}", n.named(""),
		"{marks}", n.named("_marks"),
		"{schema}", n.named("_schema"),
		"{readable}", n.named("_readable"),
		"{by_subject}", n.bare("_by_subject"),
		"{by_expiry}", n.bare("_by_expiry"),
		"{marks_by_expiry}", n.bare("_marks_by_expiry"),
		"{now}", postgresNow,
		"{start}", postgresStart,
		"{trouble}", postgresTrouble,
		"{none}", fmt.Sprint(noMark),
		"{day}", fmt.Sprint(markLife.Milliseconds()),
		"{newest}", fmt.Sprintf("'\\x%02x'::bytea", newestFormat),
		"{name}", strings.ReplaceAll(n.named(""), `"`, ""),
	)
	g := grammar{
		server:        true,
		plain:         true,
		transactional: true,
		deleteRows: func(n int) string {
			var list strings.Builder
			for i := range n {
				fmt.Fprintf(&list, ", $%d", i+1)
			}
			return fill.Replace(`DELETE FROM {sessions} WHERE id IN (` + list.String()[2:] + `)`)
		},
		steps: [][]string{{
			postgresSessions, postgresBySubject, postgresByExpiry, postgresMarks, postgresMarksByExpiry, postgresReadable,
		}},
	}
	for _, step := range g.steps {
		for i := range step {
			step[i] = fill.Replace(step[i])
		}
	}
	g.text = [statementCount]string{
		readRow: `SELECT coalesce(s.version, 0), coalesce(s.expires, 0), coalesce(s.record, ''), {now}, {trouble}
			FROM (VALUES (1)) AS v LEFT JOIN {sessions} AS s ON s.id = $1`,
		readSubject: `SELECT id, version, expires, record, {now}, {trouble} FROM {sessions}
			WHERE realm = $1 AND subject = $2 AND subject <> '' AND expires > {start} ORDER BY authenticated DESC`,
		readPage: `SELECT id, version, expires, record, {now}, {trouble} FROM {sessions}
			WHERE id > $1 AND expires > {start} ORDER BY id LIMIT $2`,
		readClock: `SELECT {now}, {trouble}`,

		insertRow: `INSERT INTO {sessions}
			(id, version, expires, realm, subject, created, authenticated, deadline, values_at, record)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		lockedRow: `SELECT version, expires, record FROM {sessions} WHERE id = $1 FOR UPDATE`,
		replaceRow: `UPDATE {sessions} SET version = version + 1, expires = $1, realm = $2, subject = $3, created = $4,
			authenticated = $5, deadline = $6, values_at = $7, record = $8 WHERE id = $9`,
		patchRow: `UPDATE {sessions} SET version = version + 1, record = $1, expires = greatest(expires, $2) WHERE id = $3`,
		touchRow: `UPDATE {sessions} SET expires = greatest(expires, $1) WHERE id = $2 AND expires > $3`,

		deleteRow: `DELETE FROM {sessions} WHERE id = $1`,
		rankSubject: `SELECT id, expires, authenticated, {now}, {trouble} FROM (SELECT id, expires, authenticated FROM {sessions}
			WHERE realm = $1 AND subject = $2 AND subject <> '' ORDER BY id FOR UPDATE) AS s`,

		holdSubject: `INSERT INTO {marks} AS m (realm, subject, instant, expires) VALUES ($1, $2, {none}, {now} + {day})
			ON CONFLICT (realm, subject) DO UPDATE SET instant = m.instant`,
		mark: `INSERT INTO {marks} AS m (realm, subject, instant, expires) VALUES ($1, $2, {now}, {now} + {day})
			ON CONFLICT (realm, subject) DO UPDATE
			SET instant = greatest(m.instant, excluded.instant), expires = greatest(m.expires, excluded.expires)`,
		readMark: `SELECT instant FROM {marks} WHERE realm = $1 AND subject = $2 AND expires > $3`,

		sweepRows: `DELETE FROM {sessions} WHERE id = ANY (ARRAY (SELECT id FROM {sessions}
			WHERE expiry_hour <= {start} / 3600000 AND expires <= {start} AND substr(record, 1, 1) < $1
			LIMIT $2 FOR UPDATE SKIP LOCKED))`,
		sweepMarks: `DELETE FROM {marks} WHERE ctid = ANY (ARRAY (SELECT ctid FROM {marks}
			WHERE expires <= {start} LIMIT $1 FOR UPDATE SKIP LOCKED))`,

		loneSave: `INSERT INTO {sessions}
			(id, version, expires, realm, subject, created, authenticated, deadline, values_at, record)
			VALUES ($1, 1, {now} + $2, $3, $4, $5, $6, $7, $8, $9)`,
		loneLogin: `INSERT INTO {sessions}
			(id, version, expires, realm, subject, created, authenticated, deadline, values_at, record)
			SELECT $1::bytea, 1, {now} + $2::bigint, $3::bytea, $4::bytea, $5::bigint, $6::bigint, $7::bigint, $8::integer, $9::bytea
			FROM (SELECT 1 FROM {marks} WHERE realm = $10 AND subject = $11 AND instant < $12 FOR NO KEY UPDATE) AS m`,
		loneSubject: `INSERT INTO {marks} (realm, subject, instant, expires) VALUES ($1, $2, {none}, {now} + {day})
			ON CONFLICT (realm, subject) DO NOTHING`,
		loneUpdate: `WITH held AS MATERIALIZED (SELECT id FROM {sessions} WHERE id = $6 FOR UPDATE)
			UPDATE {sessions} AS s SET version = s.version + 1, expires = {now} + $1, created = $2, deadline = $3,
			values_at = $4, record = $5
			FROM held WHERE s.id = held.id AND s.version = $7 AND s.realm = $8 AND s.subject = $9 AND s.authenticated = $10
			AND s.expires > {now} AND substr(s.record, 1, 1) <= {newest}`,
		// The subject before the session, as everywhere.
		loneEnter: `WITH admitted AS MATERIALIZED
				(SELECT 1 FROM {marks} WHERE realm = $8 AND subject = $9 AND instant < $10 FOR NO KEY UPDATE),
			held AS MATERIALIZED
				(SELECT id FROM {sessions} WHERE id = $11 AND EXISTS (SELECT 1 FROM admitted) FOR UPDATE)
			UPDATE {sessions} AS s SET version = s.version + 1, expires = {now} + $1, subject = $2, created = $3,
			authenticated = $4, deadline = $5, values_at = $6, record = $7
			FROM held WHERE s.id = held.id AND s.version = $12 AND s.realm = $13 AND s.subject IN ('', $14)
			AND s.expires > {now} AND substr(s.record, 1, 1) <= {newest}`,
		lonePatch: `WITH held AS MATERIALIZED (SELECT id FROM {sessions} WHERE id = $3 FOR UPDATE)
			UPDATE {sessions} AS s SET version = s.version + 1, record = $1, expires = greatest(s.expires, {now} + $2)
			FROM held WHERE s.id = held.id AND s.version = $4 AND s.expires > {now}`,
		loneTouch: `WITH held AS MATERIALIZED (SELECT id FROM {sessions} WHERE id = $2 FOR UPDATE)
			UPDATE {sessions} AS s SET expires = greatest(s.expires, {now} + $1)
			FROM held WHERE s.id = held.id AND s.expires > {now}`,
		loneDelete: `DELETE FROM {sessions} WHERE id = $1`,

		lookAgain: `SELECT version, expires, record, {now}, {trouble} FROM
			(SELECT version, expires, record FROM {sessions} WHERE id = $1 FOR SHARE) AS s`,
		countSubject: `SELECT count(*) FROM {sessions} WHERE realm = $1 AND subject = $2 AND subject <> ''`,

		readSchema:   `SELECT coalesce(max(version), 0) FROM {schema}`,
		writeSchema:  `INSERT INTO {schema} (version) VALUES ({version})`,
		createSchema: `CREATE TABLE IF NOT EXISTS {schema} (version integer NOT NULL PRIMARY KEY)`,
		lockSchema:   `SELECT pg_advisory_xact_lock(hashtextextended('sojourn: migrate {name}', 0))`,
	}
	for i, text := range g.text {
		g.text[i] = fill.Replace(text)
	}
	return g
}
