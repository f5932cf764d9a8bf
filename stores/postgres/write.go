package postgresstore

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// write is a statement that changes one row or none, and waits for no lock.
type write struct {
	sql     string
	args    []any
	id      pgtype.UUID // of the row, if it is there
	bytes   int         // of names and texts
	changed bool        // once it was executed without an error
}

func (w *write) row() pgtype.UUID { return w.id }

// size counts what surrounds names and texts too: the identifiers, times and facts.
func (w *write) size() int { return w.bytes + 256 }

// write executes w, together with others if there are many and it is small.
func (st *Store) write(ctx context.Context, w *write) error {
	if w.size() <= luggage {
		if err := st.writes.do(ctx, w); err != errApart {
			return err
		}
	}
	return st.writeAlone(ctx, w)
}

func (st *Store) writeAlone(ctx context.Context, w *write) error {
	tag, err := st.pool.Exec(ctx, w.sql, w.args...)
	w.changed = tag.RowsAffected() == 1
	return err
}

// writeTogether executes all in one transaction, which waits for the disk once. If it lasts too long all is taken back.
func (st *Store) writeTogether(ctx context.Context, writes []*write) error {
	batch := new(pgx.Batch)
	for _, w := range writes {
		batch.Queue(w.sql, w.args...)
	}
	batch.Queue(st.sql.inTime)
	results := st.pool.SendBatch(ctx, batch)
	var err error
	for _, w := range writes {
		var tag pgconn.CommandTag
		if tag, err = results.Exec(); err != nil {
			break
		}
		w.changed = tag.RowsAffected() == 1
	}
	if err == nil {
		_, err = results.Exec()
	}
	return apart(committed(results, err))
}

// committed ends a batch, whose error so far is err, and returns its error: the transaction commits last, and that may fail
// too.
func committed(results pgx.BatchResults, err error) error {
	if closed := results.Close(); err == nil {
		err = closed
	}
	return err
}
