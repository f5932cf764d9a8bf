package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/sojourn-go/sojourn/stores/sqlite"
	"modernc.org/sqlite"
)

// Database is one SQLite file with the sessions and, in a table of their own, the accounts.
type Database struct {
	Sessions *sqlitestore.Store
	Accounts *sql.DB
}

// Open opens the file and creates it if it is missing, for its owner alone.
func Open(ctx context.Context, path string) (*Database, error) {
	sessions, err := sqlitestore.Open(ctx, sqlitestore.Config{Path: path})
	if err != nil {
		return nil, err
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, errors.Join(err, sessions.Close())
	}
	// What is committed here outlives a killed process, as in the sessions' own pool, which has turned the file to
	// write-ahead logging. busy_timeout is the wait for the other pool's lock.
	address := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(path), "/"), RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(5000)", "synchronous(normal)"},
	}.Encode()}
	connector, err := sqlite.NewConnector(address.String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open accounts: %w", err), sessions.Close())
	}
	return &Database{Sessions: sessions, Accounts: sql.OpenDB(connector)}, nil
}

// Close closes the file.
func (db *Database) Close() error { return errors.Join(db.Accounts.Close(), db.Sessions.Close()) }
