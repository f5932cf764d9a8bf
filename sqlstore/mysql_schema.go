package sqlstore

const (
	// A row is kept in the order of id: one search finds it, and one lock holds it. The indexes have names of their own in
	// each table.
	mysqlSessions = `CREATE TABLE IF NOT EXISTS {sessions} (
	id            VARBINARY(16)  NOT NULL,
	version       BIGINT         NOT NULL,
	expires       BIGINT         NOT NULL,
	realm         VARBINARY(255) NOT NULL,
	subject       VARBINARY(255) NOT NULL,
	created       BIGINT         NOT NULL,
	authenticated BIGINT         NOT NULL,
	deadline      BIGINT         NOT NULL,
	values_at     INT            NOT NULL,
	record        MEDIUMBLOB     NOT NULL,
	PRIMARY KEY (id),
	KEY by_subject (realm, subject),
	KEY by_expiry (expires)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC`

	mysqlMarks = `CREATE TABLE IF NOT EXISTS {marks} (
	realm   VARBINARY(255) NOT NULL,
	subject VARBINARY(255) NOT NULL,
	instant BIGINT         NOT NULL,
	expires BIGINT         NOT NULL,
	PRIMARY KEY (realm, subject),
	KEY by_expiry (expires)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC`

	// Values are not shown: neither MySQL nor MariaDB can take a record apart in a view, without a function that Migrate
	// would need more rights to create.
	mysqlReadable = `CREATE OR REPLACE SQL SECURITY INVOKER VIEW {readable} AS
SELECT LOWER(HEX(id)) AS id,
	CONVERT(realm USING utf8mb4) AS realm,
	CONVERT(subject USING utf8mb4) AS subject,
	TIMESTAMPADD(MICROSECOND, created * 1000, TIMESTAMP'1970-01-01 00:00:00') AS created,
	CASE WHEN authenticated > -62135596800000
		THEN TIMESTAMPADD(MICROSECOND, authenticated * 1000, TIMESTAMP'1970-01-01 00:00:00') END AS authenticated,
	TIMESTAMPADD(MICROSECOND, deadline * 1000, TIMESTAMP'1970-01-01 00:00:00') AS deadline,
	TIMESTAMPADD(MICROSECOND, expires * 1000, TIMESTAMP'1970-01-01 00:00:00') AS expires,
	version
FROM {sessions}`
)
