package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/sojourn-go/sojourn"
)

// Migrate creates the tables, or brings those of an older release up to date. It may be called at every start, by many
// processes at once: each step is taken once, by one of them, whole or not at all. (MySQL commits each statement of a step
// by itself; a step that was broken off is gone through again, and finds done what is done.) Where nothing is to be done it
// needs no right but to read the table of versions. Tables of a newer release are left alone: [sojourn.ErrNewer].
func (st *Store) Migrate(ctx context.Context) error {
	if err := st.tryMigrate(ctx); err != nil {
		return failure(ctx, "migrate", err)
	}
	return nil
}

// runner is a transaction, or a pool where the database knows none for tables.
type runner interface {
	ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, text string, args ...any) *sql.Row
}

func (st *Store) tryMigrate(ctx context.Context) error {
	g := &st.grammar
	db := st.writer.db
	if g.check != nil {
		if _, err := g.check(ctx, db); err != nil {
			return err
		}
	}
	// If this fails there is no table yet, or the next statement fails as well.
	version, err := st.schemaVersion(ctx, db)
	if err == nil && version == len(g.steps) || errors.Is(err, sojourn.ErrNewer) {
		return err
	}
	if !g.transactional {
		return st.takeSteps(ctx, db)
	}
	if !g.server { // its lock is on the table
		if _, err := db.ExecContext(ctx, g.text[createSchema]); err != nil {
			return err
		}
	}
	return again(ctx, func() error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback() // does nothing after Commit
		if _, err := tx.ExecContext(ctx, g.text[lockSchema]); err != nil {
			return err
		}
		if err := st.takeSteps(ctx, tx); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// takeSteps takes the steps that are still to be taken.
func (st *Store) takeSteps(ctx context.Context, run runner) error {
	g := &st.grammar
	if _, err := run.ExecContext(ctx, g.text[createSchema]); err != nil {
		return err
	}
	version, err := st.schemaVersion(ctx, run)
	if err != nil {
		return err
	}
	for ; version < len(g.steps); version++ {
		for _, text := range g.steps[version] {
			if _, err := run.ExecContext(ctx, text); err != nil {
				return fmt.Errorf("step %d: %w", version+1, err)
			}
		}
		if _, err := run.ExecContext(ctx, g.noteVersion(version+1)); err != nil {
			return err
		}
	}
	return nil
}

func (g *grammar) noteVersion(version int) string {
	return strings.Replace(g.text[writeSchema], "{version}", fmt.Sprint(version), 1)
}

func (st *Store) schemaVersion(ctx context.Context, run runner) (int, error) {
	var version int
	if err := run.QueryRowContext(ctx, st.grammar.text[readSchema]).Scan(&version); err != nil {
		return 0, err
	}
	if known := len(st.grammar.steps); version > known {
		return version, fmt.Errorf("sqlstore: migrate: schema version %d, this release knows %d: %w",
			version, known, sojourn.ErrNewer)
	}
	return version, nil
}

// Schema returns the SQL of an empty database's migration, for those who run their own. Run it in one transaction, where
// the database has them for tables. Migrate finds nothing left to do afterwards.
func (st *Store) Schema() string {
	g := &st.grammar
	var b strings.Builder
	fmt.Fprintf(&b, "%s;\n", g.text[createSchema])
	for i, step := range g.steps {
		for _, text := range step {
			fmt.Fprintf(&b, "\n%s;\n", text)
		}
		fmt.Fprintf(&b, "\n%s;\n", g.noteVersion(i+1))
	}
	return b.String()
}
