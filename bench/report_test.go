package bench_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	goredis "github.com/redis/go-redis/v9"

	"github.com/sojourn-go/sojourn/bench"
	"github.com/sojourn-go/sojourn/bench/report"
	"github.com/sojourn-go/sojourn/enginetest"
	"github.com/sojourn-go/sojourn/storetest"
)

const (
	page     = "../docs/performance.md"
	pictures = "performance" // beside the page
)

// TestReport is make bench: it measures everything, prints the report, and puts it into the documentation. Without
// SOJOURN_BENCH, which says how much is measured, it does so in a few seconds and throws the figures away: they mean nothing.
func TestReport(t *testing.T) {
	scale, publish := bench.Smoke(), true
	switch size := os.Getenv("SOJOURN_BENCH"); size {
	case "full":
		scale = bench.Full()
	case "quick":
		scale = bench.Quick()
	case "":
		publish = false
	default:
		t.Fatalf("SOJOURN_BENCH is %q: full, quick or not set", size)
	}
	results, err := bench.Run(scale, setting(t))
	if err != nil {
		t.Fatal(err)
	}
	command := "make bench"
	if scale == bench.Quick() {
		command += " BENCH=quick"
	}
	d, err := results.Document(pictures, command)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	spliced, err := report.Splice(string(text), d.Markdown)
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if publish {
		to = filepath.Dir(page)
		fmt.Println(d.Markdown)
	}
	if err := os.WriteFile(filepath.Join(to, filepath.Base(page)), []byte(spliced), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := d.Write(filepath.Join(to, pictures)); err != nil {
		t.Fatal(err)
	}
	wantPictures(t, d, filepath.Join(to, pictures))
}

// wantPictures fails unless each picture of the report is in folder, and no other.
func wantPictures(t *testing.T, d *bench.Document, folder string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.svg"))
	if err != nil {
		t.Fatal(err)
	}
	shown := strings.Count(d.Markdown, ".svg)")
	if shown < 15 || len(files) != shown {
		t.Errorf("the report shows %d pictures, and there are %d", shown, len(files))
	}
	for _, file := range files {
		if !strings.Contains(d.Markdown, "("+pictures+"/"+filepath.Base(file)+")") {
			t.Errorf("the report does not show %s", file)
		}
	}
}

// setting starts the servers.
func setting(t *testing.T) bench.Setting {
	t.Helper()
	server := func(s *enginetest.Server, err error) bench.Server {
		enginetest.Require(t, err)
		t.Cleanup(func() { s.Close() })
		proxy := storetest.NewProxy(t, "tcp", s.Addr())
		return bench.Server{Addr: s.Addr(), Proxy: proxy.Addr(), Trips: proxy.Trips}
	}
	s := bench.Setting{Dir: t.TempDir(), Say: t.Logf}
	s.Redis = server(enginetest.Redis())
	s.Redis.Version = redisVersion(t, s.Redis.Addr)
	s.Postgres = server(enginetest.Postgres("synchronous_commit = off", "autovacuum = off", "max_connections = 400"))
	s.Postgres.Version = postgresVersion(t, s.Postgres.Addr)
	return s
}

func redisVersion(t *testing.T, addr string) (version string) {
	t.Helper()
	client := goredis.NewClient(&goredis.Options{Addr: addr})
	defer client.Close()
	info, err := client.Info(t.Context(), "server").Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(info) {
		if v, ok := strings.CutPrefix(line, "redis_version:"); ok {
			version = strings.TrimSpace(v)
		}
	}
	return version
}

func postgresVersion(t *testing.T, addr string) (version string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), "postgres://postgres@"+addr+"/postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), "SHOW server_version").Scan(&version); err != nil {
		t.Fatal(err)
	}
	version, _, _ = strings.Cut(version, " ")
	return version
}
