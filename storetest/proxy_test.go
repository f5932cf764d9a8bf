package storetest_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn/storetest"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// echo is a server that answers each line with itself, and counts them.
func echo(t *testing.T) (addr string, lines *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lines = new(atomic.Int64)
	var running sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				r := bufio.NewReader(conn)
				for {
					line, err := r.ReadString('\n')
					if err != nil {
						return
					}
					lines.Add(1)
					io.WriteString(conn, line)
				}
			})
		}
	})
	return listener.Addr().String(), lines
}

type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func dial(t *testing.T, p *storetest.Proxy) *client {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return &client{t, conn, bufio.NewReader(conn)}
}

func (c *client) send(line string) error {
	_, err := io.WriteString(c.conn, line+"\n")
	return err
}

func (c *client) ask(line string) (string, error) {
	if err := c.send(line); err != nil {
		return "", err
	}
	answer, err := c.r.ReadString('\n')
	return strings.TrimSuffix(answer, "\n"), err
}

// must asks and expects the echo.
func (c *client) must(line string) {
	c.t.Helper()
	if got, err := c.ask(line); got != line || err != nil {
		c.t.Fatalf("got %q, error %v, want %q", got, err, line)
	}
}

func TestProxy_passesAndCounts(t *testing.T) {
	addr, _ := echo(t)
	p := storetest.NewProxy(t, "tcp", addr)
	c := dial(t, p)
	for range 3 {
		c.must("hello")
	}
	if got := p.Trips(); got != 3 {
		t.Errorf("got %d trips, want 3", got)
	}
	c.send("one\ntwo") // a pipeline
	for range 2 {
		c.r.ReadString('\n')
	}
	if got := p.Trips(); got != 4 {
		t.Errorf("got %d trips after a pipeline, want 4", got)
	}
	if up, down := p.Bytes(); up != 3*6+8 || down != up {
		t.Errorf("got %d and %d bytes, want %d", up, down, 3*6+8)
	}
	dial(t, p).must("again")
	if got := p.Connections(); got != 2 {
		t.Errorf("got %d connections, want 2", got)
	}
}

func TestProxy_delaysInBothDirections(t *testing.T) {
	const d = 20 * time.Millisecond
	addr, _ := echo(t)
	p := storetest.NewProxy(t, "tcp", addr)
	c := dial(t, p)
	p.Delay(d)
	began := time.Now()
	c.must("hello")
	if passed := time.Since(began); passed < 2*d {
		t.Errorf("answered after %v, want at least %v", passed, 2*d)
	}
}

func TestProxy_stallsAndResumes(t *testing.T) {
	addr, lines := echo(t)
	p := storetest.NewProxy(t, "tcp", addr)
	c := dial(t, p)
	c.must("hello")
	p.Stall()
	c.send("held")
	c.conn.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	var timeout net.Error
	if _, err := c.r.ReadString('\n'); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("got error %v from a stalled connection, want a time-out", err)
	}
	if lines.Load() != 1 {
		t.Error("a stalled request reached the server")
	}
	c.conn.SetReadDeadline(time.Now().Add(patience))
	p.Resume()
	if got, err := c.r.ReadString('\n'); got != "held\n" {
		t.Errorf("got %q, error %v after Resume, want the answer", got, err)
	}
}

func TestProxy_cutsInGoodOrder(t *testing.T) {
	addr, _ := echo(t)
	p := storetest.NewProxy(t, "tcp", addr)
	c := dial(t, p)
	c.must("hello")
	p.Cut()
	if _, err := c.r.ReadString('\n'); err != io.EOF {
		t.Errorf("got error %v, want %v", err, io.EOF)
	}
	dial(t, p).must("new connections are served")
}

func TestProxy_resets(t *testing.T) {
	addr, _ := echo(t)
	p := storetest.NewProxy(t, "tcp", addr)
	c := dial(t, p)
	c.must("hello")
	p.Reset()
	if _, err := c.r.ReadString('\n'); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("got error %v, want %v", err, syscall.ECONNRESET)
	}
	dial(t, p).must("new connections are served")
}

func TestProxy_halfCloses(t *testing.T) {
	addr, lines := echo(t)
	p := storetest.NewProxy(t, "tcp", addr)
	c := dial(t, p)
	c.must("hello")
	p.HalfClose()
	if _, err := c.r.ReadString('\n'); err != io.EOF {
		t.Errorf("got error %v, want %v", err, io.EOF)
	}
	if err := c.send("still there"); err != nil {
		t.Errorf("send after HalfClose: %v", err)
	}
	for began := time.Now(); lines.Load() < 2; time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatal("what was sent after HalfClose did not reach the server")
		}
	}
}

func TestProxy_losesAnswers(t *testing.T) {
	addr, lines := echo(t)
	p := storetest.NewProxy(t, "tcp", addr)
	c := dial(t, p)
	c.must("hello")
	p.LoseAnswers(1)
	if got, err := c.ask("lost"); err == nil {
		t.Errorf("got answer %q, want an error", got)
	}
	if lines.Load() != 2 {
		t.Errorf("got %d lines at the server, want 2: the request arrived", lines.Load())
	}
	dial(t, p).must("only one was lost")
}

func TestProxy_refuses(t *testing.T) {
	addr, _ := echo(t)
	p := storetest.NewProxy(t, "tcp", addr)
	c := dial(t, p)
	c.must("hello")
	p.Refuse()
	if _, err := dial(t, p).ask("hello"); err == nil {
		t.Error("a new connection was served")
	}
	c.must("the old one is")
	p.Resume()
	dial(t, p).must("and a new one")
}
