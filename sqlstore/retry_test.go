package sqlstore_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sqlstore"
)

// The errors of drivers, as far as they are known by: pgx's and lib/pq's have a method, that of MySQL's driver a field.
type stateError struct{ state string }

func (e stateError) Error() string    { return "SQLSTATE " + e.state }
func (e stateError) SQLState() string { return e.state }

type numberError struct {
	Number   uint16
	SQLState [5]byte
}

func (e *numberError) Error() string { return fmt.Sprint("error ", e.Number) }

func onFake(t *testing.T, f *fake) *sqlstore.Store {
	t.Helper()
	st, err := sqlstore.New(openFake(t, f), sqlstore.Config{Dialect: sqlstore.PostgreSQL})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func TestWhatADatabaseTookBack_isTriedAgain_andNothingElse(t *testing.T) {
	for _, tt := range []struct {
		err   error
		again bool
	}{
		{stateError{"40001"}, true},
		{stateError{"40P01"}, true},
		{stateError{"55P03"}, true},
		{fmt.Errorf("wrapped: %w", stateError{"40001"}), true},
		{&numberError{Number: 1213}, true},
		{&numberError{Number: 1205}, true},
		{&numberError{Number: 1020}, true},
		{fmt.Errorf("wrapped: %w", &numberError{Number: 1213}), true},
		{errors.Join(errors.New("rows"), &numberError{Number: 1205}), true},
		{stateError{"23505"}, false},
		{stateError{"08006"}, false}, // connection_failure: nobody knows
		{stateError{"57P01"}, false}, // admin_shutdown
		{&numberError{Number: 1062}, false},
		{&numberError{Number: 2013}, false},
		{errors.New("Error 1213 (40001): Deadlock found"), false}, // not the database's word
		{errors.New("connection reset by peer"), false},
	} {
		// A statement by itself, and a transaction.
		for name, call := range map[string]func(st *sqlstore.Store) error{
			"alone": func(st *sqlstore.Store) error { _, err := st.Save(t.Context(), sojourn.State{}, time.Hour); return err },
			"sweep": func(st *sqlstore.Store) error { _, err := st.Sweep(t.Context(), 1); return err },
		} {
			calls := 0
			f := &fake{exec: func() error {
				if calls++; calls <= 3 {
					return tt.err
				}
				return nil
			}}
			err := call(onFake(t, f))
			if tt.again && err != nil || !tt.again && (!errors.Is(err, tt.err) || calls != 1) {
				t.Errorf("%v, %s: got %v after %d calls, want it tried again: %t", tt.err, name, err, calls, tt.again)
			}
		}
	}
}

// A query that is tried again asks the same.
func TestQuery_thatIsTriedAgain_hasItsParameters(t *testing.T) {
	var asked []string
	f := &fake{query: func(args []driver.Value) error {
		asked = append(asked, fmt.Sprint(args))
		if len(asked) < 3 {
			return stateError{"40001"}
		}
		return nil
	}}
	if _, _, err := onFake(t, f).List(t.Context(), strings.Repeat("a", 32), 7); err != nil {
		t.Fatal(err)
	}
	if len(asked) < 3 || asked[0] != asked[1] || asked[0] != asked[2] || !strings.HasSuffix(asked[0], " 7]") {
		t.Errorf("got %q, want the same three times", asked)
	}
}

// That a commit was taken back is said by the database. Where its answer is lost nobody knows.
func TestCommit_isTriedAgain_onlyOnTheDatabasesWord(t *testing.T) {
	for err, want := range map[error]bool{stateError{"40001"}: true, errors.New("connection reset by peer"): false} {
		f := &fake{commit: err}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		_, got := onFake(t, f).Sweep(ctx, 1)
		cancel()
		if want && !errors.Is(got, context.DeadlineExceeded) || !want && !errors.Is(got, err) {
			t.Errorf("%v: got %v", err, got)
		}
		if n := f.committed.Load(); want && n < 2 || !want && n != 1 {
			t.Errorf("%v: committed %d times", err, n)
		}
	}
}

func TestTransaction_onAServer_setsItsIsolation(t *testing.T) {
	f := &fake{}
	if _, err := onFake(t, f).Sweep(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if got := sql.IsolationLevel(f.isolation.Load()); got != sql.LevelReadCommitted {
		t.Errorf("got %v, want %v", got, sql.LevelReadCommitted)
	}
}

// A driver's commit may hang for as long as its server does.
func TestCommit_thatHangs_endsWithTheContext(t *testing.T) {
	f := &fake{hang: make(chan struct{})}
	defer close(f.hang)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := onFake(t, f).Sweep(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want context.DeadlineExceeded", err)
	}
}
