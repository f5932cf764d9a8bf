package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Config says how a [Store] uses its database.
type Config struct {
	// Dialect is the database's kind of SQL.
	//
	// Required: a driver does not tell.
	Dialect Dialect

	// Reader is a second pool on the same database, for Load and the lists, so that they do not queue behind writes where
	// the first pool has one connection, as it should on SQLite. It must see every commit of the first one at once: no
	// replica.
	//
	// Default: the pool given to New.
	Reader *sql.DB

	// Table is the name of the sessions' table, with or without a schema, or a database of MySQL's: "sessions",
	// "web.sessions". The other tables, the indexes and the view begin with it. Each part is a letter or underscore, then
	// letters, digits and underscores, at most 63 characters, the table's at most 47 on a server; it is quoted, so a
	// keyword will do.
	//
	// Default: "sojourn_sessions".
	Table string

	// Now is the clock, for databases that have none of their own: SQLite. Every process that uses the table needs the
	// same time. A server's own clock decides, and Now must be nil.
	//
	// Default: time.Now.
	Now func() time.Time
}

const defaultTable = "sojourn_sessions"

// complete returns the configuration with its defaults, or every field that is wrong, as [sojourn.ConfigError]s.
func (cfg Config) complete() (Config, names, error) {
	var wrong []error
	refuse := func(field, reason string) {
		wrong = append(wrong, configError{&sojourn.ConfigError{Field: field, Reason: reason}})
	}
	if !cfg.Dialect.known() {
		refuse("Dialect", "must name the database, for example sqlstore.SQLite")
	}
	if cfg.Table == "" {
		cfg.Table = defaultTable
	}
	n, reason := parseTable(cfg.Dialect, cfg.Table)
	if reason != "" {
		refuse("Table", reason)
	}
	if cfg.Now != nil && cfg.Dialect.known() && cfg.Dialect != SQLite {
		refuse("Now", "must be nil: the server's clock decides")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return cfg, n, errors.Join(wrong...)
}

// configError is a [sojourn.ConfigError] that says whose Config it is about.
type configError struct{ wrong *sojourn.ConfigError }

func (e configError) Error() string {
	return "sqlstore: Config." + e.wrong.Field + ": " + e.wrong.Reason
}

func (e configError) Unwrap() error { return e.wrong }

// names makes the quoted names of all that belongs to one table of sessions.
type names struct {
	quote  string
	schema string // quoted, with its dot; "" if none was given
	table  string // not quoted
}

// longestSuffix is the longest that is put behind a table's name. A name may have 63 characters in PostgreSQL, which cuts
// off what is longer, and 64 in MySQL.
const longestSuffix = len("_marks_by_expiry")

// parseTable takes a table's name apart, or says what is wrong with it. What it returns may be put into SQL text.
func parseTable(d Dialect, table string) (names, string) {
	part := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)
	n := names{quote: `"`}
	if d == MySQL {
		n.quote = "`"
	}
	schema, name, qualified := strings.Cut(table, ".")
	if !qualified {
		name = schema
	} else {
		if !part.MatchString(schema) {
			return names{}, "a schema is a letter or underscore, then letters, digits and underscores, at most 63"
		}
		n.schema = n.quoted(schema) + "."
	}
	if !part.MatchString(name) {
		return names{}, "a table is a letter or underscore, then letters, digits and underscores, at most 63"
	}
	if d == SQLite && strings.HasPrefix(strings.ToLower(name), "sqlite_") {
		return names{}, "SQLite keeps names that begin with sqlite_ to itself"
	}
	if most := 63 - longestSuffix; d != SQLite && len(name) > most {
		return names{}, fmt.Sprintf("a table's name on a server has at most %d characters: others begin with it", most)
	}
	n.table = name
	return n, ""
}

// named returns a name for use in a statement: "" is the sessions' table, "_marks" that of the marks.
func (n names) named(suffix string) string { return n.schema + n.bare(suffix) }

// bare returns the name without its schema, for where SQL wants none: the table that SQLite's CREATE INDEX names, the index
// that PostgreSQL's does.
func (n names) bare(suffix string) string { return n.quoted(n.table + suffix) }

func (n names) quoted(name string) string { return n.quote + name + n.quote }
