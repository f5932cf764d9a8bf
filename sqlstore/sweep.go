package sqlstore

import (
	"context"
	"errors"

	"github.com/sojourn-go/sojourn"
)

const (
	// sweepBatch bounds how long a sweep keeps other writers waiting: they get their turn between batches.
	sweepBatch = 200

	// newestFormat is the newest version of the record's binary form that this release can read: the record's first byte. A
	// record of a later one is never swept: only the release that wrote it knows what else goes with it.
	newestFormat = 1
)

// Sweep implements [sojourn.Sweeper]. It works in short transactions, and also removes at most limit not-before marks
// that are older than a day, which it does not count.
func (st *Store) Sweep(ctx context.Context, limit int) (int, error) {
	swept, err := st.sweep(ctx, limit, func(tx *transaction, batch int) (int64, error) {
		format := []byte{newestFormat + 1}
		if tx.grammar.has(sweepRows) {
			return tx.exec(ctx, sweepRows, moment{}, format, batch)
		}
		return tx.sweepRows(ctx, format, batch)
	})
	if err != nil {
		return swept, err
	}
	_, err = st.sweep(ctx, limit, func(tx *transaction, batch int) (int64, error) {
		if tx.grammar.has(sweepMarks) {
			return tx.exec(ctx, sweepMarks, moment{}, batch)
		}
		return tx.sweepMarks(ctx, batch)
	})
	return swept, err
}

// sweep removes at most limit of something, batch by batch.
func (st *Store) sweep(ctx context.Context, limit int, remove func(tx *transaction, batch int) (int64, error)) (int, error) {
	swept := 0
	for swept < limit {
		batch := min(limit-swept, sweepBatch)
		var n int64
		err := st.write(ctx, "sweep", func(tx *transaction) (err error) {
			n, err = remove(tx, batch)
			return err
		})
		if err != nil {
			return swept, err
		}
		swept += int(n)
		if int(n) < batch {
			break
		}
	}
	return swept, nil
}

// sweepRows locks expired sessions that nobody else has locked, and then deletes them.
func (tx *transaction) sweepRows(ctx context.Context, format []byte, batch int) (int64, error) {
	rows, err := tx.query(ctx, expiredRows, format, batch)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var ids []sojourn.ID
	for rows.Next() {
		var at answer
		id, err := scanID(rows, &at.trouble)
		if err == nil {
			err = tx.at(at)
		}
		if err != nil {
			return 0, err
		}
		ids = append(ids, id)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, err
	}
	return tx.delete(ctx, ids)
}

// sweepMarks does the same to marks.
func (tx *transaction) sweepMarks(ctx context.Context, batch int) (int64, error) {
	rows, err := tx.query(ctx, expiredMarks, batch)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var marks [][2][]byte
	for rows.Next() {
		var at answer
		var m [2][]byte
		err := rows.Scan(&m[0], &m[1], &at.trouble)
		if err == nil {
			err = tx.at(at)
		}
		if err != nil {
			return 0, err
		}
		marks = append(marks, m)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, err
	}
	for _, m := range marks {
		if _, err := tx.exec(ctx, deleteMark, m[0], m[1]); err != nil {
			return 0, err
		}
	}
	return int64(len(marks)), nil
}
