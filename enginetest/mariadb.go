//go:build linux

package enginetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// MariaDB starts one MariaDB server. Everybody on loopback may connect as root, without a password; the database test is
// there and empty. Options are command-line options of mariadbd, such as "--max-connections=50"; they come last.
func MariaDB(options ...string) (*Server, error) {
	server, err := program("mariadbd", "mariadb-server")
	if err != nil {
		return nil, err
	}
	install, err := program("mariadb-install-db", "mariadb-server")
	if err != nil {
		return nil, err
	}
	s, err := newServer("mariadb", "mysql")
	if err != nil {
		return nil, err
	}
	// Each server removes what a dead one may have left in its folder for temporary files, so none may share it.
	folders := []string{"--datadir=" + filepath.Join(s.dir, "data"), "--tmpdir=" + s.dir}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// Without --skip-test-db there is a database named test.
	err = s.run(ctx, install, append([]string{"--no-defaults", "--auth-root-authentication-method=normal"}, folders...)...)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.ready = s.greets
	s.command = slices.Concat([]string{
		server, "--no-defaults", "--bind-address=" + s.host, fmt.Sprintf("--port=%d", s.port),
		"--socket=" + filepath.Join(s.dir, "mariadb.sock"), "--skip-name-resolve",
	}, folders, options)
	return s.start()
}

// greets is nil once the server begins its handshake, as it does only when it is ready.
func (s *Server) greets(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(2 * time.Second))
	_, err = conn.Read(make([]byte, 1))
	return err
}

// MariaDBWithClock is MariaDB with a clock that SetAhead moves.
func MariaDBWithClock(options ...string) (*Server, error) {
	libraries, err := filepath.Glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
	if err != nil {
		return nil, err
	}
	if len(libraries) == 0 {
		return nil, fmt.Errorf("%w: no libfaketime: install the Debian package faketime", ErrMissing)
	}
	s, err := MariaDB(options...)
	if err != nil {
		return nil, err
	}
	s.command = append([]string{
		"/usr/bin/env", "LD_PRELOAD=" + libraries[0],
		"FAKETIME_TIMESTAMP_FILE=" + s.clockFile(), "FAKETIME_NO_CACHE=1", // looked at whenever the server asks for the time
		"FAKETIME_DONT_FAKE_MONOTONIC=1", // by which it waits
	}, s.command...)
	if err := errors.Join(s.Stop(), s.SetAhead(0)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s.start()
}

// SetAhead makes the clock of a server that was started with one differ from this machine's by d, which may be negative.
func (s *Server) SetAhead(d time.Duration) error {
	file := s.clockFile()
	if err := os.WriteFile(file+".new", fmt.Appendf(nil, "%+.9f\n", d.Seconds()), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func (s *Server) clockFile() string { return filepath.Join(s.dir, "clock") }
