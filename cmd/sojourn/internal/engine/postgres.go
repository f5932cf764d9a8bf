package engine

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
)

func openPostgres(ctx context.Context, a address, table string) (*Store, error) {
	st, err := postgresstore.Open(ctx, a.text, postgresstore.Config{Table: table})
	if err != nil {
		return nil, err
	}
	return &Store{Sessions: st, Migrate: st.Migrate, close: st.Close}, nil
}

func postgresSchema(_ address, table string) (string, error) {
	pool, err := pgxpool.New(context.Background(), "host=localhost") // which nobody asks for a connection
	if err != nil {
		return "", err
	}
	defer pool.Close()
	st, err := postgresstore.New(pool, postgresstore.Config{Table: table})
	if err != nil {
		return "", err
	}
	return st.Schema(), nil
}
