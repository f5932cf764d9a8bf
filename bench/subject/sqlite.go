package subject

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/alexedwards/scs/sqlite3store"
	gingorm "github.com/gin-contrib/sessions/gorm"
	"github.com/gofiber/fiber/v3/middleware/session"
	fibersqlite "github.com/gofiber/storage/sqlite3/v2"
	gormsqlite "github.com/libtnb/sqlite"
	"github.com/wader/gormstore/v2"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
)

const sqlite = "SQLite"

// maxStored is room for a big session where the limit by default is that of a cookie.
const maxStored = 64 << 10

// SQLite returns each library on a SQLite file in dir, a new one for each chain. All run with write-ahead logging and
// synchronous=NORMAL, whatever their defaults are, and on the same driver, but for fiber's, whose storage brings the driver
// that is SQLite in C.
func SQLite(dir string) []Subject {
	return []Subject{
		{Library: sojournName, Store: sqlite, Owners: true, Open: func(o Options) (*Chain, error) {
			return onFile(dir, func(path string) (*Chain, error) {
				st, err := sqlitestore.Open(context.Background(), sqlitestore.Config{Path: path})
				if err != nil {
					return nil, err
				}
				return sojournChain(st, o, st.Close)
			})
		}},
		{Library: scsName, Store: sqlite, Module: scsModule, Open: func(o Options) (*Chain, error) {
			return onFile(dir, func(path string) (*Chain, error) {
				db, err := openSQLite(path)
				if err != nil {
					return nil, err
				}
				// As the store's README says.
				_, err = db.Exec(`CREATE TABLE sessions (token TEXT PRIMARY KEY, data BLOB NOT NULL, expiry REAL NOT NULL);
					CREATE INDEX sessions_expiry_idx ON sessions(expiry)`)
				return scsChain(sqlite3store.NewWithCleanupInterval(db, 0), o, db.Close), err
			})
		}},
		{Library: gorillaName, Store: sqlite, Module: gorillaModule, Lacks: lacksRenew(), Open: func(Options) (*Chain, error) {
			return onFile(dir, func(path string) (*Chain, error) {
				db, closer, err := openGORM(path)
				if err != nil {
					return nil, err
				}
				st := gormstore.New(db, authKey)
				st.MaxLength(maxStored)
				return gorillaChain(st, closer), nil
			})
		}},
		{Library: ginName, Store: sqlite, Module: ginModule, Lacks: lacksRenew(), Open: func(Options) (*Chain, error) {
			return onFile(dir, func(path string) (*Chain, error) {
				db, closer, err := openGORM(path)
				if err != nil {
					return nil, err
				}
				return ginChain(limitless(gingorm.NewStore(db, false, authKey)), closer), nil
			})
		}},
		{Library: fiberName, Store: sqlite, Module: fiberModule, Fast: true, Open: func(Options) (*Chain, error) {
			return onFile(dir, func(path string) (*Chain, error) {
				st := fibersqlite.New(fibersqlite.Config{
					Database:        "file:" + path + "?_journal_mode=WAL&_synchronous=NORMAL&_busy_timeout=10000&_txlock=immediate",
					ConnMaxLifetime: time.Hour, // it is a second by default
				})
				return fiberChain(session.NewStore(session.Config{Storage: st}), st.Close), nil
			})
		}},
	}
}

// limitless lifts gin's limit.
func limitless(st gingorm.Store) gingorm.Store {
	if limited, ok := st.(interface{ MaxLength(n int) }); ok {
		limited.MaxLength(maxStored)
	}
	return st
}

// onFile opens a chain on a file of its own, which goes when the chain is closed.
func onFile(dir string, open func(path string) (*Chain, error)) (*Chain, error) {
	own, err := os.MkdirTemp(dir, "sqlite")
	if err != nil {
		return nil, err
	}
	c, err := open(filepath.Join(own, "sessions.db"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(own))
	}
	closeChain := c.Close
	c.Close = func() error { return errors.Join(closeChain(), os.RemoveAll(own)) }
	return c, nil
}

func openSQLite(path string) (*sql.DB, error) {
	return sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(10000)&_txlock=immediate")
}

func openGORM(path string) (*gorm.DB, func() error, error) {
	conn, err := openSQLite(path)
	if err != nil {
		return nil, nil, err
	}
	db, err := gorm.Open(&gormsqlite.Dialector{Conn: conn}, &gorm.Config{Logger: logger.Discard})
	return db, conn.Close, err
}
