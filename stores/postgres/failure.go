package postgresstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/sojourn-go/sojourn"
)

// errReplica is the answer of a server that only follows another: what it says may be old, and a session that was ended be
// alive in it.
var errReplica = errors.New("the server is a read replica: sessions need the primary")

// access says whether a call may be repeated after its connection was lost.
type access bool

const (
	reading access = true
	writing access = false
)

// attempts bounds the repetitions of one call.
const attempts = 5

// do runs one call, and again where that is certain to change nothing twice: the server took back all that it had done
// (a deadlock, a failed serialization), nothing was sent, or nothing would be written. A write whose acknowledgement was
// lost is not repeated.
func (st *Store) do(ctx context.Context, op string, a access, call func() error) error {
	for attempt := 1; ; attempt++ {
		// pgx would notice too, but only after it has got a connection.
		if err := ctx.Err(); err != nil {
			return err
		}
		err := call()
		if err == nil {
			return nil
		}
		if attempt == attempts || !repeatable(err, a) || !pause(ctx, attempt) {
			return failure(ctx, op, err)
		}
	}
}

func repeatable(err error, a access) bool {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		switch answer.Code {
		case codeSerialization, codeDeadlock:
			return true
		case codeAdminShutdown, codeCrashShutdown:
			return bool(a)
		}
		return false
	}
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return false // the pool has tried, and others wait for it
	}
	return pgconn.SafeToRetry(err) || bool(a) && lost(err)
}

// lost reports whether err is a broken connection and not an answer of ours.
func lost(err error) bool {
	for _, answer := range [...]error{
		sojourn.ErrNotFound, sojourn.ErrCorrupt, sojourn.ErrNewer, errReplica, pgx.ErrNoRows,
	} {
		if errors.Is(err, answer) {
			return false
		}
	}
	var network net.Error
	return errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.As(err, &network)
}

// pause waits a little, so that those who got into each other's way do not do so again. It is false if ctx ends.
func pause(ctx context.Context, attempt int) bool {
	timer := time.NewTimer(rand.N(time.Duration(attempt) * 4 * time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// SQLSTATEs (PostgreSQL manual, appendix A).
const (
	codeSerialization  = "40001"
	codeDeadlock       = "40P01"
	codeLimitExceeded  = "54000"
	codeReadOnly       = "25006"
	codeAdminShutdown  = "57P01"
	codeCrashShutdown  = "57P02"
	codeUndefinedTable = "42P01"
	codeNoStatement    = "26000"
	codeStatementThere = "42P05"
	codeUnknown        = "40003" // whether a statement was completed
	classConnection    = "08"
)

// failure is what a method returns for err: the contract's own errors and a cancelled context's as they are, others with
// the operation before them, and with what to do about it where that is known.
func failure(ctx context.Context, op string, err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return sojourn.ErrNotFound
	}
	for _, answer := range [...]error{
		sojourn.ErrNotFound, sojourn.ErrConflict, sojourn.ErrCorrupt, sojourn.ErrNewer, sojourn.ErrTooLarge, sojourn.ErrEnded,
	} {
		if errors.Is(err, answer) {
			return err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		switch answer.Code {
		case codeLimitExceeded:
			return sojourn.ErrTooLarge
		case codeUndefinedTable:
			return fmt.Errorf("postgresstore: %s: the tables are not there, or not the ones of Config.Table (see Migrate): %w", op, err)
		case codeReadOnly:
			return fmt.Errorf("postgresstore: %s: the server is a read replica, or its sessions are read-only: %w", op, err)
		case codeNoStatement, codeStatementThere:
			return fmt.Errorf("postgresstore: %s: a pooler in transaction mode needs default_query_exec_mode=cache_describe: %w", op, err)
		}
	}
	return fmt.Errorf("postgresstore: %s: %w", op, err)
}
