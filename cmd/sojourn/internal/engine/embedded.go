package engine

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sqlstore"
	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
	"modernc.org/sqlite"
)

// The engines that live in this process.

func openSQLite(ctx context.Context, a address, table string) (*Store, error) {
	file, err := a.file()
	if err != nil {
		return nil, err
	}
	st, err := sqlitestore.Open(ctx, sqlitestore.Config{Path: file, Table: table})
	if err != nil {
		return nil, err
	}
	return &Store{Sessions: st, File: file, Migrate: st.Migrate, close: st.Close}, nil
}

func sqliteSchema(a address, table string) (string, error) {
	if _, err := a.file(); err != nil {
		return "", err
	}
	connector, err := sqlite.NewConnector("file::memory:")
	if err != nil {
		return "", err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	st, err := sqlstore.New(db, sqlstore.Config{Dialect: sqlstore.SQLite, Table: table})
	if err != nil {
		return "", err
	}
	return st.Schema(), nil
}

// file is the path in "sqlite:path" and, for those who write URLs, in "sqlite:///absolute/path".
func (a address) file() (string, error) {
	file := a.rest
	if slashes, ok := strings.CutPrefix(file, "//"); ok {
		if !strings.HasPrefix(slashes, "/") {
			return "", errors.New("a file has no host: write sqlite:FILE, or sqlite:///FILE from the root")
		}
		file = slashes
	}
	if file == "" {
		return "", errors.New("no file: write sqlite:FILE")
	}
	return file, nil
}

func openMemory(_ context.Context, a address, _ string) (*Store, error) {
	if strings.TrimPrefix(a.rest, "//") != "" {
		return nil, errors.New("memory has no address: write memory")
	}
	return &Store{Sessions: memstore.New(memstore.Config{})}, nil
}
