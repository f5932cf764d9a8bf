package postgresstore

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

const (
	// sweepBatch bounds how long a sweep keeps its rows locked, and how much it asks of the server at once.
	sweepBatch = 100

	// sweepRest is how long a sweep rests after a batch, in multiples of what the batch took: so a sweeper takes about an
	// eighth of one of the server's processors, however fast that is, and leaves the rest to requests.
	sweepRest = 7
)

// sweep is how far the store's sweeps came.
type sweep struct {
	mu sync.Mutex
	// from is the due of the last row that a batch has seen: the next one begins there, and not at the dead entries of the
	// index that those before it left. Every pass begins anew.
	from time.Time
}

// Sweep implements [sojourn.Sweeper], in batches of a hundred rows, each a transaction and a round trip of its own, with
// rests between them. It skips rows that somebody else has locked, and waits for nobody. It also removes at most limit
// not-before marks that are older than a day, which it does not count.
func (st *Store) Sweep(ctx context.Context, limit int) (int, error) {
	swept := 0
	for swept < limit {
		began := time.Now()
		from := st.sweep.start()
		batch := min(limit-swept, sweepBatch)
		var dead, seen int
		var last pgtype.Timestamptz
		err := st.do(ctx, "sweep", writing, func() error {
			return st.pool.QueryRow(ctx, st.sql.sweep, from, int64(batch)).Scan(&dead, &seen, &last)
		})
		swept += dead
		if err != nil {
			return swept, err
		}
		if seen == batch {
			st.sweep.reached(last.Time)
		} else {
			st.sweep.reached(time.Time{})
			if from.InfinityModifier != pgtype.Finite {
				break // nothing is left, from the beginning to the end
			}
		}
		if err := rest(ctx, sweepRest*time.Since(began)); err != nil {
			return swept, err
		}
	}
	if limit > 0 {
		err := st.do(ctx, "sweep", writing, func() error {
			_, err := st.pool.Exec(ctx, st.sql.sweepMarks, int64(limit))
			return err
		})
		if err != nil {
			return swept, err
		}
	}
	return swept, nil
}

func (s *sweep) start() pgtype.Timestamptz {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.from.IsZero() {
		return pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}
	}
	return pgtype.Timestamptz{Time: s.from, Valid: true}
}

func (s *sweep) reached(due time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.from = due
}

func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
