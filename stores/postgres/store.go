package postgresstore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sojourn-go/sojourn"
)

// Store keeps sessions in PostgreSQL. It is safe for concurrent use, by any number of goroutines and processes.
type Store struct {
	pool  *pgxpool.Pool
	owned bool // Close closes the pool
	cfg   Config
	names names
	sql   statements
	sweep sweep

	loads  group[*load]
	writes group[*write]
}

var (
	_ sojourn.Store        = (*Store)(nil)
	_ sojourn.Patcher      = (*Store)(nil)
	_ sojourn.SubjectIndex = (*Store)(nil)
	_ sojourn.Lister       = (*Store)(nil)
	_ sojourn.Sweeper      = (*Store)(nil)
	_ sojourn.Watcher      = (*Store)(nil)
)

// New returns a store that works through pool, which may be shared with the application. It dials nothing and creates no
// table: see [Store.Migrate]. It does not close pool. What is wrong with cfg comes as [sojourn.ConfigError]s, joined.
func New(pool *pgxpool.Pool, cfg Config) (*Store, error) {
	cfg, n, err := cfg.complete()
	switch {
	case pool == nil:
		err = errors.Join(errors.New("postgresstore: no *pgxpool.Pool"), err)
	case pool.Config().ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeDescribeExec:
		// It sends a statement in one round trip and its arguments in the next: a pooler in transaction mode may hand them to
		// another connection, where the statement is somebody else's.
		err = errors.Join(errors.New("postgresstore: default_query_exec_mode must not be describe_exec: take cache_describe"), err)
	}
	if err != nil {
		return nil, err
	}
	st := &Store{pool: pool, cfg: cfg, names: n, sql: newStatements(n, cfg.Notify)}
	st.loads = group[*load]{alone: st.load, together: st.loadTogether}
	st.writes = group[*write]{alone: st.writeAlone, together: st.writeTogether}
	return st, nil
}

// Open connects to the server of a URL or a connection string and returns a store with a pool of its own, which
// [Store.Close] closes. All that [pgxpool.ParseConfig] takes may stand in it: several hosts, the settings of TLS,
// pool_max_conns, default_query_exec_mode. Of several hosts it takes the one that accepts writes; a URL that says otherwise
// by target_session_attrs is obeyed. Open returns once a connection works, and creates no table: see [Store.Migrate].
func Open(ctx context.Context, url string, cfg Config) (*Store, error) {
	settings, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("postgresstore: %w", err)
	}
	if settings.ConnConfig.ValidateConnect == nil {
		settings.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if settings.ConnConfig.RuntimeParams["application_name"] == "" {
		settings.ConnConfig.RuntimeParams["application_name"] = "sojourn"
	}
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("postgresstore: %w", err)
	}
	st, err := New(pool, cfg)
	if err == nil {
		err = st.ping(ctx)
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	st.owned = true
	return st, nil
}

func (st *Store) ping(ctx context.Context) error {
	if err := st.pool.Ping(ctx); err != nil {
		return failure(ctx, "open", err)
	}
	return nil
}

// Close closes the pool of a store that [Open] made, after the calls under way. The pool given to [New] stays open.
func (st *Store) Close() error {
	if st.owned {
		st.pool.Close()
	}
	return nil
}

// Save implements [sojourn.Store].
func (st *Store) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	id := sojourn.NewID()
	args, err := arguments(id, 1, state, ttl)
	if err != nil {
		return sojourn.Key{}, err
	}
	err = st.do(ctx, "save", writing, func() error {
		if state.Facts.Subject == "" {
			return st.write(ctx, &write{sql: st.sql.save, args: args, bytes: state.Values.Size()})
		}
		var v verdict
		err := st.locked(ctx, st.sql.lockShared, state.Facts.Realm, state.Facts.Subject, st.sql.saveSubject, args, &v)
		return v.orElse(err)
	})
	if err != nil {
		return sojourn.Key{}, err
	}
	return id.Key(), nil
}

// Update implements [sojourn.Store]. A record that this release cannot read is not overwritten: [sojourn.ErrCorrupt],
// [sojourn.ErrNewer]. It is an error to change a subject that is set.
func (st *Store) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	version := int64(-1) // no row has it
	if state.Version <= math.MaxInt64 {
		version = int64(state.Version)
	}
	args, err := arguments(key.ID(), version, state, ttl)
	if err != nil {
		return sojourn.Key{}, err
	}
	err = st.do(ctx, "update", writing, func() error {
		var v verdict
		if state.Facts.Subject == "" {
			err := st.pool.QueryRow(ctx, st.sql.update, args...).Scan(&v, nil, nil)
			return v.orElse(err)
		}
		err := st.locked(ctx, st.sql.lockShared, state.Facts.Realm, state.Facts.Subject, st.sql.update, args, &v, nil, nil)
		return v.orElse(err)
	})
	if err != nil {
		return sojourn.Key{}, err
	}
	return key.ID().Key(), nil
}

// UpdateTTL implements [sojourn.Store].
func (st *Store) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	life, err := lifeOf(ttl)
	if err != nil {
		return err
	}
	return st.do(ctx, "touch", writing, func() error {
		var live bool
		err := st.pool.QueryRow(ctx, st.sql.touch, uuid(key.ID()), life).Scan(&live)
		if err == nil && !live {
			return sojourn.ErrNotFound
		}
		return err
	})
}

// Delete implements [sojourn.Store].
func (st *Store) Delete(ctx context.Context, key sojourn.Key) error {
	return st.do(ctx, "delete", writing, func() error {
		return st.pool.QueryRow(ctx, st.sql.delete, uuid(key.ID())).Scan(nil, nil)
	})
}

// arguments are those of a statement that writes a whole session, after a check that the engine can hold it.
func arguments(id sojourn.ID, version int64, state sojourn.State, ttl time.Duration) ([]any, error) {
	life, err := lifeOf(ttl)
	if err != nil {
		return nil, err
	}
	f := state.Facts
	if !isText(f.Realm) || !isText(f.Subject) {
		return nil, errNoText
	}
	if state.Values.Size() > maxSize {
		return nil, sojourn.ErrTooLarge
	}
	values, err := encodeValues(state.Values.All())
	if err != nil {
		return nil, err
	}
	facts, _ := f.AppendBinary(nil) // never fails
	sum := sha256.Sum256(facts)
	return []any{
		uuid(id), version, life, f.Realm, f.Subject, timestamp(f.Created), timestamp(f.Authenticated), timestamp(f.Deadline),
		int64(f.Generation), facts, sum[:4], values,
	}, nil
}

// locked runs a statement that answers one row, after another that locks the subject, in one transaction and one round
// trip: the second one sees all that was committed before it had the lock.
func (st *Store) locked(ctx context.Context, lock, realm, subject, sql string, args []any, dst ...any) error {
	batch := new(pgx.Batch)
	batch.Queue(lock, subjectLock(realm, subject))
	batch.Queue(sql, args...)
	results := st.pool.SendBatch(ctx, batch)
	_, err := results.Exec()
	if err == nil {
		err = results.QueryRow().Scan(dst...)
	}
	return committed(results, err)
}

// subjectLock is the number of a subject's advisory lock. It does not depend on the table, which may be named with or
// without its schema: that two tables of a database share the locks costs at most a wait.
func subjectLock(realm, subject string) int64 {
	sum := sha256.Sum256([]byte("sojourn\x00" + realm + "\x00" + subject))
	var n uint64
	for _, b := range sum[:8] {
		n = n<<8 | uint64(b)
	}
	return int64(n)
}

// orElse is the answer to a statement that said v, unless it failed.
func (v verdict) orElse(err error) error {
	if err != nil {
		return err
	}
	switch v {
	case verdictDone:
		return nil
	case verdictGone:
		return sojourn.ErrNotFound
	case verdictNewer:
		return sojourn.ErrNewer
	case verdictCorrupt:
		return sojourn.ErrCorrupt
	case verdictConflict:
		return sojourn.ErrConflict
	case verdictTooLarge:
		return sojourn.ErrTooLarge
	case verdictEnded:
		return sojourn.ErrEnded
	case verdictSubject:
		return errors.New("an update may not change the subject of a session")
	case verdictIsolation:
		return errors.New("the connection's default_transaction_isolation must be read committed")
	}
	return fmt.Errorf("unknown answer %d", v)
}

// lifeOf is a TTL in the resolution of the engine, a microsecond.
func lifeOf(ttl time.Duration) (time.Duration, error) { return sojourn.RoundTTL(ttl, time.Microsecond) }

func uuid(id sojourn.ID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: true} }

// timestamp is a time of the facts, which are kept in milliseconds, within what the engine can hold.
func timestamp(t time.Time) time.Time {
	first, last := time.Date(-4000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(200_000, 1, 1, 0, 0, 0, 0, time.UTC)
	switch {
	case t.Before(first):
		return first
	case t.After(last):
		return last
	}
	return t.Truncate(time.Millisecond).UTC()
}
