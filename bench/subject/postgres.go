package subject

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/alexedwards/scs/pgxstore"
	gingorm "github.com/gin-contrib/sessions/gorm"
	"github.com/gofiber/fiber/v3/middleware/session"
	fiberpostgres "github.com/gofiber/storage/postgres/v3"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/wader/gormstore/v2"
	gormpostgres "gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
)

const postgres = "PostgreSQL"

// sqlConnections is how many connections a library's pool may keep to PostgreSQL, where each is a process.
const sqlConnections = 16

// Postgres returns each library on the PostgreSQL server at addr, host and port, with the user postgres and its database.
// Each chain has a schema of its own, which goes when it is closed. All run on the same driver.
func Postgres(addr string) []Subject {
	all := []Subject{
		{Library: sojournName, Store: postgres, Owners: true, Open: onSchema(addr, func(url string, o Options) (*Chain, error) {
			st, err := postgresstore.Open(context.Background(), url+fmt.Sprint("&pool_max_conns=", sqlConnections), postgresstore.Config{})
			if err != nil {
				return nil, err
			}
			if err := st.Migrate(context.Background()); err != nil {
				return nil, errors.Join(err, st.Close())
			}
			return sojournChain(st, o, st.Close)
		})},
		{Library: scsName, Store: postgres, Module: scsModule, Open: onSchema(addr, func(url string, o Options) (*Chain, error) {
			pool, err := pgxpool.New(context.Background(), url+fmt.Sprint("&pool_max_conns=", sqlConnections))
			if err != nil {
				return nil, err
			}
			// As the store's README says.
			_, err = pool.Exec(context.Background(), `CREATE TABLE sessions (token TEXT PRIMARY KEY, data BYTEA NOT NULL, expiry TIMESTAMPTZ NOT NULL);
				CREATE INDEX sessions_expiry_idx ON sessions (expiry)`)
			if err != nil {
				pool.Close()
				return nil, err
			}
			closePool := func() error { pool.Close(); return nil }
			return scsChain(pgxstore.NewWithCleanupInterval(pool, 0), o, closePool), nil
		})},
		{Library: gorillaName, Store: postgres, Module: gorillaModule, Lacks: lacksRenew(), Open: onSchema(addr, func(url string, _ Options) (*Chain, error) {
			db, closer, err := openPostgresGORM(url)
			if err != nil {
				return nil, err
			}
			st := gormstore.New(db, authKey)
			st.MaxLength(maxStored)
			return gorillaChain(st, closer), nil
		})},
		{Library: ginName, Store: postgres, Module: ginModule, Lacks: lacksRenew(), Open: onSchema(addr, func(url string, _ Options) (*Chain, error) {
			db, closer, err := openPostgresGORM(url)
			if err != nil {
				return nil, err
			}
			return ginChain(limitless(gingorm.NewStore(db, false, authKey)), closer), nil
		})},
		{Library: fiberName, Store: postgres, Module: fiberModule, Fast: true, Open: onSchema(addr, func(url string, _ Options) (*Chain, error) {
			pool, err := pgxpool.New(context.Background(), url+fmt.Sprint("&pool_max_conns=", sqlConnections))
			if err != nil {
				return nil, err
			}
			schema := pool.Config().ConnConfig.RuntimeParams["search_path"]
			st := fiberpostgres.New(fiberpostgres.Config{DB: pool, Table: schema + ".sessions"})
			return fiberChain(session.NewStore(session.Config{Storage: st}), st.Close), nil
		})},
	}
	for i := range all {
		all[i].OnServer = true
	}
	return all
}

// schemas numbers the schemas of this process.
var schemas atomic.Int64

// onSchema opens a chain on a schema of its own.
func onSchema(addr string, open func(url string, o Options) (*Chain, error)) func(Options) (*Chain, error) {
	return func(o Options) (*Chain, error) {
		schema := fmt.Sprint("bench_", schemas.Add(1))
		url := "postgres://postgres@" + addr + "/postgres?sslmode=disable"
		if err := execPostgres(url, "CREATE SCHEMA "+schema); err != nil {
			return nil, err
		}
		drop := func() error { return execPostgres(url, "DROP SCHEMA "+schema+" CASCADE") }
		c, err := open(url+"&search_path="+schema, o)
		if err != nil {
			return nil, errors.Join(err, drop())
		}
		closeChain := c.Close
		c.Close = func() error { return errors.Join(closeChain(), drop()) }
		return c, nil
	}
}

func execPostgres(url, statement string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

func openPostgresGORM(url string) (*gorm.DB, func() error, error) {
	conn, err := sql.Open("pgx", url)
	if err != nil {
		return nil, nil, err
	}
	conn.SetMaxOpenConns(sqlConnections)
	conn.SetMaxIdleConns(sqlConnections)
	db, err := gorm.Open(gormpostgres.New(gormpostgres.Config{Conn: conn}), &gorm.Config{Logger: logger.Discard})
	if err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return db, conn.Close, nil
}
