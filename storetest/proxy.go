package storetest

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy stands between a store's client library and a real server, and breaks the connection when told to: what [Faulty]
// does above the client library, below it. It speaks no protocol. Faults hold for the connections there are and for those
// to come, until they are taken back. It is safe for concurrent use.
type Proxy struct {
	network, server string
	listener        net.Listener

	mu       sync.Mutex
	closed   bool
	refuse   bool
	delay    time.Duration
	stalled  chan struct{} // closed when a stall ends; nil without one
	lose     int           // answers to lose
	pairs    map[*pair]bool
	accepted int
	trips    int
	up, down int64
	running  sync.WaitGroup
}

// pair is one client's connection and its counterpart.
type pair struct {
	client, server net.Conn
	asked          bool // the client was the last to send
	lost           bool // the answer is being lost
}

// NewProxy listens on a free port of the loopback interface and forwards to server, an address for [net.Dial] on network:
// "tcp" or "unix". It ends with tb.
func NewProxy(tb testing.TB, network, server string) *Proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("storetest: proxy: %v", err)
	}
	p := &Proxy{network: network, server: server, listener: listener, pairs: make(map[*pair]bool)}
	p.running.Go(p.serve)
	tb.Cleanup(p.close)
	return p
}

// Addr returns the address for the client: host and port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Delay makes each piece of data wait for d before it is passed on, in both directions. 0 takes it back.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Stall holds all data back, in both directions, with the connections open: a network that drops packets, a server that
// hangs. Resume lets it go on.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled == nil {
		p.stalled = make(chan struct{})
	}
}

// Resume takes Stall and Refuse back.
func (p *Proxy) Resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resume()
	p.refuse = false
}

// Refuse makes new connections end as soon as they are there. Resume takes it back.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = true
}

// Cut ends all connections in good order (FIN to both sides), as a server does that shuts down. New ones are served.
func (p *Proxy) Cut() {
	p.each(func(c *pair) {
		c.client.Close()
		c.server.Close()
	})
}

// Reset breaks all connections (RST to the client), as a crash or a firewall does. New ones are served.
func (p *Proxy) Reset() { p.each(func(c *pair) { c.reset() }) }

// HalfClose ends the direction from the server to the client (FIN), and leaves the other one open: the client's requests
// still arrive.
func (p *Proxy) HalfClose() { p.each(func(c *pair) { closeWrite(c.client) }) }

// LoseAnswers loses the next n answers: the request reaches the server, and the connection is reset when the answer comes.
// It is the write that happened although its acknowledgement was lost.
func (p *Proxy) LoseAnswers(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose = n
}

// Connections returns how many connections were made, refused ones included.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Trips returns the number of round trips: how often a client sent after it was answered, or first. Requests sent together
// are one.
func (p *Proxy) Trips() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.trips
}

// Bytes returns how much came from clients and from the server.
func (p *Proxy) Bytes() (fromClients, fromServer int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.up, p.down
}

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.accepted++
		refuse := p.refuse || p.closed
		p.mu.Unlock()
		if refuse {
			client.Close()
			continue
		}
		p.running.Go(func() { p.connect(client) })
	}
}

func (p *Proxy) connect(client net.Conn) {
	server, err := net.Dial(p.network, p.server)
	if err != nil {
		client.Close()
		return
	}
	c := &pair{client: client, server: server}
	p.mu.Lock()
	p.pairs[c] = true
	closed := p.closed
	p.mu.Unlock()
	if closed {
		c.reset()
	}

	var both sync.WaitGroup
	both.Go(func() {
		p.forward(c, server, client, p.fromClient)
		closeWrite(server)
	})
	both.Go(func() {
		p.forward(c, client, server, p.fromServer)
		closeWrite(client)
	})
	both.Wait()
	client.Close()
	server.Close()
	p.mu.Lock()
	delete(p.pairs, c)
	p.mu.Unlock()
}

// forward passes data on until either side ends. note is told of each piece and may refuse it.
func (p *Proxy) forward(c *pair, dst, src net.Conn, note func(c *pair, n int) bool) {
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if !note(c, n) {
				c.reset()
				return
			}
			p.wait()
			if _, err := dst.Write(buf[:n]); err != nil {
				// The other direction may still have something to say.
				io.Copy(io.Discard, src)
				return
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				c.reset()
			}
			return
		}
	}
}

func (p *Proxy) fromClient(c *pair, n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.up += int64(n)
	if !c.asked {
		p.trips++
	}
	c.asked = true
	return true
}

func (p *Proxy) fromServer(c *pair, n int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down += int64(n)
	if p.lose > 0 && c.asked {
		p.lose--
		c.lost = true
	}
	c.asked = false
	return !c.lost
}

// wait holds a piece of data back for the delay and until a stall ends.
func (p *Proxy) wait() {
	p.mu.Lock()
	delay, stalled := p.delay, p.stalled
	p.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay)
	}
	if stalled != nil {
		<-stalled
	}
}

func (p *Proxy) each(do func(c *pair)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.pairs {
		do(c)
	}
}

// resume runs under the mutex.
func (p *Proxy) resume() {
	if p.stalled != nil {
		close(p.stalled)
		p.stalled = nil
	}
}

func (p *Proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.delay = 0
	p.resume()
	p.mu.Unlock()
	p.Reset()
	p.running.Wait()
}

// reset closes both sides, the client's without the usual goodbye.
func (c *pair) reset() {
	if tcp, ok := c.client.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	c.client.Close()
	c.server.Close()
}

func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}
