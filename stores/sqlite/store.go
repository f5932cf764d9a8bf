package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sqlstore"
	"modernc.org/sqlite"
)

// Config says which file to open and how.
type Config struct {
	// Path is the file's. It is created if it is not there, readable and writable for its owner alone (0600), as are the
	// files that SQLite puts beside it; its directory must exist. The mode of a file that is there stays as it is. A
	// relative path counts from the working directory at the time of Open.
	//
	// Neither ":memory:" nor a "file:" address is taken: a database in memory belongs to one connection and a store has
	// several. Sessions in memory are package memstore's.
	//
	// Required.
	Path string

	// FullSync makes each commit wait until the disk has it (synchronous=FULL), so that a power cut undoes nothing, no
	// logout either.
	//
	// Default: false, synchronous=NORMAL. A power cut may undo the last commits.
	FullSync bool

	// Readers is how many connections read at once, each with its own page cache of up to 8 MiB.
	//
	// Default: the number of processors Go uses, at least 2.
	Readers int

	// Table is the name of the sessions' table; see [sqlstore.Config].
	//
	// Default: "sojourn_sessions".
	Table string

	// Now is the clock.
	//
	// Default: time.Now.
	Now func() time.Time
}

// Store keeps sessions in a SQLite file. It is safe for concurrent use. It has all capabilities of [sqlstore.Store].
type Store struct {
	*sqlstore.Store
	writer, reader *sql.DB
}

var (
	_ sojourn.Store        = (*Store)(nil)
	_ sojourn.Patcher      = (*Store)(nil)
	_ sojourn.SubjectIndex = (*Store)(nil)
	_ sojourn.Lister       = (*Store)(nil)
	_ sojourn.Sweeper      = (*Store)(nil)
)

// Open opens the file, creates it and its tables if they are not there, and brings tables of an older release up to date
// (see [sqlstore.Store.Migrate]). It starts no goroutine of its own: expired sessions are removed by [Store.Sweep], which
// a running manager calls. Fields that make no sense come as [sojourn.ConfigError]s, joined; the error of a file that cannot
// be opened, or is no database, names it. The caller closes the store, once no request and no manager needs it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	st, err := open(path, cfg)
	if err != nil {
		return nil, err
	}
	if err := st.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlitestore: open %s: %w", path, err), st.Close())
	}
	return st, nil
}

// prepare turns the file to write-ahead logging, by opening the writing connection, and makes the tables. SQLite does not
// wait for the lock (busy_timeout) where two connections turn a new file at once, since each could wait for the other:
// whoever finds it locked begins anew, for as long as any other writer waits.
func (st *Store) prepare(ctx context.Context) error {
	began := time.Now()
	for {
		err := st.Migrate(ctx)
		var failed *sqlite.Error
		if !errors.As(err, &failed) || failed.Code()&0xff != sqliteBusy || time.Since(began) > lockWait {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

const (
	// lockWait is how long a writer waits for the lock of another process.
	lockWait = 5 * time.Second

	// sqliteBusy is SQLite's primary result code SQLITE_BUSY (https://www.sqlite.org/rescode.html).
	sqliteBusy = 5
)

func (cfg Config) check() error {
	var wrong []error
	refuse := func(field, reason string) {
		wrong = append(wrong, configError{&sojourn.ConfigError{Field: field, Reason: reason}})
	}
	switch {
	case cfg.Path == "":
		refuse("Path", "must name a file")
	case strings.HasPrefix(cfg.Path, ":memory:"):
		refuse("Path", "a database in memory belongs to one connection, and a store has several: use package memstore")
	case strings.HasPrefix(cfg.Path, "file:"):
		refuse("Path", "must be a plain path, not an address")
	case strings.ContainsRune(cfg.Path, 0):
		refuse("Path", "must not hold NUL")
	}
	if cfg.Readers < 0 {
		refuse("Readers", "must not be negative")
	}
	return errors.Join(wrong...)
}

// configError is a [sojourn.ConfigError] that says whose Config it is about.
type configError struct{ wrong *sojourn.ConfigError }

func (e configError) Error() string {
	return "sqlitestore: Config." + e.wrong.Field + ": " + e.wrong.Reason
}

func (e configError) Unwrap() error { return e.wrong }

// create makes an empty file for its owner alone; SQLite gives the files beside it the same mode. It must not open a file
// that is there: closing it would drop the locks of other connections of this process.
func create(path string) error {
	if info, err := os.Stat(path); err == nil {
		if info.IsDir() {
			return &os.PathError{Op: "open", Path: path, Err: syscall.EISDIR} // SQLite's own error does not say which file
		}
		return nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, os.ErrExist) { // another process was faster
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// open makes the two pools, which open no connection yet.
func open(path string, cfg Config) (*Store, error) {
	sync := "normal"
	if cfg.FullSync {
		sync = "full"
	}
	readers := cfg.Readers
	if readers == 0 {
		readers = max(2, runtime.GOMAXPROCS(0))
	}
	writer, err := pool(path, 1, "immediate", "journal_mode(wal)", "synchronous("+sync+")")
	if err != nil {
		return nil, err
	}
	reader, err := pool(path, readers, "deferred", "query_only(1)")
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	st := &Store{writer: writer, reader: reader}
	st.Store, err = sqlstore.New(writer, sqlstore.Config{
		Dialect: sqlstore.SQLite,
		Reader:  reader,
		Table:   cfg.Table,
		Now:     cfg.Now,
	})
	if err != nil {
		if wrong := (*sojourn.ConfigError)(nil); errors.As(err, &wrong) {
			err = configError{wrong} // a field that sqlstore checks has the same name here
		}
		return nil, errors.Join(err, st.Close())
	}
	return st, nil
}

func pool(path string, connections int, begin string, pragmas ...string) (*sql.DB, error) {
	settings := url.Values{
		"_txlock": {begin},
		// The wait comes first: turning to write-ahead logging needs a lock that another process may hold.
		"_pragma": append([]string{
			fmt.Sprintf("busy_timeout(%d)", lockWait.Milliseconds()), "foreign_keys(1)", "cache_size(-8192)",
		}, pragmas...),
		"_dqs": {"0"},
	}
	connector, err := sqlite.NewConnector(address(path) + "?" + settings.Encode())
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections) // a connection holds its cache and its prepared statements
	return db, nil
}

// address is the path as SQLite's file: address, in which no character of it means anything.
func address(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // C:/…
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// Close closes the file. Calls under way end first.
func (st *Store) Close() error {
	// The writer is last, so that the log is folded into the file and removed unless another process has it open.
	err := errors.Join(st.reader.Close(), st.writer.Close())
	if err != nil {
		return fmt.Errorf("sqlitestore: close: %w", err)
	}
	return nil
}
