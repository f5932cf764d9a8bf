package postgresstore

import "strings"

// statements are the SQL texts of one store. Parameters are cast so that they mean the same in each of pgx's modes, the
// one that sends no types included.
type statements struct {
	load, loadTogether, save, saveSubject, update, touch, delete, patch, quickPatch, inTime string

	lockShared, lock, listSubject, deleteSubject, trimSubject string

	primary, page string

	sweep, sweepMarks string

	listen, tell string
}

// verdict is what a statement says of the row that it has locked.
type verdict int16

// They stand as numbers in the statements.
const (
	verdictDone      verdict = 0
	verdictGone      verdict = 1
	verdictNewer     verdict = 2
	verdictCorrupt   verdict = 3
	verdictConflict  verdict = 4
	verdictTooLarge  verdict = 5
	verdictEnded     verdict = 6
	verdictSubject   verdict = 7 // the update would change whose session it is
	verdictIsolation verdict = 8 // the transaction does not see what was committed while it waited for the subject
)

func newStatements(n names, tell Notify) statements {
	fill := strings.NewReplacer(
		"{lock}", sqlLock,
		"{fresh}", sqlFresh,
		"{durable}", sqlDurable,
		"{unreadable}", sqlUnreadable,
		"{ended}", sqlEnded,
		"{tell ends}", told(tell != NotifyNothing, "TRUE"),
		"{tell update}", told(tell != NotifyNothing, map[Notify]string{
			NotifyEnds: "v.generation <> $9::bigint", NotifyChanges: "TRUE",
		}[tell]),
		"{tell patch}", told(tell == NotifyChanges, "TRUE"),
	)
	named := n.filler()
	s := statements{
		load: sqlLoad, loadTogether: sqlLoadTogether, save: sqlSave, saveSubject: sqlSaveSubject, update: sqlUpdate, touch: sqlTouch, delete: sqlDelete,
		patch: sqlPatch, quickPatch: sqlQuickPatch, inTime: sqlInTime, lockShared: sqlLockShared, lock: sqlLockSubject, listSubject: sqlListSubject,
		deleteSubject: sqlDeleteSubject, trimSubject: sqlTrimSubject, primary: sqlPrimary, page: sqlPage, sweep: sqlSweep,
		sweepMarks: sqlSweepMarks, listen: sqlListen, tell: sqlTell,
	}
	for _, text := range []*string{
		&s.load, &s.loadTogether, &s.save, &s.saveSubject, &s.update, &s.touch, &s.delete, &s.patch, &s.quickPatch, &s.lockShared, &s.lock, &s.listSubject,
		&s.deleteSubject, &s.trimSubject, &s.primary, &s.page, &s.sweep, &s.sweepMarks, &s.listen, &s.tell,
	} {
		*text = named.Replace(fill.Replace(*text))
	}
	return s
}

// told is the part of a statement that tells those who watch of the rows in "changed", and what has it executed: a SELECT
// that nobody reads is not.
func told(tell bool, when string) string {
	if !tell {
		return `told AS (SELECT)`
	}
	return `told AS MATERIALIZED (
	SELECT pg_notify({channel}, replace(v.id::text, '-', '')) FROM changed AS v WHERE ` + when + `
)`
}

const (
	// The row is locked before the clock is read. In one SELECT the clock would be read first, and a wait for the lock would
	// not count: PostgreSQL looks at a row again only if it was changed meanwhile, not if it was merely locked. OFFSET 0
	// keeps the planner from merging the two.
	sqlLock = `(SELECT *, clock_timestamp() AS now FROM (
		SELECT * FROM {sessions} WHERE id = $1::uuid FOR NO KEY UPDATE
	) AS locked OFFSET 0) AS seen`

	// Work after a lock on a subject needs a snapshot of its own, which READ COMMITTED takes for each statement.
	sqlFresh = `current_setting('transaction_isolation') IN ('read committed', 'read uncommitted')`

	// The end of a session or of a token is on the disk before it is acknowledged, even for a role that has
	// synchronous_commit = off: it is set for this transaction alone.
	sqlDurable = `CASE WHEN current_setting('synchronous_commit') = 'off'
		THEN set_config('synchronous_commit', 'on', TRUE) END IS NULL`

	// The first byte of the facts is the version of their form: a later one is 2 or more.
	sqlUnreadable = `WHEN expires <= now THEN 1
			WHEN facts >= '\x02'::bytea THEN 2
			WHEN substr(sha256(facts), 1, 4) <> facts_check OR jsonb_typeof(values) <> 'object' THEN 3`

	// A mark is kept for a day, longer than any login can be under way.
	sqlEnded = `EXISTS (SELECT FROM {marks} AS m
				WHERE m.realm = $4::text AND m.subject = $5::text AND m.instant >= $7::timestamptz
				AND m.instant > clock_timestamp() - interval '1 day')`

	// A replica tells no time.
	sqlLoad = `SELECT CASE WHEN NOT pg_is_in_recovery() THEN clock_timestamp() END, s.version, s.expires, s.facts, s.values, 1::bigint
FROM (SELECT) AS one LEFT JOIN {sessions} AS s ON s.id = $1::uuid`

	// OFFSET 0 has each row looked up by itself, so that the plan is right for a table of any size. The array hides in a
	// SELECT: or PostgreSQL would plan anew for each length. The clock is read once, when all rows are seen as they were.
	// Large values are left out, to be asked for alone.
	sqlLoadTogether = `SELECT CASE WHEN NOT pg_is_in_recovery() THEN (SELECT clock_timestamp()) END, s.version, s.expires, s.facts,
	CASE WHEN pg_catalog.pg_column_size(s.values) <= 16384 THEN s.values END, wanted.place
FROM unnest((SELECT $1::uuid[])) WITH ORDINALITY AS wanted (id, place)
LEFT JOIN LATERAL (SELECT version, expires, facts, values FROM {sessions} WHERE id = wanted.id OFFSET 0) AS s ON TRUE`

	sqlColumns = `id, version, expires, due, realm, subject, created, authenticated, deadline, generation, facts, facts_check, values`

	sqlRow = `$1::uuid, $2::bigint, t.expires, t.expires, $4::text, $5::text, $6::timestamptz, $7::timestamptz, $8::timestamptz,
	$9::bigint, $10::bytea, $11::bytea, $12::jsonb
FROM (SELECT clock_timestamp() + $3::interval AS expires) AS t`

	sqlSave = `INSERT INTO {sessions} (` + sqlColumns + `)
SELECT ` + sqlRow

	sqlSaveSubject = `WITH v AS MATERIALIZED (
	SELECT CASE WHEN NOT {fresh} THEN 8 WHEN {ended} THEN 6 ELSE 0 END AS verdict
), saved AS (
	INSERT INTO {sessions} (` + sqlColumns + `)
	SELECT ` + sqlRow + `, v WHERE v.verdict = 0
)
SELECT verdict FROM v`

	sqlUpdate = `WITH v AS MATERIALIZED (
	SELECT id, now, due, generation, CASE
			{unreadable}
			WHEN version <> $2::bigint THEN 4
			WHEN subject <> '' AND (subject <> $5::text OR realm <> $4::text) THEN 7
			WHEN $5::text = '' THEN 0
			WHEN NOT {fresh} THEN 8
			WHEN (subject <> $5::text OR authenticated <> $7::timestamptz) AND {ended} THEN 6
			ELSE 0 END AS verdict
	FROM {lock}
), changed AS (
	UPDATE {sessions} AS s SET
		version = s.version + 1, expires = v.now + $3::interval, due = least(v.due, v.now + $3::interval),
		realm = $4::text, subject = $5::text, created = $6::timestamptz, authenticated = $7::timestamptz,
		deadline = $8::timestamptz, generation = $9::bigint, facts = $10::bytea, facts_check = $11::bytea,
		values = $12::jsonb
	FROM v WHERE s.id = $1::uuid AND v.verdict = 0
	RETURNING s.id, v.generation
), {tell update}
SELECT verdict, (SELECT count(*) FROM told), {durable} FROM v`

	sqlTouch = `WITH v AS MATERIALIZED (
	SELECT now, expires, expires > now AS live FROM {lock}
), changed AS (
	UPDATE {sessions} AS s SET expires = v.now + $2::interval
	FROM v WHERE s.id = $1::uuid AND v.live AND v.now + $2::interval > v.expires
)
SELECT live FROM v`

	sqlDelete = `WITH changed AS (
	DELETE FROM {sessions} WHERE id = $1::uuid RETURNING id
), {tell ends}
SELECT (SELECT count(*) FROM told), {durable}`

	// Most patches clear nothing and find their session as they expect it and locked by nobody. This statement costs half of
	// what sqlPatch does, and waits for nobody, so many can go in one transaction. Where it changes no row, the other one
	// decides and says why. $6 is Remove, $7 Set, $8 the size up to which neither limit can be reached, $9 and $10 are the
	// limits. No argument switches a part off: PostgreSQL would plan it anew for each call.
	//
	// Until its company has committed, others still see the session as it was. So that it does not expire meanwhile, be seen
	// dead and come back, it must have 10 seconds left, and sqlInTime takes all back if those have passed.
	sqlQuickPatch = `UPDATE {sessions} SET
	version = version + 1, expires = greatest(expires, clock_timestamp() + $2::interval),
	values = values - $6::text[] || $7::jsonb
WHERE id = (SELECT id FROM {sessions} WHERE id = $1::uuid
	AND expires > clock_timestamp() + interval '10 seconds' AND generation = $3::bigint
	AND facts < '\x02'::bytea AND substr(sha256(facts), 1, 4) = facts_check
	AND CASE WHEN jsonb_typeof(values) <> 'object' OR NOT values @> $4::jsonb OR values ?| $5::text[] THEN FALSE
		WHEN pg_catalog.pg_column_compression(values) IS NULL AND pg_catalog.pg_column_size(values) <= $8::bigint THEN TRUE
		ELSE pg_catalog.pg_column_size(values - $6::text[] || $7::jsonb) <= $9::bigint
			AND (SELECT count(*) FROM jsonb_object_keys(values - $6::text[] || $7::jsonb)) <= $10::bigint END
	FOR NO KEY UPDATE SKIP LOCKED)`

	sqlInTime = `SELECT 1 / CASE WHEN clock_timestamp() < transaction_timestamp() + interval '10 seconds' THEN 1 ELSE 0 END`

	// Only what changed is sent: $4 and $5 what is expected, $6 to $9 the change. A jsonb value of strings takes no less room
	// than its names and texts, and 8 bytes more for each name: what is smaller than the limits need not be counted.
	sqlPatch = `WITH v AS MATERIALIZED (
	SELECT id, now, after, CASE
			WHEN verdict <> 0 THEN verdict
			WHEN ($10::bigint > 0 AND pg_catalog.pg_column_size(after) > $10::bigint OR $11::bigint > 0 AND pg_catalog.pg_column_size(after) / 8 > $11::bigint)
				AND (SELECT $10::bigint > 0 AND a.size > $10::bigint AND a.size >= b.size
						OR $11::bigint > 0 AND a.names > $11::bigint AND a.names >= b.names
					FROM (SELECT count(*) AS names, coalesce(sum(octet_length(key) + octet_length(value)), 0) AS size
						FROM jsonb_each_text(after)) AS a,
					(SELECT count(*) AS names, coalesce(sum(octet_length(key) + octet_length(value)), 0) AS size
						FROM jsonb_each_text(values)) AS b) THEN 5
			ELSE 0 END AS verdict
	FROM (
		SELECT id, now, values, verdict, CASE WHEN verdict = 0 THEN
			CASE WHEN $6::boolean THEN coalesce((SELECT pg_catalog.jsonb_object_agg(key, value) FROM jsonb_each(values)
					WHERE key = ANY ($7::text[])), '{}') ELSE values END
				- $8::text[] || $9::jsonb END AS after
		FROM (
			SELECT id, now, values, CASE
				{unreadable}
				WHEN generation <> $3::bigint OR NOT values @> $4::jsonb OR values ?| $5::text[]
					AND EXISTS (SELECT FROM pg_catalog.unnest($5::text[]) AS name WHERE values ->> name <> '') THEN 4
				ELSE 0 END AS verdict
			FROM {lock} OFFSET 0
		) AS judged OFFSET 0
	) AS patched
), changed AS (
	UPDATE {sessions} AS s SET version = s.version + 1, expires = greatest(s.expires, v.now + $2::interval), values = v.after
	FROM v WHERE s.id = $1::uuid AND v.verdict = 0
	RETURNING s.id
), {tell patch}
SELECT verdict, (SELECT count(*) FROM told) FROM v`

	// Logins of a subject share its lock, ends and trims have it alone. It is the transaction's, so that it goes with it,
	// whatever happens. Whoever works on a row waits for nothing but that row, and whoever works on many has the lock.
	sqlLockShared  = `SELECT pg_advisory_xact_lock_shared($1::bigint)`
	sqlLockSubject = `SELECT pg_advisory_xact_lock($1::bigint)`

	sqlEntry = `SELECT id, clock_timestamp(), expires, facts FROM {sessions}`

	sqlListSubject = sqlEntry + `
WHERE realm = $1::text AND subject = $2::text AND subject <> '' AND expires > clock_timestamp()
ORDER BY authenticated DESC, id`

	sqlDeleteSubject = `WITH mark AS (
	INSERT INTO {marks} AS m (realm, subject, instant) SELECT $1::text, $2::text, clock_timestamp() WHERE {fresh}
	ON CONFLICT (realm, subject) DO UPDATE SET instant = greatest(m.instant, excluded.instant)
), changed AS (
	DELETE FROM {sessions} WHERE realm = $1::text AND subject = $2::text AND subject <> '' AND id <> $3::uuid AND {fresh}
	RETURNING id, expires > clock_timestamp() AS lived
), {tell ends}
SELECT CASE WHEN {fresh} THEN 0 ELSE 8 END, (SELECT count(*) FROM changed WHERE lived), (SELECT count(*) FROM told), {durable}`

	// The rows are locked before they are counted: or one of them might be deleted meanwhile, and seen to be gone before
	// this transaction is seen, which then has deleted one too many.
	sqlTrimSubject = `WITH live AS MATERIALIZED (
	SELECT id, authenticated FROM (
		SELECT id, authenticated, expires FROM {sessions}
		WHERE realm = $1::text AND subject = $2::text AND subject <> '' FOR NO KEY UPDATE
	) AS locked WHERE expires > clock_timestamp()
), changed AS (
	DELETE FROM {sessions} WHERE {fresh} AND id = ANY (ARRAY(
		SELECT id FROM live WHERE id <> $3::uuid ORDER BY authenticated, id
		LIMIT greatest((SELECT count(*) FROM live) - greatest($4::bigint, 0), 0)
	)) RETURNING id
), {tell ends}
SELECT CASE WHEN {fresh} THEN 0 ELSE 8 END, ARRAY(SELECT id FROM changed), (SELECT count(*) FROM told), {durable}`

	sqlPrimary = `SELECT pg_is_in_recovery()`

	sqlPage = sqlEntry + ` WHERE id > $1::uuid AND expires > clock_timestamp() ORDER BY id LIMIT $2::bigint`

	// The index is that of due, which is never later than expires and which no touch or patch moves: so they stay in the
	// page (HOT). A session that was extended meanwhile is filed under its expiry here, once for each time its due comes.
	sqlSweep = `WITH v AS MATERIALIZED (
	SELECT id, due, expires <= clock_timestamp() AS dead FROM (
		SELECT id, due, expires FROM {sessions}
		WHERE due <= (SELECT clock_timestamp()) AND due >= $1::timestamptz AND facts < '\x02'::bytea
		ORDER BY due LIMIT $2::bigint FOR UPDATE SKIP LOCKED
	) AS locked OFFSET 0
), dead AS (
	DELETE FROM {sessions} WHERE id = ANY (ARRAY(SELECT id FROM v WHERE dead)) RETURNING 1
), later AS (
	UPDATE {sessions} SET due = expires WHERE id = ANY (ARRAY(SELECT id FROM v WHERE NOT dead)) RETURNING 1
)
SELECT (SELECT count(*) FROM dead), (SELECT count(*) FROM v), (SELECT max(due) FROM v)`

	sqlSweepMarks = `DELETE FROM {marks} WHERE ctid = ANY (ARRAY(
	SELECT ctid FROM {marks} WHERE instant <= (SELECT clock_timestamp() - interval '1 day')
	ORDER BY instant LIMIT $1::bigint FOR UPDATE SKIP LOCKED
))`

	sqlListen = `LISTEN {listen}`
	sqlTell   = `SELECT pg_notify({channel}, $1::text)`
)
