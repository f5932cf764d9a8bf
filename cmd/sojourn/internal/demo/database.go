package demo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite"
)

// OpenAccounts opens the SQLite file with the accounts, which may be the one that keeps the sessions, and creates it if it is
// missing, for its owner alone. Without a path the accounts are in memory.
func OpenAccounts(ctx context.Context, path string) (*sql.DB, error) {
	address := "file::memory:"
	if path != "" {
		var err error
		if address, err = accountsAddress(path); err != nil {
			return nil, fmt.Errorf("open accounts: %w", err)
		}
	}
	connector, err := sqlite.NewConnector(address)
	if err != nil {
		return nil, fmt.Errorf("open accounts: %w", err)
	}
	db := sql.OpenDB(connector)
	if path == "" {
		db.SetMaxOpenConns(1) // each connection would have a memory of its own
	}
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open accounts: %w", err), db.Close())
	}
	return db, nil
}

func accountsAddress(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, os.ErrExist) { // one that is there is not opened here: closing it would drop SQLite's locks
		return "", err
	}
	// What is committed here outlives a killed process, as in the sessions' own pool, which turns its file to write-ahead
	// logging. busy_timeout is the wait for the other pool's lock.
	address := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(path), "/"), RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(5000)", "synchronous(normal)"},
	}.Encode()}
	return address.String(), nil
}
