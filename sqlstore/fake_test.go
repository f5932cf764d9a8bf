package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sqlstore"
)

// fake is a driver that knows no SQL: for what a store does where a database fails. What it does where one works is
// tested with the real engines, in their modules.
type fake struct {
	connections, begun, committed atomic.Int64
	connect, prepare, commit      error
	exec                          func() error                    // nil: every statement succeeds
	query                         func(args []driver.Value) error // likewise
	isolation                     atomic.Int64                    // of the last transaction
	hang                          chan struct{}                   // not nil: a commit hangs until it is closed
}

func openFake(t *testing.T, f *fake) *sql.DB {
	db := sql.OpenDB(f)
	t.Cleanup(func() { db.Close() })
	return db
}

func (f *fake) Connect(context.Context) (driver.Conn, error) {
	f.connections.Add(1)
	return fakeConn{f}, f.connect
}
func (f *fake) Driver() driver.Driver { return nil }

type fakeConn struct{ f *fake }

func (c fakeConn) Prepare(string) (driver.Stmt, error) { return fakeStmt(c), c.f.prepare }
func (c fakeConn) Close() error                        { return nil }
func (c fakeConn) Begin() (driver.Tx, error)           { c.f.begun.Add(1); return fakeTx(c), nil }

func (c fakeConn) BeginTx(_ context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.f.isolation.Store(int64(opts.Isolation))
	return c.Begin()
}

type fakeTx struct{ f *fake }

func (tx fakeTx) Commit() error {
	if tx.f.hang != nil {
		<-tx.f.hang
	}
	tx.f.committed.Add(1)
	return tx.f.commit
}
func (tx fakeTx) Rollback() error { return nil }

type fakeStmt struct{ f *fake }

func (fakeStmt) Close() error  { return nil }
func (fakeStmt) NumInput() int { return -1 }

func (s fakeStmt) Query(args []driver.Value) (driver.Rows, error) {
	if s.f.query != nil {
		if err := s.f.query(args); err != nil {
			return nil, err
		}
	}
	return fakeRows{}, nil
}

func (s fakeStmt) Exec([]driver.Value) (driver.Result, error) {
	if s.f.exec != nil {
		if err := s.f.exec(); err != nil {
			return nil, err
		}
	}
	return driver.RowsAffected(1), nil
}

type fakeRows struct{}

func (fakeRows) Columns() []string         { return nil }
func (fakeRows) Close() error              { return nil }
func (fakeRows) Next([]driver.Value) error { return io.EOF }

func TestWrite_whoseCommitFailed_isNotTriedAgain(t *testing.T) {
	lost := errors.New("connection reset")
	for _, failed := range []error{lost, driver.ErrBadConn} {
		f := &fake{commit: failed}
		st, err := sqlstore.New(openFake(t, f), sqlstore.Config{Dialect: sqlstore.SQLite})
		if err != nil {
			t.Fatal(err)
		}
		key, err := st.Save(t.Context(), sojourn.State{}, time.Hour)
		if !errors.Is(err, failed) || !key.IsZero() {
			t.Errorf("got %v, %v, want the driver's error and no key", key, err)
		}
		if f.begun.Load() != 1 || f.committed.Load() != 1 {
			t.Errorf("begun %d times, committed %d times, want once", f.begun.Load(), f.committed.Load())
		}
	}
}

func TestFailure_namesTheOperation(t *testing.T) {
	down := errors.New("no route to host")
	for name, f := range map[string]*fake{"connect": {connect: down}, "prepare": {prepare: down}} {
		st, err := sqlstore.New(openFake(t, f), sqlstore.Config{Dialect: sqlstore.SQLite})
		if err != nil {
			t.Fatal(err)
		}
		_, loaded := st.Load(t.Context(), sojourn.NewID().Key())
		_, listed := st.ListSubject(t.Context(), "app", "ada")
		for op, err := range map[string]error{
			"load": loaded, "list": listed, "delete": st.Delete(t.Context(), sojourn.NewID().Key()),
		} {
			if want := "sqlstore: " + op + ": no route to host"; !errors.Is(err, down) || err.Error() != want {
				t.Errorf("%s: got %q, want %q", name, err, want)
			}
		}
	}
}

func TestFailure_isNotForEver(t *testing.T) {
	f := &fake{prepare: errors.New("no such table")}
	st, err := sqlstore.New(openFake(t, f), sqlstore.Config{Dialect: sqlstore.SQLite})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Delete(t.Context(), sojourn.NewID().Key()); err == nil {
		t.Fatal("no error")
	}
	f.prepare = nil
	if err := st.Delete(t.Context(), sojourn.NewID().Key()); err != nil {
		t.Errorf("once the table is there: %v", err)
	}
}

// Drivers report an interrupted statement in words of their own.
func TestContext_thatEndsOnTheWay_isTheError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	f := &fake{exec: func() error {
		cancel()
		return errors.New("interrupted (9)")
	}}
	st, err := sqlstore.New(openFake(t, f), sqlstore.Config{Dialect: sqlstore.SQLite})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Delete(ctx, sojourn.NewID().Key()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if f.committed.Load() != 0 {
		t.Error("it was committed")
	}
}
