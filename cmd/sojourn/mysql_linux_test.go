package main

import (
	"database/sql"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/sojourn-go/sojourn/enginetest"
)

var mariaServer = sync.OnceValues(func() (*enginetest.Server, error) { return started(enginetest.MariaDB()) })

// mysqlAddress makes a user with a password, and a database of its own.
func mysqlAddress(t *testing.T) (address, database string) {
	t.Helper()
	s, err := mariaServer()
	enginetest.Require(t, err)
	name := databaseName()
	for _, statement := range []string{
		"CREATE DATABASE " + name, "CREATE USER " + name + "@'%' IDENTIFIED BY '" + hunter + "'", "GRANT ALL ON " + name + ".* TO " + name + "@'%'",
	} {
		if err := execMySQL(t, "", statement); err != nil {
			t.Fatal(err)
		}
	}
	return "mysql://" + name + ":" + escaped + "@" + s.Addr() + "/" + name, name
}

func execMySQL(t *testing.T, database, statements string) error {
	t.Helper()
	s, err := mariaServer()
	enginetest.Require(t, err)
	settings := mysql.NewConfig()
	settings.User, settings.Net, settings.Addr, settings.DBName, settings.MultiStatements = "root", "tcp", s.Addr(), database, true
	connector, err := mysql.NewConnector(settings)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), statements)
	return err
}

func TestDemo_overMySQL(t *testing.T) {
	checkDemo(t, demoEngine{"MySQL", func(t *testing.T) string {
		address, _ := mysqlAddress(t)
		return address
	}, true})
}

func TestDemo_mysqlUnreachable(t *testing.T) { checkUnreachable(t, "mysql") }

func TestDemo_mysqlThatFails(t *testing.T) {
	address, _ := mysqlAddress(t)
	checkWrongPassword(t, address)
	for address, name := range map[string]string{
		"mysql://ada:hunter2@/db":               "mysql:///db: ",
		"mysql://ada:hunter2@localhost":         "mysql://localhost: ",
		"mysql://ada:hunt%zzer2@localhost/db":   "mysql://localhost/db: ",
		"mysql://ada:hunter2@localhost:port/db": "mysql://localhost:port/db: ",
	} {
		wantRefusal(t, address, name)
	}
}

func TestMigrate_mysql(t *testing.T) {
	address, database := mysqlAddress(t)
	checkMigrate(t, address, func(sql string) error { return execMySQL(t, database, sql) })
}
