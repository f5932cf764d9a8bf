package sqlstore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sqlstore"
)

func TestNew_nonsense_namesTheField(t *testing.T) {
	db := openFake(t, &fake{})
	for name, tt := range map[string]struct {
		field string
		cfg   sqlstore.Config
	}{
		"no dialect":      {"Dialect", sqlstore.Config{}},
		"unknown dialect": {"Dialect", sqlstore.Config{Dialect: 99}},
		"negative":        {"Dialect", sqlstore.Config{Dialect: -1}},
		"quote":           {"Table", sqlstore.Config{Dialect: sqlstore.SQLite, Table: `a"b`}},
		"injection":       {"Table", sqlstore.Config{Dialect: sqlstore.SQLite, Table: `a"; DROP TABLE b; --`}},
		"digit first":     {"Table", sqlstore.Config{Dialect: sqlstore.SQLite, Table: "1a"}},
		"line feed":       {"Table", sqlstore.Config{Dialect: sqlstore.SQLite, Table: "a\n"}},
		"no table":        {"Table", sqlstore.Config{Dialect: sqlstore.SQLite, Table: "a."}},
		"no schema":       {"Table", sqlstore.Config{Dialect: sqlstore.SQLite, Table: ".a"}},
		"three parts":     {"Table", sqlstore.Config{Dialect: sqlstore.SQLite, Table: "a.b.c"}},
		"not ASCII":       {"Table", sqlstore.Config{Dialect: sqlstore.SQLite, Table: "ä"}},
		"too long":        {"Table", sqlstore.Config{Dialect: sqlstore.SQLite, Table: strings.Repeat("a", 64)}},
		"the engine's":    {"Table", sqlstore.Config{Dialect: sqlstore.SQLite, Table: "SQLite_sessions"}},
		"backtick":        {"Table", sqlstore.Config{Dialect: sqlstore.MySQL, Table: "a`b"}},
		"no room":         {"Table", sqlstore.Config{Dialect: sqlstore.MySQL, Table: strings.Repeat("a", 48)}},
		"no room either":  {"Table", sqlstore.Config{Dialect: sqlstore.PostgreSQL, Table: strings.Repeat("a", 48)}},
		"a second clock":  {"Now", sqlstore.Config{Dialect: sqlstore.PostgreSQL, Now: time.Now}},
	} {
		st, err := sqlstore.New(db, tt.cfg)
		var wrong *sojourn.ConfigError
		if st != nil || !errors.As(err, &wrong) || wrong.Field != tt.field {
			t.Errorf("%s: got %v, want a ConfigError of %s", name, err, tt.field)
		}
	}
}

func TestNew_tellsAllThatIsWrong(t *testing.T) {
	_, err := sqlstore.New(nil, sqlstore.Config{Table: "a b"})
	for _, want := range []string{"sqlstore: no *sql.DB", "sqlstore: Config.Dialect: ", "sqlstore: Config.Table: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "sojourn: ") {
		t.Errorf("got %v, want only this package's name", err)
	}
}

func TestNew_dialsNothing(t *testing.T) {
	f := &fake{}
	st, err := sqlstore.New(openFake(t, f), sqlstore.Config{Dialect: sqlstore.SQLite, Reader: openFake(t, f)})
	if err != nil {
		t.Fatal(err)
	}
	st.Schema()
	if f.connections.Load() != 0 {
		t.Errorf("%d connections were opened", f.connections.Load())
	}
}

func TestSchema_namesEveryObjectAfterTheTable(t *testing.T) {
	for _, tt := range []struct {
		dialect sqlstore.Dialect
		quote   string
		longest int
		objects []string // beside the tables
	}{
		{sqlstore.SQLite, `"`, 63, []string{"_by_subject", "_by_expiry"}},
		{sqlstore.MySQL, "`", 47, nil}, // has names of indexes for each table
		{sqlstore.PostgreSQL, `"`, 47, []string{"_by_subject", "_by_expiry", "_marks_by_expiry"}},
	} {
		longest := strings.Repeat("x", tt.longest)
		for table, want := range map[string]string{
			"": "{sojourn_sessions", "select": "{select", "web.s": "{web}.{s", longest: "{" + longest,
		} {
			st, err := sqlstore.New(openFake(t, &fake{}), sqlstore.Config{Dialect: tt.dialect, Table: table})
			if err != nil {
				t.Fatal(err)
			}
			schema := st.Schema()
			want = strings.NewReplacer("{", tt.quote, "}", tt.quote).Replace(want)
			for _, object := range append([]string{"", "_marks", "_schema", "_readable"}, tt.objects...) {
				name := want + object + tt.quote
				if tt.dialect == sqlstore.PostgreSQL && strings.Contains(object, "_by_") { // in the schema of its table
					name = name[strings.LastIndex(name, ".")+1:]
				}
				if !strings.Contains(schema, name) {
					t.Errorf("dialect %d, table %q: no %s", tt.dialect, table, name)
				}
			}
			if strings.ContainsAny(schema, "{?$") && tt.dialect != sqlstore.PostgreSQL || strings.Contains(schema, "$1") {
				t.Errorf("dialect %d, table %q: a blank was not filled in:\n%s", tt.dialect, table, schema)
			}
		}
	}
}
