package postgresstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/sojourn-go/sojourn"
)

// Migrate creates the tables, or brings those of an older release up to date. It may be called at every start, by many
// processes at once: each step is taken once, by one of them, whole or not at all. Tables of a newer release are left
// alone: [sojourn.ErrNewer]. Where there is something to do the role needs CREATE on the schema, and to own the tables
// that are there; where there is nothing, SELECT on the table whose name ends in _schema.
func (st *Store) Migrate(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := pgx.BeginFunc(ctx, st.pool, func(tx pgx.Tx) error { return st.migrate(ctx, tx) }); err != nil {
		return failure(ctx, "migrate", err)
	}
	return nil
}

func (st *Store) migrate(ctx context.Context, tx pgx.Tx) error {
	var encoding string
	if err := tx.QueryRow(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database's encoding is %s, and must be UTF8", encoding)
	}
	fill := st.names.filler()
	var there bool
	err := tx.QueryRow(ctx, "SELECT to_regclass($1::text) IS NOT NULL", st.names.named("_schema")).Scan(&there)
	if err != nil {
		return err
	}
	steps := st.steps()
	if there {
		if version, err := st.version(ctx, tx); err != nil || version == len(steps) {
			return err
		}
	}
	// One process at a time. What the others did meanwhile shows to statements that lock the table, and not to to_regclass,
	// which may answer from what it has looked up before.
	if _, err := tx.Exec(ctx, st.sql.lock, subjectLock("", "")); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, fill.Replace(schemaTable)); err != nil {
		return err
	}
	version, err := st.version(ctx, tx)
	if err != nil {
		return err
	}
	for ; version < len(steps); version++ {
		for _, text := range steps[version] {
			if _, err := tx.Exec(ctx, text, pgx.QueryExecModeExec); err != nil {
				return fmt.Errorf("step %d: %w", version+1, err)
			}
		}
	}
	return nil
}

// version reads which version the schema has, 0 if it has none.
func (st *Store) version(ctx context.Context, tx pgx.Tx) (int, error) {
	var version int
	query := st.names.filler().Replace("SELECT coalesce(max(version), 0) FROM {schema}")
	err := tx.QueryRow(ctx, query, pgx.QueryExecModeExec).Scan(&version)
	if err == nil && version > len(st.steps()) {
		return 0, fmt.Errorf("schema version %d, this release knows %d: %w", version, len(st.steps()), sojourn.ErrNewer)
	}
	return version, err
}

// Schema returns the SQL of an empty database's migration, for those who run their own. Run it in one transaction. Migrate
// finds nothing left to do afterwards.
func (st *Store) Schema() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s;\n", st.names.filler().Replace(schemaTable))
	for _, step := range st.steps() {
		b.WriteByte('\n')
		for _, text := range step {
			fmt.Fprintf(&b, "%s;\n", text)
		}
	}
	return b.String()
}
