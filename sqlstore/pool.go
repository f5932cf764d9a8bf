package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
)

// pool is a *sql.DB and what is needed to run statements on it. It is made ready at the first use: New must not dial.
type pool struct {
	db         *sql.DB
	grammar    *grammar
	now        func() time.Time // the clock, where the database has none
	first, end statement        // the range of statements that run here

	mu   sync.RWMutex
	done *readiness
}

// readiness is what the first use leaves.
type readiness struct {
	stmts   [prepared]*sql.Stmt // nil where a driver prepares by itself
	largest int                 // the most bytes that a record may have; 0: no limit
}

// ready returns the statements. They are prepared all at once and before any transaction begins: where the pool has one
// connection, preparing within a transaction would wait for itself.
func (p *pool) ready(ctx context.Context) (*readiness, error) {
	p.mu.RLock()
	done := p.done
	p.mu.RUnlock()
	if done != nil {
		return done, nil
	}
	all, err := p.prepare(ctx)
	if err != nil {
		all.close()
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done != nil { // another call was faster
		all.close()
		return p.done, nil
	}
	p.done = all
	return all, nil
}

func (p *pool) prepare(ctx context.Context) (*readiness, error) {
	all := new(readiness)
	if p.grammar.check != nil {
		largest, err := p.grammar.check(ctx, p.db)
		if err != nil {
			return all, err
		}
		all.largest = largest
	}
	if p.grammar.plain {
		return all, nil
	}
	for i := p.first; i < p.end; i++ {
		if !p.grammar.has(i) {
			continue
		}
		stmt, err := p.db.PrepareContext(ctx, p.grammar.text[i])
		if err != nil {
			return all, err
		}
		all.stmts[i] = stmt
	}
	return all, nil
}

func (all *readiness) close() {
	for _, stmt := range all.stmts {
		if stmt != nil {
			stmt.Close()
		}
	}
}

// run runs a statement outside of any transaction and returns how many rows it changed.
func (p *pool) run(ctx context.Context, s statement, args ...any) (int64, error) {
	all, err := p.ready(ctx)
	if err != nil {
		return 0, err
	}
	var result sql.Result
	if stmt := all.stmts[s]; stmt != nil {
		result, err = stmt.ExecContext(ctx, args...)
	} else {
		result, err = p.db.ExecContext(ctx, p.grammar.text[s], args...)
	}
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (p *pool) query(ctx context.Context, s statement, args ...any) (*sql.Rows, error) {
	all, err := p.ready(ctx)
	if err != nil {
		return nil, err
	}
	args = p.grammar.bind(args, p.milliseconds())
	if stmt := all.stmts[s]; stmt != nil {
		return stmt.QueryContext(ctx, args...)
	}
	return p.db.QueryContext(ctx, p.grammar.text[s], args...)
}

// row runs a query for one row, and says when that was.
func (p *pool) row(ctx context.Context, s statement, args ...any) (row, answer, error) {
	var r row
	var a answer
	all, err := p.ready(ctx)
	if err != nil {
		return r, a, err
	}
	var found *sql.Row
	if stmt := all.stmts[s]; stmt != nil {
		found = stmt.QueryRowContext(ctx, args...)
	} else {
		found = p.db.QueryRowContext(ctx, p.grammar.text[s], args...)
	}
	if !p.grammar.server {
		err := found.Scan(&r.version, &r.expires, &r.record)
		// The clock is read after the row: the query may have waited for a connection.
		return r, answer{now: p.milliseconds()}, err
	}
	if err := found.Scan(&r.version, &r.expires, &r.record, &a.now, &a.trouble); err != nil {
		return r, a, err
	}
	if err := a.trouble.err(); err != nil {
		return r, a, err
	}
	if r.version == 0 {
		return r, a, sql.ErrNoRows
	}
	return r, a, nil
}

func (p *pool) milliseconds() int64 { return p.now().UnixMilli() }

// answer is what a server says of itself.
type answer struct {
	now     int64 // milliseconds
	trouble trouble
}

// trouble is what makes answers of a connection worth nothing, in the numbers of the dialects' statements.
type trouble int

const (
	noTrouble trouble = iota
	isReplica
	noAutocommit
)

func (t trouble) err() error {
	switch t {
	case noTrouble:
		return nil
	case isReplica:
		return errors.New("the server is a replica or read-only: what it says may be old")
	case noAutocommit:
		return errors.New("autocommit is off on a connection")
	}
	return fmt.Errorf("unknown trouble %d with a connection", int(t))
}

// failure is what a method returns for err: the contract's own errors and a cancelled context's as they are, the driver's
// with the operation before it.
func failure(ctx context.Context, op string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return sojourn.ErrNotFound
	}
	for _, answer := range [...]error{
		sojourn.ErrNotFound, sojourn.ErrConflict, sojourn.ErrCorrupt, sojourn.ErrNewer, sojourn.ErrTooLarge, sojourn.ErrEnded,
	} {
		if errors.Is(err, answer) {
			return err
		}
	}
	// A driver may say in its own words that it was interrupted, and database/sql that the transaction is over.
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("sqlstore: %s: %w", op, err)
}
