package postgresstore

// steps are the statements that lead from one version of the schema to the next, the first from nothing. A release adds
// steps and never changes one.
func (st *Store) steps() [][]string {
	fill := st.names.filler()
	steps := [][]string{{
		sessionsTable, bySubject, byDue, marksTable, marksByInstant, jsonFunction, readableView,
		`INSERT INTO {schema} (version) VALUES (1)`,
	}}
	for _, step := range steps {
		for i, text := range step {
			step[i] = fill.Replace(text)
		}
	}
	return steps
}

const (
	schemaTable = `CREATE TABLE IF NOT EXISTS {schema} (
	version    integer     PRIMARY KEY,
	applied_at timestamptz NOT NULL DEFAULT now()
)`

	// The space that fillfactor leaves, and that no index has a column which a touch or a patch changes, keep those within
	// their page (HOT): no index grows, and most of what they leave is cleared away by the next of them. Vacuum comes at a
	// twentieth of the rows instead of a fifth.
	sessionsTable = `CREATE TABLE {sessions} (
	id            uuid             PRIMARY KEY,
	version       bigint           NOT NULL,
	generation    bigint           NOT NULL,
	expires       timestamptz      NOT NULL,
	due           timestamptz      NOT NULL,
	created       timestamptz      NOT NULL,
	authenticated timestamptz      NOT NULL,
	deadline      timestamptz      NOT NULL,
	realm         text COLLATE "C" NOT NULL,
	subject       text COLLATE "C" NOT NULL,
	facts         bytea            NOT NULL,
	facts_check   bytea            NOT NULL,
	values        jsonb            NOT NULL
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05)`

	bySubject = `CREATE INDEX {by_subject} ON {sessions} (realm, subject, authenticated) WHERE subject <> ''`

	// due is when Sweep looks at the session next.
	byDue = `CREATE INDEX {by_due} ON {sessions} (due)`

	marksTable = `CREATE TABLE {marks} (
	realm   text COLLATE "C" NOT NULL,
	subject text COLLATE "C" NOT NULL,
	instant timestamptz      NOT NULL,
	PRIMARY KEY (realm, subject)
)`

	marksByInstant = `CREATE INDEX {marks_by_instant} ON {marks} (instant)`

	// The view must not fail for everybody because one text is no JSON.
	jsonFunction = `CREATE FUNCTION {json}(value text) RETURNS json
	LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN value::json;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
	RETURN to_json(value);
END
$$`

	readableView = `CREATE VIEW {readable} AS
SELECT replace(id::text, '-', '') AS id,
	realm,
	subject,
	created,
	CASE WHEN authenticated > '0001-01-01 00:00:00+00' THEN authenticated END AS authenticated,
	deadline,
	expires,
	version,
	generation,
	coalesce((
		SELECT pg_catalog.json_object_agg(v.key, {json}(v.value) ORDER BY v.key)
		FROM jsonb_each_text(CASE jsonb_typeof(values) WHEN 'object' THEN values END) AS v
	), '{}') AS values_json
FROM {sessions}`
)
