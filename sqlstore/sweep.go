package sqlstore

import "context"

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
	swept := 0
	for swept < limit {
		batch := min(limit-swept, sweepBatch)
		n, err := st.sweep(ctx, sweepRows, []byte{newestFormat + 1}, batch)
		swept += n
		if err != nil {
			return swept, err
		}
		if n < batch {
			break
		}
	}
	if limit > 0 {
		if _, err := st.sweep(ctx, sweepMarks, limit); err != nil {
			return swept, err
		}
	}
	return swept, nil
}

func (st *Store) sweep(ctx context.Context, s statement, args ...any) (int, error) {
	var n int64
	err := st.write(ctx, "sweep", func(tx *transaction) (err error) {
		n, err = tx.exec(ctx, s, append([]any{tx.now}, args...)...)
		return err
	})
	if err != nil {
		return 0, err
	}
	return int(n), nil
}
