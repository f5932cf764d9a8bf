package engine

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// of takes an address apart as if its scheme were a server's.
func of(text string) address {
	scheme, rest, _ := strings.Cut(text, ":")
	return address{text: text, scheme: scheme, rest: rest}
}

func TestName_hidesWhoAndHow(t *testing.T) {
	for text, want := range map[string]string{
		"redis://localhost":                                       "redis://localhost",
		"redis://localhost:6379/2":                                "redis://localhost:6379/2",
		"rediss://:hunter2@cache.example:6380/0?addr=b:1":         "rediss://cache.example:6380/0",
		"postgres://ada:hunter2@db.example/shop?sslmode=disable":  "postgres://db.example/shop",
		"postgres://ada:hunter2@a:5432,b:5432/shop":               "postgres://a:5432,b:5432/shop",
		"postgres://ada:hunt%40er2@db.example/shop":               "postgres://db.example/shop",
		"postgres://ada:hunt@er2@db.example/shop":                 "postgres://db.example/shop",
		"postgres://ada:hunt/er2@db.example/shop":                 "postgres://db.example/shop",
		"postgres://ada:hunt#er2@db.example/shop":                 "postgres://db.example/shop",
		"postgres://ada:hunt?er2@db.example/shop":                 "postgres://…",
		"postgres://db.example/shop?user=ada&password=hunter2":    "postgres://db.example/shop",
		"postgres://db.example/shop?user=ada&password=hunt@er2":   "postgres://…",
		"mysql://ada:hunter2@[::1]:3306/shop":                     "mysql://[::1]:3306/shop",
		"unix:///run/redis.sock?db=1":                             "unix:///run/redis.sock",
		"postgres://":                                             "postgres://",
		"postgres:":                                               "postgres://",
		"postgres://ada:hunter2@/shop?host=/var/run/postgresql":   "postgres:///shop",
		"postgresql://ada:hunter2@db.example:70000/shop?bad=%zz%": "postgresql://db.example:70000/shop",
	} {
		if got := of(text).name(); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
		for _, secret := range []string{"hunter2", "hunt", "er2"} {
			if strings.Contains(of(text).name(), secret) {
				t.Errorf("%s: the name %q tells of the password", text, of(text).name())
			}
		}
	}
}

func TestSecrets_areFoundAsWrittenAndAsMeant(t *testing.T) {
	for text, want := range map[string][]string{
		"redis://localhost":                                        nil,
		"redis://ada@localhost":                                    nil,
		"redis://:hunter2@localhost":                               {"hunter2"},
		"postgres://ada:hunt%40er2@db/shop":                        {"hunt%40er2", "hunt@er2"},
		"postgres://ada:a+b@db/shop":                               {"a b", "a+b"},
		"postgres://ada:hunt@er2@db/shop":                          {"hunt@er2"},
		"postgres://db/shop?user=ada&PASSWORD=hunter2&sslmode=off": {"hunter2"},
		"redis://db?sentinel=a&sentinel_password=x%2Fy":            {"x%2Fy", "x/y"},
	} {
		got := of(text).secrets()
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestFailure_withholdsWhatRepeatsAPassword(t *testing.T) {
	a := of("postgres://ada:hunt%40er2@db.example/shop")
	cause := errors.New("connection refused")
	if err := a.failure(cause); !errors.Is(err, cause) || err.Error() != "postgres://db.example/shop: connection refused" {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{"cannot parse postgres://ada:hunt%40er2@db.example/shop", "no user ada with hunt@er2"} {
		err := a.failure(errors.New(text))
		if strings.Contains(err.Error(), "hunt") || !strings.Contains(err.Error(), "postgres://db.example/shop") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
