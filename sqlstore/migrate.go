package sqlstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/sojourn-go/sojourn"
)

// Migrate creates the tables, or brings those of an older release up to date. It may be called at every start, by many
// processes at once: each step is taken once, by one of them, whole or not at all. Tables of a newer release are left
// alone: [sojourn.ErrNewer].
func (st *Store) Migrate(ctx context.Context) error {
	if err := st.tryMigrate(ctx); err != nil {
		return failure(ctx, "migrate", err)
	}
	return nil
}

func (st *Store) tryMigrate(ctx context.Context) error {
	g := &st.grammar
	if _, err := st.writer.db.ExecContext(ctx, g.text[createSchema]); err != nil {
		return err
	}
	tx, err := st.writer.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after Commit
	if _, err := tx.ExecContext(ctx, g.text[lock]); err != nil {
		return err
	}
	var version int
	if err := tx.QueryRowContext(ctx, g.text[readSchema]).Scan(&version); err != nil {
		return err
	}
	if version > len(g.steps) {
		return fmt.Errorf("sqlstore: migrate: schema version %d, this release knows %d: %w",
			version, len(g.steps), sojourn.ErrNewer)
	}
	for ; version < len(g.steps); version++ {
		for _, text := range g.steps[version] {
			if _, err := tx.ExecContext(ctx, text); err != nil {
				return fmt.Errorf("step %d: %w", version+1, err)
			}
		}
		if _, err := tx.ExecContext(ctx, g.text[writeSchema], version+1); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// Schema returns the SQL of an empty database's migration, for those who run their own. Run it in one transaction.
// Migrate finds nothing left to do afterwards.
func (st *Store) Schema() string {
	g := &st.grammar
	var b strings.Builder
	fmt.Fprintf(&b, "%s;\n", g.text[createSchema])
	for i, step := range g.steps {
		for _, text := range step {
			fmt.Fprintf(&b, "\n%s;\n", text)
		}
		fmt.Fprintf(&b, "\n%s;\n", strings.Replace(g.text[writeSchema], "?", fmt.Sprint(i+1), 1))
	}
	return b.String()
}
