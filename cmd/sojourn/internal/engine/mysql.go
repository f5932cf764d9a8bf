package engine

import (
	"context"

	mysqlstore "github.com/sojourn-go/sojourn/stores/mysql"
)

func openMySQL(ctx context.Context, a address, table string) (*Store, error) {
	st, err := mysqlstore.Open(ctx, a.text, mysqlstore.Config{Table: table})
	if err != nil {
		return nil, err
	}
	return &Store{Sessions: st, Migrate: st.Migrate, close: st.Close}, nil
}

func mysqlSchema(_ address, table string) (string, error) {
	return mysqlstore.Schema(mysqlstore.Config{Table: table})
}
