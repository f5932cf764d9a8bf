//go:build linux

package enginetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Postgres starts one PostgreSQL server of the newest version that Debian packages installed. Everybody on loopback may
// connect as the superuser postgres, without a password, to the database postgres. Settings are lines of
// postgresql.conf, such as "max_connections = 50"; they come last.
func Postgres(settings ...string) (*Server, error) {
	initdb, err := program("initdb", "postgresql", "/usr/lib/postgresql/*/bin")
	if err != nil {
		return nil, err
	}
	return postgres(filepath.Dir(initdb), settings)
}

// postgres starts the server whose programs are in the folder bin.
func postgres(bin string, settings []string) (*Server, error) {
	s, err := newServer("postgres", "postgres")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(s.dir, "data")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = s.run(ctx, filepath.Join(bin, "initdb"), "--pgdata", data, "--auth", "trust", "--username", "postgres",
		"--encoding", "UTF8", "--locale", "C", "--no-sync")
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	lines := append([]string{
		"",
		fmt.Sprintf("listen_addresses = '%s'", s.host),
		fmt.Sprintf("port = %d", s.port),
		"unix_socket_directories = ''",
		"max_connections = 200",
	}, settings...)
	if err := appendFile(filepath.Join(data, "postgresql.conf"), strings.Join(lines, "\n")+"\n"); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.quit = syscall.SIGINT // the fast shutdown: clients are disconnected
	s.ready = func(ctx context.Context) error {
		return s.run(ctx, filepath.Join(bin, "pg_isready"), "--host", s.host, "--port", fmt.Sprint(s.port), "--username", "postgres", "--dbname", "postgres")
	}
	s.command = []string{filepath.Join(bin, "postgres"), "-D", data}
	return s.start()
}

// PgBouncer starts a connection pooler in front of a PostgreSQL server, in transaction mode. Settings are lines of its
// configuration file's section pgbouncer.
func PgBouncer(server *Server, settings ...string) (*Server, error) {
	path, err := program("pgbouncer", "pgbouncer")
	if err != nil {
		return nil, err
	}
	s, err := newServer("pgbouncer", "postgres")
	if err != nil {
		return nil, err
	}
	lines := append([]string{
		"[databases]",
		fmt.Sprintf("* = host=%s port=%d", server.host, server.port),
		"[pgbouncer]",
		"listen_addr = " + s.host,
		fmt.Sprintf("listen_port = %d", s.port),
		"unix_socket_dir =",
		"auth_type = any",
		"pool_mode = transaction",
		"max_client_conn = 500",
		"default_pool_size = 20",
	}, settings...)
	// auth_type any drops the user's name, so the database line names it.
	lines[1] += " user=postgres"
	file := filepath.Join(s.dir, "pgbouncer.ini")
	if err := appendFile(file, strings.Join(lines, "\n")+"\n"); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.owner != nil {
		if err := os.Chown(file, int(s.owner.Uid), int(s.owner.Gid)); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	s.command = []string{path, file}
	return s.start()
}

func appendFile(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
