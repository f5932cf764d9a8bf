package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/sojourn-go/sojourn"
)

// pool is a *sql.DB and the statements that run on it, prepared at the first use: New must not dial.
type pool struct {
	db         *sql.DB
	text       *[statementCount]string
	first, end statement // the range of statements that run here

	mu   sync.RWMutex
	done *statements
}

type statements [statementCount]*sql.Stmt

// prepared returns the statements. They are prepared all at once and before any transaction begins: where the pool has
// one connection, preparing within a transaction would wait for itself.
func (p *pool) prepared(ctx context.Context) (*statements, error) {
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

func (p *pool) prepare(ctx context.Context) (*statements, error) {
	all := new(statements)
	for i := p.first; i < p.end; i++ {
		if p.text[i] == "" {
			continue
		}
		stmt, err := p.db.PrepareContext(ctx, p.text[i])
		if err != nil {
			return all, err
		}
		all[i] = stmt
	}
	return all, nil
}

func (all *statements) close() {
	for _, stmt := range all {
		if stmt != nil {
			stmt.Close()
		}
	}
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
