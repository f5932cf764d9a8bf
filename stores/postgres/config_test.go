package postgresstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	postgresstore "github.com/sojourn-go/sojourn/stores/postgres"
)

// nowhere is a pool on an address where nobody listens, which is not dialled.
func nowhere(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(context.Background(), "postgres://nobody@127.0.0.1:1/none?pool_min_conns=0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestNew_nonsense_namesTheField(t *testing.T) {
	pool := nowhere(t)
	for name, tt := range map[string]struct {
		field string
		cfg   postgresstore.Config
	}{
		"quote":          {"Table", postgresstore.Config{Table: `a"b`}},
		"injection":      {"Table", postgresstore.Config{Table: `a"; DROP TABLE b; --`}},
		"digit first":    {"Table", postgresstore.Config{Table: "1a"}},
		"line feed":      {"Table", postgresstore.Config{Table: "a\n"}},
		"NUL":            {"Table", postgresstore.Config{Table: "a\x00"}},
		"a blank":        {"Table", postgresstore.Config{Table: " "}},
		"no table":       {"Table", postgresstore.Config{Table: "a."}},
		"no schema":      {"Table", postgresstore.Config{Table: ".a"}},
		"three parts":    {"Table", postgresstore.Config{Table: "a.b.c"}},
		"not ASCII":      {"Table", postgresstore.Config{Table: "ä"}},
		"braces":         {"Table", postgresstore.Config{Table: "{marks}"}},
		"too long":       {"Table", postgresstore.Config{Table: strings.Repeat("a", 47)}},
		"long schema":    {"Table", postgresstore.Config{Table: strings.Repeat("a", 64) + ".b"}},
		"unknown notify": {"Notify", postgresstore.Config{Notify: 3}},
		"no notify":      {"Notify", postgresstore.Config{Notify: -1}},
	} {
		st, err := postgresstore.New(pool, tt.cfg)
		var wrong *sojourn.ConfigError
		if st != nil || !errors.As(err, &wrong) || wrong.Field != tt.field {
			t.Errorf("%s: got %v, want a ConfigError of %s", name, err, tt.field)
		}
	}
}

func TestNew_tellsAllThatIsWrong(t *testing.T) {
	_, err := postgresstore.New(nil, postgresstore.Config{Table: "a b", Notify: 7})
	for _, want := range []string{"no *pgxpool.Pool", "Config.Table", "Config.Notify"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
}

func TestNew_dialsNothing(t *testing.T) {
	pool := nowhere(t)
	st, err := postgresstore.New(pool, postgresstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	st.Schema()
	if n := pool.Stat().NewConnsCount() + pool.Stat().AcquireCount(); n != 0 {
		t.Errorf("%d connections were opened or asked for", n)
	}
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	if _, err := pool.Acquire(t.Context()); err == nil || strings.Contains(err.Error(), "closed pool") {
		t.Errorf("got %v: Close closed a pool that is not the store's", err)
	}
}

func TestOpen_ofNoServer_isAnErrorWithoutThePassword(t *testing.T) {
	const password = "correct-horse-battery"
	for _, url := range []string{
		"postgres://app:" + password + "@127.0.0.1:1/none?connect_timeout=2",
		"postgres://app:" + password + "@127.0.0.1:1/none?sslmode=nonsense",
		"postgres://app:" + password + "@127.0.0.1:none/none",
		"host=127.0.0.1 port=1 user=app password=" + password + " pool_max_conns=x",
	} {
		st, err := postgresstore.Open(t.Context(), url, postgresstore.Config{})
		if err == nil || st != nil {
			t.Errorf("%s: no error", url)
			continue
		}
		if strings.Contains(err.Error(), password) {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func TestOpen_closesItsOwnPool(t *testing.T) {
	s, err := server()
	enginetest.Require(t, err)
	st, err := postgresstore.Open(t.Context(), url(s.Addr(), ""), postgresstore.Config{Table: table()})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	key := save(t, st, visitor("a", "1"))
	load(t, st, key)
	if err := st.Close(); err != nil {
		t.Error(err)
	}
	if _, err := st.Load(t.Context(), key); err == nil {
		t.Error("Load after Close: no error")
	}
}

func TestSchema_namesEveryObjectAfterTheTable(t *testing.T) {
	pool := nowhere(t)
	long := strings.Repeat("x", 46)
	for table, want := range map[string]string{"": `"sojourn_sessions`, "select": `"select`, "web.s": `"web"."s`, long: `"` + long} {
		st, err := postgresstore.New(pool, postgresstore.Config{Table: table})
		if err != nil {
			t.Fatal(err)
		}
		schema := st.Schema()
		for _, object := range []string{"", "_marks", "_schema", "_readable", "_json"} {
			if !strings.Contains(schema, want+object+`"`) {
				t.Errorf("table %q: no %s", table, want+object+`"`)
			}
		}
		for _, line := range strings.Split(schema, "\n") {
			if blank := strings.IndexByte(line, '{'); blank >= 0 && !strings.Contains(line, "'{}'") {
				t.Errorf("table %q: a blank was not filled in: %s", table, line)
			}
		}
	}
}
