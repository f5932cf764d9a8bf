//go:build linux

package enginetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// patience is how long a server may take to start, or to stop in good order, on a machine that has other things to do.
const patience = 60 * time.Second

// Server is one running server. Its methods may be called from any goroutine.
type Server struct {
	name  string
	host  string // 127.0.0.1
	port  int
	dir   string
	owner *syscall.Credential // nil: the user of this process

	command []string
	quit    syscall.Signal              // asks for an orderly end
	ready   func(context.Context) error // nil once it answers

	mu     sync.Mutex
	cmd    *exec.Cmd
	done   chan struct{} // closed when the process is gone
	killed bool
}

// newServer makes the folder of a server that will run as owner, a user's name that counts only if this process is root's.
func newServer(name, owner string) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sojourn-"+name+"-")
	if err != nil {
		return nil, err
	}
	s := &Server{name: name, host: "127.0.0.1", port: port, dir: dir, quit: syscall.SIGTERM}
	s.ready = s.accepts
	if os.Getuid() == 0 && owner != "" {
		if s.owner, err = credential(owner); err == nil {
			err = os.Chown(dir, int(s.owner.Uid), int(s.owner.Gid))
		}
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

func credential(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// freePort is a port that nobody listens on now. It lies below those that systems give away by themselves: or a client's
// connection, or another test's listener, might have it while the server is stopped, and begin where it was.
func freePort() (int, error) {
	const lowest, end, tries = 10_000, 32_768, 100
	var err error
	for range tries {
		port := lowest + rand.IntN(end-lowest)
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, err
}

// Addr is the server's host:port.
func (s *Server) Addr() string { return net.JoinHostPort(s.host, strconv.Itoa(s.port)) }

// Port is the server's TCP port.
func (s *Server) Port() int { return s.port }

// Dir is the folder with the server's files.
func (s *Server) Dir() string { return s.dir }

// Start runs the server on the port and the files that it had before, and returns when it answers. It is an error if it
// runs already.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		return fmt.Errorf("enginetest: %s runs already", s.name)
	}
	for attempt := time.Now(); ; {
		err := s.launch()
		// What a killed server leaves (its children, a lock) takes a moment to go.
		if err == nil || !s.killed || time.Since(attempt) > patience/4 {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// launch runs under s.mu.
func (s *Server) launch() error {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(s.command[0], s.command[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		cmd.Wait() // how it ended stands in its log
		close(done)
	}()
	s.cmd, s.done = cmd, done

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := s.ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-done:
			s.cmd = nil
			return fmt.Errorf("enginetest: %s ended at its start:\n%s", s.name, s.Log())
		case <-ctx.Done():
			s.end(syscall.SIGKILL)
			return fmt.Errorf("enginetest: %s does not answer: %w\n%s", s.name, err, s.Log())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop ends the server in good order and returns when it is gone. A server that does not run is no error.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.end(s.quit)
}

// Kill ends the server as kill -9 does and returns when it is gone.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.killed = true
	return s.end(syscall.SIGKILL)
}

// Pause stops the server where it is, so that it hangs: connections stay and nothing is answered, until Resume.
func (s *Server) Pause() error { return s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() error { return s.signal(syscall.SIGCONT) }

// Close ends the server at once and removes its folder.
func (s *Server) Close() error { return errors.Join(s.Kill(), os.RemoveAll(s.dir)) }

// Log is what the server has printed.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.logFile())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (s *Server) logFile() string { return filepath.Join(s.dir, "log") }

func (s *Server) signal(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return fmt.Errorf("enginetest: %s does not run", s.name)
	}
	return s.cmd.Process.Signal(sig)
}

// end runs under s.mu.
func (s *Server) end(sig syscall.Signal) error {
	if s.cmd == nil {
		return nil
	}
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.done:
		s.cmd = nil
		return s.silence()
	case <-time.After(patience):
		return fmt.Errorf("enginetest: %s does not end on %v", s.name, sig)
	}
}

// silence waits until nobody listens at the server's address: a process that PostgreSQL had just begun when it was killed
// holds the port for a moment.
func (s *Server) silence() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for s.accepts(ctx) == nil {
		time.Sleep(5 * time.Millisecond)
	}
	if ctx.Err() != nil {
		return fmt.Errorf("enginetest: %s has ended and is listened to still", s.name)
	}
	return nil
}

// accepts is nil once the server takes TCP connections.
func (s *Server) accepts(ctx context.Context) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.Addr())
	if err != nil {
		return err
	}
	return conn.Close()
}

// run runs a program to its end in the server's folder, as the user that the server runs as.
func (s *Server) run(ctx context.Context, path string, args ...string) error {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner, Pdeathsig: syscall.SIGKILL}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("enginetest: %s: %w\n%s", filepath.Base(path), err, out)
	}
	return nil
}

// start starts a new server and removes its folder if that fails.
func (s *Server) start() (*Server, error) {
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}
