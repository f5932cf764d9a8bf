package storetest

import (
	"sync"
	"testing"
	"time"
)

// Clock stands in for the clock of an engine in memory: give its Now to the store, and its Now and Advance to [Options]. It
// stands still in between, so nothing expires because a test is slow. The zero Clock shows the time of its first use. It is
// safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time it shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read()
}

// Advance moves it forward by d. Its shape is that of Options.Advance; tb is not used.
func (c *Clock) Advance(tb testing.TB, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.read().Add(d)
}

func (c *Clock) read() time.Time {
	if c.now.IsZero() {
		c.now = time.Now()
	}
	return c.now
}
