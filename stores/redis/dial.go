package redisstore

import (
	"context"
	"crypto/tls"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

// gathered has a client's connections made as they would be, and their writes gathered.
func gathered(option *rueidis.ClientOption) {
	dial := option.DialCtxFn
	if dial == nil {
		dial = dialTCP
	}
	option.DialCtxFn = func(ctx context.Context, addr string, dialer *net.Dialer, secure *tls.Config) (net.Conn, error) {
		conn, err := dial(ctx, addr, dialer, secure)
		if err != nil {
			return nil, err
		}
		return &gathering{Conn: conn}, nil
	}
}

// dialTCP is what rueidis does by itself.
func dialTCP(ctx context.Context, addr string, dialer *net.Dialer, secure *tls.Config) (net.Conn, error) {
	if secure != nil {
		return (&tls.Dialer{NetDialer: dialer, Config: secure}).DialContext(ctx, "tcp", addr)
	}
	return dialer.DialContext(ctx, "tcp", addr)
}

// gathering is a connection that lets other goroutines run before it writes. rueidis writes as soon as its queue is empty:
// with many requests at once that is after nearly each command, and a write costs several times what the command does, here
// and in the server. Those that are ready to ask do so meanwhile, and the next write takes them together. There is no
// timer, as rueidis' MaxFlushDelay has, which is never shorter than the system's.
//
// It does so only while an answer is awaited, so that a request alone is never held up, and not where others keep the
// processors for themselves: those would hold all sessions up.
type gathering struct {
	net.Conn
	awaits atomic.Bool // something was written since the last read
	rest   time.Time   // until when nobody is let run; of the one who writes
}

const (
	longYield = 5 * time.Millisecond // in which some hundred requests have their turn
	restRatio = 200                  // by which a rest is longer than what it is from
)

func (c *gathering) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.awaits.Store(false)
	return n, err
}

func (c *gathering) Write(b []byte) (int, error) {
	if c.awaits.Swap(true) {
		if began := time.Now(); began.After(c.rest) {
			runtime.Gosched()
			if took := time.Since(began); took > longYield {
				c.rest = began.Add(restRatio * took)
			}
		}
	}
	return c.Conn.Write(b)
}
