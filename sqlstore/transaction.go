package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/sojourn-go/sojourn"
)

// transaction is a writing transaction that holds the database's lock.
type transaction struct {
	tx       *sql.Tx
	prepared *statements
	now      int64 // milliseconds, read after the lock was taken
}

// write runs change in a transaction and commits it unless it returns an error. It runs once: whether a commit that
// failed took effect is not always known, so nothing is tried again.
func (st *Store) write(ctx context.Context, op string, change func(*transaction) error) error {
	if err := st.tryWrite(ctx, change); err != nil {
		return failure(ctx, op, err)
	}
	return nil
}

func (st *Store) tryWrite(ctx context.Context, change func(*transaction) error) error {
	prepared, err := st.writer.prepared(ctx)
	if err != nil {
		return err
	}
	sqlTx, err := st.writer.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer sqlTx.Rollback() // does nothing after Commit
	tx := &transaction{tx: sqlTx, prepared: prepared}
	if _, err := tx.exec(ctx, lock); err != nil {
		return err
	}
	tx.now = st.milliseconds()
	if err := change(tx); err != nil {
		return err
	}
	return sqlTx.Commit()
}

// exec runs a statement and returns how many rows it changed.
func (tx *transaction) exec(ctx context.Context, s statement, args ...any) (int64, error) {
	result, err := tx.tx.StmtContext(ctx, tx.prepared[s]).ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (tx *transaction) queryRow(ctx context.Context, s statement, args ...any) *sql.Row {
	return tx.tx.StmtContext(ctx, tx.prepared[s]).QueryRowContext(ctx, args...)
}

func (tx *transaction) query(ctx context.Context, s statement, args ...any) (*sql.Rows, error) {
	return tx.tx.StmtContext(ctx, tx.prepared[s]).QueryContext(ctx, args...)
}

// state reads a session that nobody else can change until the transaction ends.
func (tx *transaction) state(ctx context.Context, id sojourn.ID) (sojourn.State, error) {
	var r row
	err := tx.queryRow(ctx, lockedRow, id[:], tx.now).Scan(&r.version, &r.expires, &r.record)
	if err != nil {
		return sojourn.State{}, err
	}
	return r.state(tx.now)
}

// admits says [sojourn.ErrEnded] to a login that is not later than its subject's not-before mark.
func (tx *transaction) admits(ctx context.Context, f sojourn.Facts) error {
	if f.Subject == "" {
		return nil
	}
	var instant int64
	err := tx.queryRow(ctx, readMark, []byte(f.Realm), []byte(f.Subject), tx.now).Scan(&instant)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil && f.Authenticated.UnixMilli() <= instant {
		return sojourn.ErrEnded
	}
	return err
}
