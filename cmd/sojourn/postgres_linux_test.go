package main

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/sojourn-go/sojourn/enginetest"
)

var postgresServer = sync.OnceValues(func() (*enginetest.Server, error) { return started(enginetest.Postgres()) })

// postgresAddress makes a role with a password, and a database of its own. The server trusts it without the password.
func postgresAddress(t *testing.T) string {
	t.Helper()
	s, err := postgresServer()
	enginetest.Require(t, err)
	name := databaseName()
	for _, statement := range []string{"CREATE ROLE " + name + " LOGIN PASSWORD '" + hunter + "'", "CREATE DATABASE " + name + " OWNER " + name} {
		if err := execPostgres(t, "postgres://postgres@"+s.Addr()+"/postgres", statement); err != nil {
			t.Fatal(err)
		}
	}
	return "postgres://" + name + ":" + escaped + "@" + s.Addr() + "/" + name
}

func execPostgres(t *testing.T, address, statements string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.PgConn().Exec(t.Context(), statements).ReadAll()
	return err
}

func TestDemo_overPostgres(t *testing.T) {
	checkDemo(t, demoEngine{"PostgreSQL", postgresAddress, true})
}

func TestDemo_postgresUnreachable(t *testing.T) { checkUnreachable(t, "postgres") }

func TestDemo_postgresThatFails(t *testing.T) {
	for address, name := range map[string]string{
		"postgres://ada:hunter2@localhost:port/db":           "postgres://localhost:port/db: ",
		"postgres://ada:hunt%zzer2@localhost/db":             "postgres://localhost/db: ",
		"postgres://ada:hunter2@localhost/db?sslmode=nosuch": "postgres://localhost/db: ",
		"postgresql://localhost/db?password=hunt@er2":        "postgresql://…: ",
	} {
		wantRefusal(t, address, name)
	}
}

func TestMigrate_postgres(t *testing.T) {
	address := postgresAddress(t)
	checkMigrate(t, address, func(sql string) error { return execPostgres(t, address, "BEGIN; "+sql+" COMMIT") })
}
