package sqlstore

import (
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
	now     func() time.Time
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
	g := cfg.Dialect.grammar(n)
	st := &Store{grammar: g, now: cfg.Now}
	st.reader = &pool{db: db, text: &st.grammar.text, first: 0, end: readers}
	if cfg.Reader != nil {
		st.reader.db = cfg.Reader
	}
	st.writer = &pool{db: db, text: &st.grammar.text, first: lock, end: readSchema}
	return st, nil
}

// Load implements [sojourn.Store] with one SELECT, and under the write lock with a second one if the row that it finds has
// expired.
func (st *Store) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	prepared, err := st.reader.prepared(ctx)
	if err != nil {
		return sojourn.State{}, failure(ctx, "load", err)
	}
	id := key.ID()
	var r row
	err = prepared[readRow].QueryRowContext(ctx, id[:]).Scan(&r.version, &r.expires, &r.record)
	if err != nil {
		return sojourn.State{}, failure(ctx, "load", err)
	}
	// The clock is read after the row: the SELECT may have waited for a connection.
	state, err := r.state(st.milliseconds())
	if !errors.Is(err, sojourn.ErrNotFound) {
		return state, err
	}
	// A write that came in time may be about to commit, and a session that was answered to be gone would be back. While
	// the lock is held there is no such write.
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
	err = st.write(ctx, "save", func(tx *transaction) error {
		if err := tx.admits(ctx, state.Facts); err != nil {
			return err
		}
		_, err := tx.exec(ctx, insertRow, id[:], 1, tx.now+life, cols.realm, cols.subject, cols.created,
			cols.authenticated, cols.deadline, cols.valuesAt, cols.record)
		return err
	})
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
	err = st.write(ctx, "update", func(tx *transaction) error {
		stored, err := tx.state(ctx, id)
		if err != nil {
			return err
		}
		if stored.Version != state.Version {
			return sojourn.ErrConflict
		}
		before, after := stored.Facts, state.Facts
		if before.Subject != "" && before.Subject != after.Subject {
			return errors.New("sqlstore: an update may not change the subject of a session")
		}
		if before.Subject != after.Subject || before.Authenticated.UnixMilli() != after.Authenticated.UnixMilli() {
			if err := tx.admits(ctx, after); err != nil {
				return err
			}
		}
		_, err = tx.exec(ctx, replaceRow, tx.now+life, cols.realm, cols.subject, cols.created, cols.authenticated,
			cols.deadline, cols.valuesAt, cols.record, id[:])
		return err
	})
	if err != nil {
		return sojourn.Key{}, err
	}
	return id.Key(), nil
}

// UpdateTTL implements [sojourn.Store].
func (st *Store) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	life, err := lifeOf(ttl)
	if err != nil {
		return err
	}
	id := key.ID()
	return st.write(ctx, "touch", func(tx *transaction) error {
		n, err := tx.exec(ctx, touchRow, tx.now+life, id[:], tx.now)
		if err == nil && n == 0 {
			return sojourn.ErrNotFound
		}
		return err
	})
}

// Delete implements [sojourn.Store].
func (st *Store) Delete(ctx context.Context, key sojourn.Key) error {
	id := key.ID()
	return st.write(ctx, "delete", func(tx *transaction) error {
		_, err := tx.exec(ctx, deleteRow, id[:])
		return err
	})
}

// Patch implements [sojourn.Patcher]: it reads, applies and writes under the database's write lock, so that it never
// meets a conflict that [sojourn.Patch] itself does not ask for.
func (st *Store) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	life, err := lifeOf(ttl)
	if err != nil {
		return err
	}
	id := key.ID()
	return st.write(ctx, "patch", func(tx *transaction) error {
		stored, err := tx.state(ctx, id)
		if err != nil {
			return err
		}
		patched, err := stored.With(p)
		if err != nil {
			return err
		}
		_, err = tx.exec(ctx, patchRow, recordOf(patched), tx.now+life, id[:])
		return err
	})
}

func (st *Store) milliseconds() int64 { return st.now().UnixMilli() }

// lifeOf is a TTL in milliseconds.
func lifeOf(ttl time.Duration) (int64, error) {
	ttl, err := sojourn.RoundTTL(ttl, time.Millisecond)
	return ttl.Milliseconds(), err
}
