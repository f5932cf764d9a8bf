// Package engine opens the store that an address names.
package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Memory is the engine that forgets everything when the program ends.
const Memory = "memory"

// Store is an open store.
type Store struct {
	Sessions sojourn.Store
	Name     string // the address without user, password and options, for people
	Engine   string // "SQLite"
	File     string // of SQLite; "" for all others

	// Migrate creates the tables, or brings those of an older release up to date. It is nil where there are none.
	Migrate func(ctx context.Context) error
	// Check says what about the server the store's promises do not hold with. It is nil where nothing can be wrong.
	Check func(ctx context.Context) error

	close func() error
}

// Close closes what Open has opened.
func (s *Store) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// kind is one engine. To add one, add its line to kinds.
type kind struct {
	engine  string
	schemes []string
	form    string // of the address, for people
	local   bool   // within this process: the address holds no secret
	open    func(ctx context.Context, a address, table string) (*Store, error)
	// schema returns the SQL of the tables without connecting. It is nil where there are none.
	schema func(a address, table string) (string, error)
}

func kinds() []kind {
	return []kind{
		{"SQLite", []string{"sqlite"}, "sqlite:FILE", true, openSQLite, sqliteSchema},
		{Memory, []string{"memory"}, "memory", true, openMemory, nil},
		{"Redis", []string{"redis", "rediss", "valkey", "valkeys"}, "redis://[[user]:password@]host[:port][/database]", false, openRedis, nil},
		{"PostgreSQL", []string{"postgres", "postgresql"}, "postgres://[user[:password]@]host[:port]/database", false, openPostgres, postgresSchema},
		{"MySQL", []string{"mysql", "mariadb"}, "mysql://[user[:password]@]host[:port]/database", false, openMySQL, mysqlSchema},
	}
}

// Forms lists the addresses that Open takes, one per line.
func Forms() string {
	var b strings.Builder
	for _, k := range kinds() {
		fmt.Fprintf(&b, "\t%s\n", k.form)
	}
	return b.String()
}

// patience is how long a server may take to answer at first.
const patience = 10 * time.Second

// Open opens the store of an address. It waits 10 seconds for a server, creates no table but SQLite's, and its errors
// name the address without what is secret in it. table is the name of the sessions' table, "" for the default.
func Open(ctx context.Context, text, table string) (*Store, error) {
	a, k, err := parse(text)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	st, err := k.open(limited, a, table)
	if err != nil {
		switch {
		case limited.Err() != nil && ctx.Err() == nil:
			err = fmt.Errorf("no answer within %v", patience)
		case errors.Is(err, context.DeadlineExceeded): // of the driver's own
			err = errors.New("no answer in time")
		}
		return nil, a.failure(err)
	}
	st.Name, st.Engine = a.name(), k.engine
	st.Migrate, st.Check = a.naming(st.Migrate), a.naming(st.Check)
	return st, nil
}

// ErrNoTables is the answer to a question about the tables of an engine that has none.
var ErrNoTables = errors.New("this engine has no tables")

// Schema returns the SQL with which Migrate would begin in an empty database. It connects to nothing.
func Schema(text, table string) (string, error) {
	a, k, err := parse(text)
	if err != nil {
		return "", err
	}
	if k.schema == nil {
		return "", a.failure(ErrNoTables)
	}
	sql, err := k.schema(a, table)
	if err != nil {
		return "", a.failure(err)
	}
	return sql, nil
}

// parse finds the engine of an address. Its errors do not repeat the address, which may hold a password anywhere.
func parse(text string) (address, kind, error) {
	scheme, rest, _ := strings.Cut(text, ":")
	scheme = strings.ToLower(scheme)
	var forms []string
	for _, k := range kinds() {
		if slices.Contains(k.schemes, scheme) {
			if !k.local {
				text = scheme + ":" + rest // in lower case: drivers compare
			}
			return address{text, scheme, rest, k.local}, k, nil
		}
		forms = append(forms, k.form)
	}
	return address{}, kind{}, fmt.Errorf("no store has an address of this form: want %s", strings.Join(forms, ", "))
}
