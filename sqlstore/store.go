package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Store keeps sessions in a SQL database. It is safe for concurrent use, by any number of goroutines and processes.
type Store struct {
	grammar grammar
	reader  *pool
	writer  *pool
}

var (
	_ sojourn.Store        = (*Store)(nil)
	_ sojourn.Patcher      = (*Store)(nil)
	_ sojourn.SubjectIndex = (*Store)(nil)
	_ sojourn.Lister       = (*Store)(nil)
	_ sojourn.Sweeper      = (*Store)(nil)
)

// New returns a store in db. It opens no connection and creates no table: see [Store.Migrate]. It does not close db. What
// is wrong with cfg comes as [sojourn.ConfigError]s, joined.
//
// The statements that the store prepares stay prepared until db is closed: make one store per database, not one per
// request.
func New(db *sql.DB, cfg Config) (*Store, error) {
	cfg, n, err := cfg.complete()
	if db == nil {
		err = errors.Join(errors.New("sqlstore: no *sql.DB"), err)
	}
	if err != nil {
		return nil, err
	}
	st := &Store{grammar: cfg.Dialect.grammar(n)}
	st.writer = &pool{db: db, grammar: &st.grammar, now: cfg.Now, first: 0, end: prepared}
	st.reader = st.writer
	if cfg.Reader != nil || !st.grammar.server {
		st.reader = &pool{db: cmp.Or(cfg.Reader, db), grammar: &st.grammar, now: cfg.Now, first: 0, end: readers}
	}
	if !st.grammar.server {
		st.writer.first = lock
	}
	return st, nil
}

// Load implements [sojourn.Store] with one SELECT, and with a second one, under a lock, if the row that it finds has
// expired.
func (st *Store) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	id := key.ID()
	r, at, err := st.reader.row(ctx, readRow, id[:])
	switch {
	case err == nil:
	case takenBack(err):
		if r, at, err = st.found(ctx, "load", readRow, id); err != nil {
			return sojourn.State{}, err
		}
	default:
		return sojourn.State{}, failure(ctx, "load", err)
	}
	state, err := r.state(at.now)
	if !errors.Is(err, sojourn.ErrNotFound) {
		return state, err
	}
	// A write that came in time may be about to commit, and a session that was answered to be gone would be back. While
	// the lock is held there is no such write.
	if st.grammar.has(lookAgain) {
		r, at, err := st.found(ctx, "load", lookAgain, id)
		if err != nil {
			return sojourn.State{}, err
		}
		return r.state(at.now)
	}
	err = st.write(ctx, "load", func(tx *transaction) (err error) {
		state, err = tx.state(ctx, id)
		return err
	})
	if err != nil {
		return sojourn.State{}, err
	}
	return state, nil
}

// Save implements [sojourn.Store].
func (st *Store) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	life, err := lifeOf(ttl)
	if err != nil {
		return sojourn.Key{}, err
	}
	cols := columnsOf(state)
	id := sojourn.NewID()
	saved, err := st.saveAlone(ctx, id, cols, life)
	if err == nil && !saved {
		err = st.write(ctx, "save", func(tx *transaction) error {
			if err := tx.hold(ctx, cols); err != nil {
				return err
			}
			if err := tx.clock(ctx); err != nil {
				return err
			}
			if err := tx.admits(ctx, cols); err != nil {
				return err
			}
			_, err := tx.exec(ctx, insertRow, id[:], 1, tx.now+life, cols.realm, cols.subject, cols.created,
				cols.authenticated, cols.deadline, cols.valuesAt, cols.record)
			return err
		})
	}
	if err != nil {
		return sojourn.Key{}, err
	}
	return id.Key(), nil
}

// Update implements [sojourn.Store]. A record that this release cannot read is not overwritten: [sojourn.ErrCorrupt],
// [sojourn.ErrNewer]. It is an error to change a subject that is set.
func (st *Store) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	life, err := lifeOf(ttl)
	if err != nil {
		return sojourn.Key{}, err
	}
	cols := columnsOf(state)
	id := key.ID()
	updated, err := st.updateAlone(ctx, id, state.Version, cols, life)
	if err == nil && !updated {
		err = st.write(ctx, "update", func(tx *transaction) error {
			if err := tx.hold(ctx, cols); err != nil {
				return err
			}
			stored, err := tx.state(ctx, id)
			if err != nil {
				return err
			}
			if stored.Version != state.Version {
				return sojourn.ErrConflict
			}
			before, after := stored.Facts, state.Facts
			moved := before.Subject != after.Subject || before.Realm != after.Realm
			if before.Subject != "" && moved {
				return errors.New("sqlstore: an update may not change the subject of a session")
			}
			if moved || before.Authenticated.UnixMilli() != after.Authenticated.UnixMilli() {
				if err := tx.admits(ctx, cols); err != nil {
					return err
				}
			}
			_, err = tx.exec(ctx, replaceRow, tx.now+life, cols.realm, cols.subject, cols.created, cols.authenticated,
				cols.deadline, cols.valuesAt, cols.record, id[:])
			return err
		})
	}
	if err != nil {
		return sojourn.Key{}, err
	}
	return key, nil
}

// UpdateTTL implements [sojourn.Store].
func (st *Store) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	life, err := lifeOf(ttl)
	if err != nil {
		return err
	}
	id := key.ID()
	if touched, err := st.touchAlone(ctx, id, life); err != nil || touched {
		return err
	}
	return st.write(ctx, "touch", func(tx *transaction) error {
		if st.grammar.server {
			if _, err := tx.live(ctx, id); err != nil {
				return err
			}
		}
		n, err := tx.exec(ctx, touchRow, tx.now+life, id[:], tx.now)
		if err == nil && n == 0 && !st.grammar.server {
			return sojourn.ErrNotFound
		}
		return err
	})
}

// Delete implements [sojourn.Store].
func (st *Store) Delete(ctx context.Context, key sojourn.Key) error {
	id := key.ID()
	if deleted, err := st.deleteAlone(ctx, id); err != nil || deleted {
		return err
	}
	return st.write(ctx, "delete", func(tx *transaction) error {
		if _, err := tx.exec(ctx, deleteRow, id[:]); err != nil {
			return err
		}
		return tx.clock(ctx)
	})
}

// Patch implements [sojourn.Patcher]. In the end it reads, applies and writes under a lock, so that it never meets a
// conflict that [sojourn.Patch] itself does not ask for.
func (st *Store) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	life, err := lifeOf(ttl)
	if err != nil {
		return err
	}
	id := key.ID()
	if patched, err := st.patchAlone(ctx, id, p, life); err != nil || patched {
		return err
	}
	return st.write(ctx, "patch", func(tx *transaction) error {
		stored, err := tx.state(ctx, id)
		if err != nil {
			return err
		}
		patched, err := stored.With(p)
		if err != nil {
			return err
		}
		record := recordOf(patched)
		if err := st.fits(ctx, "patch", columns{record: record}); err != nil {
			return err
		}
		_, err = tx.exec(ctx, patchRow, record, tx.now+life, id[:])
		return err
	})
}

// lifeOf is a TTL in milliseconds.
func lifeOf(ttl time.Duration) (int64, error) {
	ttl, err := sojourn.RoundTTL(ttl, time.Millisecond)
	return ttl.Milliseconds(), err
}
