//go:build linux

package enginetest_test

import (
	"errors"
	"net"
	"os"
	"os/user"
	"strconv"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn/enginetest"
)

func TestServer_stopsStartsAndLeavesNothing(t *testing.T) {
	for _, tt := range []struct {
		name  string
		start func() (*enginetest.Server, error)
	}{
		{"redis", func() (*enginetest.Server, error) { return enginetest.Redis() }},
		{"postgres", func() (*enginetest.Server, error) { return enginetest.Postgres() }},
		{"mariadb", func() (*enginetest.Server, error) { return enginetest.MariaDB() }},
		{"mariadb with a clock", func() (*enginetest.Server, error) { return enginetest.MariaDBWithClock() }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := tt.start()
			enginetest.Require(t, err)
			t.Cleanup(func() { s.Close() })
			wantListening(t, s, true)
			for _, end := range []func() error{s.Stop, s.Kill} {
				if err := end(); err != nil {
					t.Fatal(err)
				}
				wantListening(t, s, false)
				if err := s.Start(); err != nil {
					t.Fatal(err)
				}
				wantListening(t, s, true)
			}
			if err := s.Start(); err == nil {
				t.Error("a second start of a running server is no error")
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			wantListening(t, s, false)
			if _, err := os.Stat(s.Dir()); !os.IsNotExist(err) {
				t.Errorf("the folder is still there: %v", err)
			}
		})
	}
}

// Servers that start side by side have to leave each other's temporary files alone.
func TestMariaDB_removesNoOthersTemporaryFiles(t *testing.T) {
	t.Parallel()
	// The name of a temporary table that another server is using, in the folder that all share if nobody chooses one.
	others, err := os.CreateTemp("", "#sql-temptable-*.MAI")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(others.Name()) })
	if mysql, err := user.Lookup("mysql"); err == nil && os.Getuid() == 0 { // who may remove it then
		uid, err := strconv.Atoi(mysql.Uid)
		if err := errors.Join(err, others.Chown(uid, -1)); err != nil {
			t.Fatal(err)
		}
	}
	others.Close()
	s, err := enginetest.MariaDB()
	enginetest.Require(t, err)
	t.Cleanup(func() { s.Close() })
	if _, err := os.Stat(others.Name()); err != nil {
		t.Errorf("a server that started removed it: %v", err)
	}
}

func TestPgBouncer_starts(t *testing.T) {
	t.Parallel()
	pg, err := enginetest.Postgres()
	enginetest.Require(t, err)
	t.Cleanup(func() { pg.Close() })
	pool, err := enginetest.PgBouncer(pg)
	enginetest.Require(t, err)
	wantListening(t, pool, true)
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
}

func TestRedisGroups_start(t *testing.T) {
	t.Parallel()
	group, err := enginetest.Sentinel()
	enginetest.Require(t, err)
	if err := group.Close(); err != nil {
		t.Error(err)
	}
	cluster, err := enginetest.Cluster()
	enginetest.Require(t, err)
	if err := cluster.Close(); err != nil {
		t.Error(err)
	}
}

func TestServer_wrongOptionIsAnErrorWithItsLog(t *testing.T) {
	t.Parallel()
	s, err := enginetest.Redis("no-such-directive yes")
	if err == nil {
		s.Close()
		t.Fatal("got no error")
	}
	enginetest.Require(skipOnly{t}, err)
}

// skipOnly lets Require skip, and takes its failure for what the test is after.
type skipOnly struct{ *testing.T }

func (skipOnly) Fatal(...any) {}

func wantListening(t *testing.T, s *enginetest.Server, want bool) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", s.Addr(), time.Second)
	if err == nil {
		conn.Close()
	}
	if got := err == nil; got != want {
		t.Errorf("got listening %t (%v), want %t", got, err, want)
	}
}
