package sqlstore

const (
	// expiry_hour is what the sweeper looks for. An index of expires itself would be written to whenever a session is
	// used, and PostgreSQL could never change a row in place (a HOT update), for which fillfactor leaves room.
	postgresSessions = `CREATE TABLE IF NOT EXISTS {sessions} (
	id            bytea   NOT NULL PRIMARY KEY,
	version       bigint  NOT NULL,
	expires       bigint  NOT NULL,
	realm         bytea   NOT NULL,
	subject       bytea   NOT NULL,
	created       bigint  NOT NULL,
	authenticated bigint  NOT NULL,
	deadline      bigint  NOT NULL,
	values_at     integer NOT NULL,
	record        bytea   NOT NULL,
	expiry_hour   bigint  GENERATED ALWAYS AS (expires / 3600000) STORED
) WITH (fillfactor = 80)`

	postgresBySubject = `CREATE INDEX IF NOT EXISTS {by_subject} ON {sessions} (realm, subject) WHERE subject <> ''`

	postgresByExpiry = `CREATE INDEX IF NOT EXISTS {by_expiry} ON {sessions} (expiry_hour)`

	postgresMarks = `CREATE TABLE IF NOT EXISTS {marks} (
	realm   bytea  NOT NULL,
	subject bytea  NOT NULL,
	instant bigint NOT NULL,
	expires bigint NOT NULL,
	PRIMARY KEY (realm, subject)
)`

	postgresMarksByExpiry = `CREATE INDEX IF NOT EXISTS {marks_by_expiry} ON {marks} (expires)`
)

// postgresReadable shows people what is in the table. The values in a record are entries of: length of the name, length of
// the text (both 7 bits a byte, the lowest first, the high bit set on all but the last), name, text. The last 4 bytes of
// the record are its checksum. Each step of the recursion reads one byte of a length, or one entry. A damaged length
// ends it.
var postgresReadable = `CREATE OR REPLACE VIEW {readable} AS
SELECT encode(id, 'hex') AS id,
	` + postgresText("realm") + ` AS realm,
	` + postgresText("subject") + ` AS subject,
	` + postgresTime("created") + ` AS created,
	` + postgresTime("authenticated") + ` AS authenticated,
	` + postgresTime("deadline") + ` AS deadline,
	` + postgresTime("expires") + ` AS expires,
	version,
	CASE WHEN substr(record, 1, 1) = '\x01'::bytea THEN (
		WITH RECURSIVE step(part, at, shift, namelen, textlen, name, text) AS (
			SELECT 'name', values_at, 0, 0, 0, NULL::bytea, NULL::bytea
			UNION ALL
			SELECT
				CASE WHEN part = 'entry' THEN 'name' WHEN byte >= 128 THEN part WHEN part = 'name' THEN 'text' ELSE 'entry' END,
				CASE WHEN part = 'entry' THEN at + namelen + textlen ELSE at + 1 END,
				CASE WHEN part <> 'entry' AND byte >= 128 THEN shift + 7 ELSE 0 END,
				CASE part WHEN 'name' THEN namelen + ((byte & 127) << shift) WHEN 'text' THEN namelen ELSE 0 END,
				CASE part WHEN 'text' THEN textlen + ((byte & 127) << shift) ELSE 0 END,
				CASE part WHEN 'entry' THEN substr(record, at + 1, namelen) END,
				CASE part WHEN 'entry' THEN substr(record, at + 1 + namelen, textlen) END
			FROM step CROSS JOIN LATERAL
				(SELECT CASE WHEN at < length(record) THEN get_byte(record, at) ELSE 0 END AS byte) AS b
			WHERE shift < 28 AND (at < length(record) - 4 OR part = 'entry' AND namelen + textlen = 0)
		)
		SELECT json_object_agg(` + postgresText("name") + `, ` + postgresText("text") + `) FILTER (WHERE name IS NOT NULL) FROM step
	) END AS values_json
FROM {sessions}`

// postgresText is what is to be seen of bytes: the text, if they are one that PostgreSQL can show, else their escaped form.
// A text that it cannot show would be an error, and nothing of the view could be seen.
func postgresText(column string) string {
	const tail = `[89ab][0-9a-f]`
	const utf8 = `^(0[1-9a-f]|[1-7][0-9a-f]|(c[2-9a-f]|d[0-9a-f])` + tail +
		`|(e0[ab][0-9a-f]|e[1-9a-cef]` + tail + `|ed[89][0-9a-f])` + tail +
		`|(f0[9ab][0-9a-f]|f[123]` + tail + `|f48[0-9a-f])` + tail + tail + `)*$`
	return `CASE WHEN encode(` + column + `, 'hex') ~ '` + utf8 + `' THEN convert_from(` + column + `, 'UTF8')` +
		` ELSE encode(` + column + `, 'escape') END`
}

// postgresTime is a time, if there is one.
func postgresTime(column string) string {
	return `CASE WHEN ` + column + ` > -62135596800000 AND ` + column + ` < 253402300800000 THEN to_timestamp(` + column + ` / 1000.0) END`
}
