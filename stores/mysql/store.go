package mysqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sqlstore"
)

// Config says how the database is used.
type Config struct {
	// Table is the name of the sessions' table, with or without a database: "sessions", "web.sessions"; see
	// [sqlstore.Config].
	//
	// Default: "sojourn_sessions".
	Table string

	// MaxConns is how many connections there are at most. A call that finds all of them in use waits.
	//
	// Default: 4 for each processor that Go uses, at least 8.
	MaxConns int
}

// connLife is how long a connection lives. The driver's authors ask for less than 5 minutes, after which servers and
// balancers begin to give up connections.
const connLife = 4 * time.Minute

// Store keeps sessions in MySQL or MariaDB. It is safe for concurrent use, by any number of goroutines and processes. It has
// all capabilities of [sqlstore.Store].
type Store struct {
	*sqlstore.Store
	db *sql.DB
}

var (
	_ sojourn.Store        = (*Store)(nil)
	_ sojourn.Patcher      = (*Store)(nil)
	_ sojourn.SubjectIndex = (*Store)(nil)
	_ sojourn.Lister       = (*Store)(nil)
	_ sojourn.Sweeper      = (*Store)(nil)
)

// Open connects to a server and returns a store with a pool of its own, which the caller closes. The address is a URL,
// mysql://user:password@host:port/database?name=value (mariadb:// is the same, the port is 3306 if it is not there), or a
// DSN of the driver's, user:password@tcp(host:port)/database?name=value; the parameters are the driver's in both. Errors do
// not repeat it.
//
// It creates no table: see [sqlstore.Store.Migrate]. It starts no goroutine but those of the pool: expired sessions are
// removed by Sweep, which a running manager calls. Fields that make no sense come as [sojourn.ConfigError]s, joined.
func Open(ctx context.Context, address string, cfg Config) (*Store, error) {
	settings, err := parse(address)
	if err != nil {
		return nil, err
	}
	st, err := open(settings, cfg)
	if err != nil {
		return nil, err
	}
	if err := st.db.PingContext(ctx); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, errors.Join(fmt.Errorf("mysqlstore: open: %w", err), st.Close())
	}
	return st, nil
}

// Schema returns the SQL that Migrate runs on an empty database, without a connection.
func Schema(cfg Config) (string, error) {
	st, err := open(mysql.NewConfig(), cfg)
	if err != nil {
		return "", err
	}
	return st.Schema(), st.Close()
}

// open makes the pool, which opens no connection yet.
func open(settings *mysql.Config, cfg Config) (*Store, error) {
	if cfg.MaxConns < 0 {
		return nil, &sojourn.ConfigError{Field: "MaxConns", Reason: "must not be negative"}
	}
	conns := cfg.MaxConns
	if conns == 0 {
		conns = max(8, 4*runtime.GOMAXPROCS(0))
	}
	connector, err := mysql.NewConnector(settings)
	if err != nil {
		return nil, fmt.Errorf("mysqlstore: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns) // a connection holds its prepared statements
	db.SetConnMaxLifetime(connLife)
	st := &Store{db: db}
	st.Store, err = sqlstore.New(db, sqlstore.Config{Dialect: sqlstore.MySQL, Table: cfg.Table})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return st, nil
}

// Close closes the pool. Calls under way end first.
func (st *Store) Close() error {
	if err := st.db.Close(); err != nil {
		return fmt.Errorf("mysqlstore: close: %w", err)
	}
	return nil
}
