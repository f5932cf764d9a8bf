package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sqlstore"
)

// Sessions in a database that the application has: two pools on SQLite, one that writes and one that reads.
func ExampleNew() {
	ctx := context.Background()
	open := func() (*sqlstore.Store, error) {
		writer, err := sql.Open("sqlite", "file:app.db?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
		if err != nil {
			return nil, err
		}
		writer.SetMaxOpenConns(1)
		reader, err := sql.Open("sqlite", "file:app.db?_pragma=busy_timeout(5000)")
		if err != nil {
			return nil, err
		}
		st, err := sqlstore.New(writer, sqlstore.Config{Dialect: sqlstore.SQLite, Reader: reader, Table: "web_sessions"})
		if err != nil {
			return nil, err
		}
		return st, st.Migrate(ctx)
	}

	st, err := open()
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := st.Save(ctx, sojourn.State{}, time.Hour)
	fmt.Println(key, err)
}
