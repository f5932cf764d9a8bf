//go:build linux

package enginetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
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
	data := filepath.Join(s.dir, "data")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	// Without --skip-test-db there is a database named test.
	err = s.run(ctx, install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal")
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.ready = s.greets
	s.command = append([]string{
		server, "--no-defaults", "--datadir=" + data, "--bind-address=" + s.host, fmt.Sprintf("--port=%d", s.port),
		"--socket=" + filepath.Join(s.dir, "mariadb.sock"), "--skip-name-resolve",
	}, options...)
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
