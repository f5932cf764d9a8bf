package storetest

import (
	"sync"
	"time"
)

// Clock stands in for the clock of an engine in this process: give its Now to the store and the Clock to [Options]. It stands
// still until the cases move it, so nothing expires because a test is slow, and a case can hold a call up where the store
// reads the time. The zero Clock shows the time of its first use. It is safe for concurrent use.
type Clock struct {
	mu   sync.Mutex
	now  time.Time
	gate *gate // passed by every reader
}

// Now returns the time it shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	now, g := c.read(), c.gate
	c.mu.Unlock()
	g.pass()
	return now
}

// Advance moves it forward by d.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.read().Add(d)
}

// hold makes readers pass g, or none if g is nil.
func (c *Clock) hold(g *gate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gate = g
}

func (c *Clock) read() time.Time {
	if c.now.IsZero() {
		c.now = time.Now()
	}
	return c.now
}
