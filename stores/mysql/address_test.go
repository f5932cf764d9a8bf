package mysqlstore

import (
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// How an address is understood is visible only from within.
func TestParse_understandsURLsAndDSNs(t *testing.T) {
	for address, want := range map[string]mysql.Config{
		"mysql://db.example/shop":                            {Addr: "db.example:3306", DBName: "shop"},
		"mysql://web:secret@db.example:3307/shop":            {User: "web", Passwd: "secret", Addr: "db.example:3307", DBName: "shop"},
		"MariaDB://web@[::1]/shop":                           {User: "web", Addr: "[::1]:3306", DBName: "shop"},
		"mysql://we%40b:p%2Fs%3As%3F%23%25@db.example/a%2Fb": {User: "we@b", Passwd: "p/s:s?#%", Addr: "db.example:3306", DBName: "a/b"},
		"mysql://web:@db.example/shop?timeout=3s":            {User: "web", Addr: "db.example:3306", DBName: "shop"},
		"web:p@s/s:w@tcp(db.example)/shop":                   {User: "web", Passwd: "p@s/s:w", Addr: "db.example:3306", DBName: "shop"},
		"web@unix(/run/mysqld/mysqld.sock)/shop":             {User: "web", Addr: "/run/mysqld/mysqld.sock", DBName: "shop"},
		"/shop":                                              {Addr: "127.0.0.1:3306", DBName: "shop"},
	} {
		got, err := parse(address)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if got.User != want.User || got.Passwd != want.Passwd || got.Addr != want.Addr || got.DBName != want.DBName {
			t.Errorf("%s: got %q, %q at %q, database %q", address, got.User, got.Passwd, got.Addr, got.DBName)
		}
	}
}

func TestParse_setsWhatSessionsWant(t *testing.T) {
	const wrong = "clientFoundRows=false&multiStatements=true&interpolateParams=true&parseTime=true&allowAllFiles=true" +
		"&maxAllowedPacket=1000&autocommit=0&checkConnLiveness=false&rejectReadOnly=false"
	for _, address := range []string{"mysql://db.example/shop?" + wrong, "web@tcp(db.example)/shop?" + wrong} {
		got, err := parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if !got.ClientFoundRows || !got.CheckConnLiveness || !got.RejectReadOnly || got.MultiStatements || got.InterpolateParams ||
			got.ParseTime || got.AllowAllFiles || got.MaxAllowedPacket < 64<<20 || got.Params["autocommit"] != "1" ||
			got.Params["innodb_lock_wait_timeout"] != "2" {
			t.Errorf("%s: got %+v", address, got)
		}
	}
	got, err := parse("mysql://db.example/shop?innodb_lock_wait_timeout=7&timeout=3s&tls=true&sql_mode=%27ANSI%27")
	if err != nil {
		t.Fatal(err)
	}
	if got.Params["innodb_lock_wait_timeout"] != "7" || got.Timeout == 0 || got.TLSConfig != "true" || got.Params["sql_mode"] != "'ANSI'" {
		t.Errorf("other parameters: got %+v", got)
	}
}

func TestParse_nonsense_isAnErrorWithoutThePassword(t *testing.T) {
	for address, want := range map[string]string{
		"":                                       "no database",
		"shop":                                   "DSN",
		"postgres://web:hunter2@db/shop":         `scheme "postgres"`,
		"mysql://web:hunter2@/shop":              "no host",
		"mysql://web:hunter2@db":                 "no database",
		"mysql://web:hunter2@db/":                "no database",
		"mysql://web:hunter2@db:x/shop":          "no URL",
		"mysql://web:hunter2%zz@db/shop":         "no URL",
		"mysql://web:hun#ter2@db/shop":           "no",
		"mysql://web:hunter2@db/shop#a":          "fragment",
		"mysql://web:hunter2@db/shop?tls=hidden": "hidden",
		"mysql://web:hunter2@db/shop?timeout=x":  "duration",
		"web:hunter2@tcp(db)/":                   "no database",
		"web:hunter2@tcp(db/shop":                "DSN",
		"web:hunter2@db/shop":                    "network",
		"web:hunter2@tcp(db)/shop?loc=x":         "x",
		"web:hunter2":                            "DSN",
		"web:hunter2/shop":                       "DSN",
		"web:hunter2(/shop":                      "DSN",
		"web:hunter2@tcp(db:x/shop":              "DSN",
	} {
		_, err := parse(address)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error about %s", address, err, want)
			continue
		}
		if text := err.Error(); strings.Contains(text, "hunter2") || strings.Contains(text, "ter2") || !strings.HasPrefix(text, "mysqlstore: ") {
			t.Errorf("%s: got %q", address, text)
		}
	}
}
