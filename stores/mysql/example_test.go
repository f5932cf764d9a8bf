package mysqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"

	"github.com/go-sql-driver/mysql"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sqlstore"
	mysqlstore "github.com/sojourn-go/sojourn/stores/mysql"
)

func ExampleOpen() {
	open := func(ctx context.Context) (*sojourn.Manager, func() error, error) {
		// mysql://user:password@host:port/database, or a DSN of the driver's
		st, err := mysqlstore.Open(ctx, os.Getenv("DATABASE_URL"), mysqlstore.Config{MaxConns: 20})
		if err != nil {
			return nil, nil, err
		}
		if err := st.Migrate(ctx); err != nil {
			return nil, nil, err
		}
		m, err := sojourn.New(st, sojourn.Config{})
		return m, st.Close, err
	}

	m, closeStore, err := open(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer closeStore()
	m.Run(context.Background()) // sweeps
}

// The SQL of the tables, for a migration tool of your own.
func ExampleSchema() {
	schema, err := mysqlstore.Schema(mysqlstore.Config{Table: "web_sessions"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(schema)
}

// Sessions on a pool that the application has: package sqlstore, with two settings of the driver.
func Example_ownPool() {
	open := func() (*sqlstore.Store, error) {
		cfg, err := mysql.ParseDSN(os.Getenv("DATABASE_DSN"))
		if err != nil {
			return nil, err
		}
		cfg.ClientFoundRows = true
		cfg.Params = map[string]string{"innodb_lock_wait_timeout": "2"}
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			return nil, err
		}
		return sqlstore.New(sql.OpenDB(connector), sqlstore.Config{Dialect: sqlstore.MySQL})
	}

	st, err := open()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(st.Migrate(context.Background()))
}
