package postgresstore

import (
	"errors"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/sojourn-go/sojourn"
)

// Config says how a [Store] uses its database. The zero Config is a good one.
type Config struct {
	// Table is the name of the sessions' table, with or without a schema: "sessions", "web.sessions". The other tables,
	// the indexes, the view and its function begin with it. Each part is a letter or underscore, then letters, digits and
	// underscores; the schema's has at most 63 characters, the table's 46. Both are quoted, so a keyword will do. Without
	// a schema the connection's search_path decides.
	//
	// Default: "sojourn_sessions".
	Table string

	// Notify says what [Store.Watch] on all nodes is told of.
	//
	// Default: NotifyEnds.
	Notify Notify

	// Direct is the way to the server round a pooler in transaction mode, for Watch alone: LISTEN is lost in such a
	// pooler. It is made by [pgx.ParseConfig] and copied.
	//
	// Default: that of the pool.
	Direct *pgx.ConnConfig
}

// Notify says of what a store tells those who watch. PostgreSQL lets transactions that tell something commit one by one,
// each after the last has reached the disk: about as many in a second as the disk can flush.
type Notify int

const (
	// NotifyEnds tells of sessions that end by Delete, DeleteSubject or TrimSubject, and of those whose Generation changes:
	// a Login or Renew, which ends their tokens. It does not tell of changed values, nor of a periodic renewal, whose token
	// before goes on for a while.
	NotifyEnds Notify = iota

	// NotifyChanges tells of every Update and Patch besides, for those who cache values. Then all changes commit one by one.
	NotifyChanges

	// NotifyNothing tells nobody of anything, so that nothing commits one by one. Watch is unsupported, and the manager
	// re-checks open streams instead.
	NotifyNothing

	notifyEnd
)

const defaultTable = "sojourn_sessions"

// complete returns a copy of the configuration with its defaults, or every field that is wrong, as [sojourn.ConfigError]s.
func (cfg Config) complete() (Config, names, error) {
	var wrong []error
	if cfg.Table == "" {
		cfg.Table = defaultTable
	}
	n, reason := parseTable(cfg.Table)
	if reason != "" {
		wrong = append(wrong, &sojourn.ConfigError{Field: "Table", Reason: reason})
	}
	if cfg.Notify < 0 || cfg.Notify >= notifyEnd {
		wrong = append(wrong, &sojourn.ConfigError{Field: "Notify",
			Reason: "must be NotifyEnds, NotifyChanges or NotifyNothing"})
	}
	if cfg.Direct != nil {
		cfg.Direct = cfg.Direct.Copy()
	}
	return cfg, n, errors.Join(wrong...)
}

// names makes the quoted names of all that belongs to one table of sessions.
type names struct {
	schema string // quoted, with its dot; "" if none was given
	table  string // not quoted
}

// parseTable takes a table's name apart, or says what is wrong with it. What it returns may be put into SQL text.
func parseTable(table string) (names, string) {
	schemaName := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,62}$`)
	// With "_marks_by_instant" appended it must fit into the 63 bytes to which PostgreSQL cuts a name.
	tableName := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,45}$`)
	var n names
	schema, name, qualified := strings.Cut(table, ".")
	if !qualified {
		name = schema
	} else {
		if !schemaName.MatchString(schema) {
			return names{}, "a schema is a letter or underscore, then letters, digits and underscores, at most 63"
		}
		n.schema = `"` + schema + `".`
	}
	if !tableName.MatchString(name) {
		return names{}, "a table is a letter or underscore, then letters, digits and underscores, at most 46"
	}
	n.table = name
	return n, ""
}

// named returns a name for use in a statement: "" is the sessions' table, "_marks" that of the marks.
func (n names) named(suffix string) string { return n.schema + n.bare(suffix) }

// bare returns the name without its schema, for where SQL wants none: the index that CREATE INDEX names.
func (n names) bare(suffix string) string { return `"` + n.table + suffix + `"` }

// filler puts the names into SQL texts.
func (n names) filler() *strings.Replacer {
	return strings.NewReplacer(
		"{sessions}", n.named(""),
		"{marks}", n.named("_marks"),
		"{schema}", n.named("_schema"),
		"{readable}", n.named("_readable"),
		"{json}", n.named("_json"),
		"{by_subject}", n.bare("_by_subject"),
		"{by_due}", n.bare("_by_due"),
		"{marks_by_instant}", n.bare("_marks_by_instant"),
		"{channel}", "'"+n.table+"'", // letters, digits and underscores alone
		"{listen}", n.bare(""),
	)
}
