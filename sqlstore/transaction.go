package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/sojourn-go/sojourn"
)

// transaction is a writing transaction. Where it does not hold the database's lock it holds those of the rows that it has
// asked for.
type transaction struct {
	tx      *sql.Tx
	grammar *grammar
	ready   *readiness
	now     int64 // milliseconds, read after the lock was taken; on a server 0 until clock was called
}

// write runs change in a transaction and commits it unless it returns an error. It begins anew only after the database's
// word that it has taken the transaction back. Whether another commit that failed took effect is not known, so nothing is
// tried again.
func (st *Store) write(ctx context.Context, op string, change func(*transaction) error) error {
	if err := again(ctx, func() error { return st.tryWrite(ctx, change) }); err != nil {
		return failure(ctx, op, err)
	}
	return nil
}

func (st *Store) tryWrite(ctx context.Context, change func(*transaction) error) error {
	ready, err := st.writer.ready(ctx)
	if err != nil {
		return err
	}
	var opts *sql.TxOptions
	if st.grammar.server { // whatever the connections' default is
		opts = &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	}
	sqlTx, err := st.writer.db.BeginTx(ctx, opts)
	if err != nil {
		return err
	}
	defer sqlTx.Rollback() // does nothing after Commit
	tx := &transaction{tx: sqlTx, grammar: &st.grammar, ready: ready}
	if !st.grammar.server {
		if _, err := tx.exec(ctx, lock); err != nil {
			return err
		}
		tx.now = st.writer.milliseconds()
	}
	if err := change(tx); err != nil {
		return err
	}
	return tx.commit(ctx)
}

// commit returns when the context ends, too: not every driver does.
func (tx *transaction) commit(ctx context.Context) error {
	if !tx.grammar.server {
		return tx.tx.Commit()
	}
	done := make(chan error, 1)
	go func() { done <- tx.tx.Commit() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// exec runs a statement and returns how many rows it changed.
func (tx *transaction) exec(ctx context.Context, s statement, args ...any) (int64, error) {
	args = tx.grammar.bind(args, tx.now)
	var result sql.Result
	var err error
	if stmt := tx.ready.stmts[s]; stmt != nil {
		result, err = tx.tx.StmtContext(ctx, stmt).ExecContext(ctx, args...)
	} else {
		result, err = tx.tx.ExecContext(ctx, tx.grammar.text[s], args...)
	}
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (tx *transaction) queryRow(ctx context.Context, s statement, args ...any) *sql.Row {
	if stmt := tx.ready.stmts[s]; stmt != nil {
		return tx.tx.StmtContext(ctx, stmt).QueryRowContext(ctx, args...)
	}
	return tx.tx.QueryRowContext(ctx, tx.grammar.text[s], args...)
}

func (tx *transaction) query(ctx context.Context, s statement, args ...any) (*sql.Rows, error) {
	args = tx.grammar.bind(args, tx.now)
	if stmt := tx.ready.stmts[s]; stmt != nil {
		return tx.tx.StmtContext(ctx, stmt).QueryContext(ctx, args...)
	}
	return tx.tx.QueryContext(ctx, tx.grammar.text[s], args...)
}

// clock reads a server's clock. The locks come first.
func (tx *transaction) clock(ctx context.Context) error {
	if !tx.grammar.server {
		return nil
	}
	var a answer
	if err := tx.queryRow(ctx, readClock).Scan(&a.now, &a.trouble); err != nil {
		return err
	}
	return tx.at(a)
}

// at takes a server's answer.
func (tx *transaction) at(a answer) error {
	if !tx.grammar.server {
		return nil
	}
	tx.now = a.now
	if a.trouble == noAutocommit { // of no matter in a transaction
		return nil
	}
	return a.trouble.err()
}

// state reads a session that nobody else can change until the transaction ends.
func (tx *transaction) state(ctx context.Context, id sojourn.ID) (sojourn.State, error) {
	r, err := tx.live(ctx, id)
	if err != nil {
		return sojourn.State{}, err
	}
	return r.state(tx.now)
}

// live locks and reads a session's row, and then the clock.
func (tx *transaction) live(ctx context.Context, id sojourn.ID) (row, error) {
	var r row
	err := tx.queryRow(ctx, lockedRow, id[:]).Scan(&r.version, &r.expires, &r.record)
	if err != nil {
		return r, err
	}
	if err := tx.clock(ctx); err != nil {
		return r, err
	}
	if tx.now >= r.expires {
		return r, sojourn.ErrNotFound
	}
	return r, nil
}

// hold keeps others from logging a subject in and from ending its sessions. It comes before any lock on a session.
func (tx *transaction) hold(ctx context.Context, c columns) error {
	if !tx.grammar.has(holdSubject) || len(c.subject) == 0 {
		return nil
	}
	_, err := tx.exec(ctx, holdSubject, c.realm, c.subject)
	return err
}

// admits says [sojourn.ErrEnded] to a login that is not later than its subject's not-before mark. The subject is held.
func (tx *transaction) admits(ctx context.Context, c columns) error {
	if len(c.subject) == 0 {
		return nil
	}
	var instant int64
	err := tx.queryRow(ctx, readMark, c.realm, c.subject, tx.now).Scan(&instant)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil && c.authenticated <= instant {
		return sojourn.ErrEnded
	}
	return err
}

// mostInList bounds the number of parameters of a statement.
const mostInList = 200

// delete deletes sessions and returns how many there were.
func (tx *transaction) delete(ctx context.Context, ids []sojourn.ID) (int64, error) {
	most := 1
	if tx.grammar.deleteRows != nil {
		most = mostInList
	}
	var total int64
	for some := range slices.Chunk(ids, most) {
		n, err := tx.deleteSome(ctx, some)
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

func (tx *transaction) deleteSome(ctx context.Context, ids []sojourn.ID) (int64, error) {
	if len(ids) == 1 {
		return tx.exec(ctx, deleteRow, ids[0][:])
	}
	result, err := tx.tx.ExecContext(ctx, tx.grammar.deleteRows(len(ids)), idArgs(ids)...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func idArgs(ids []sojourn.ID) []any {
	args := make([]any, len(ids))
	for i := range ids {
		args[i] = ids[i][:]
	}
	return args
}

// moment is a parameter that stands for a time, so much later than now. A server needs none: it says the time itself.
type moment struct{ later int64 }

// bind puts times for moments, or leaves them out.
func (g *grammar) bind(args []any, now int64) []any {
	for i, arg := range args {
		if _, ok := arg.(moment); ok {
			return g.rebind(args, i, now)
		}
	}
	return args
}

func (g *grammar) rebind(args []any, first int, now int64) []any {
	bound := slices.Clone(args[:first])
	for _, arg := range args[first:] {
		m, ok := arg.(moment)
		switch {
		case !ok:
			bound = append(bound, arg)
		case !g.server:
			bound = append(bound, now+m.later)
		}
	}
	return bound
}
