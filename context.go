package sojourn

import (
	"context"
	"sync"
	"time"
)

// visitKey is the context key of a manager's visit; with a nil manager, of the innermost one.
type visitKey struct{ m *Manager }

// visitContext carries a visit. It is a context of its own, instead of context.WithValue, to save an allocation.
type visitContext struct {
	context.Context
	v *Visit
}

func (c *visitContext) Value(key any) any {
	if k, ok := key.(visitKey); ok && (k.m == nil || k.m == c.v.m) {
		return c.v
	}
	return c.Context.Value(key)
}

// withoutVisit hides the visit from an observer that is called in the middle of a commit and would wait for it.
type withoutVisit struct{ context.Context }

func (c withoutVisit) Value(key any) any {
	if _, ok := key.(visitKey); ok {
		return nil
	}
	return c.Context.Value(key)
}

// callContext bounds a store call in time. It is context.WithTimeout made lazily: timer and channel exist only once a
// store asks for Done. The limit counts from when a store first asks for more than one Err: one that answers from memory
// asks for it once, and that costs neither an allocation nor a look at the clock. The context has the values of its parent;
// unless attached it outlives the parent's end, because a commit must not stop half-way when the client leaves (SEC-89).
//
// The zero callContext is ready for begin. It serves one call, or one commit; a store may keep it.
type callContext struct {
	parent   context.Context
	limit    time.Duration
	attached bool

	mu       sync.Mutex
	looked   bool // Err was asked for
	deadline time.Time
	inner    context.Context // once asked for
	cancel   context.CancelFunc
	ended    bool
}

func (c *callContext) begin(parent context.Context, limit time.Duration, attached bool) *callContext {
	c.parent, c.limit, c.attached = parent, limit, attached
	return c
}

// end releases the timer. The context counts as cancelled from then on.
func (c *callContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.cancel != nil {
		c.cancel()
	}
}

// until returns the deadline, under the lock.
func (c *callContext) until() time.Time {
	if c.deadline.IsZero() {
		c.deadline = time.Now().Add(c.limit)
	}
	return c.deadline
}

func (c *callContext) Deadline() (time.Time, bool) {
	c.mu.Lock()
	deadline := c.until()
	c.mu.Unlock()
	if c.attached {
		if parents, ok := c.parent.Deadline(); ok && parents.Before(deadline) {
			return parents, true
		}
	}
	return deadline, true
}

func (c *callContext) Done() <-chan struct{} { return c.materialise().Done() }

func (c *callContext) materialise() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		parent := c.parent
		if !c.attached {
			parent = context.WithoutCancel(parent)
		}
		c.inner, c.cancel = context.WithDeadline(parent, c.until())
		if c.ended {
			c.cancel()
		}
	}
	return c.inner
}

func (c *callContext) Err() error {
	c.mu.Lock()
	inner, ended, late := c.inner, c.ended, c.looked && !time.Now().Before(c.until())
	c.looked = true
	c.mu.Unlock()
	switch {
	case inner != nil:
		return inner.Err()
	case ended:
		return context.Canceled
	case late:
		return context.DeadlineExceeded
	case c.attached:
		return c.parent.Err()
	}
	return nil
}

// Value asks the inner context once there is one, so that contexts derived from this one join it instead of starting a
// goroutine each. Before that the parent's cancellation must not be found through it.
//
// The session is not found through it: an observer, a log handler behind it or a store that asked for it would wait for
// the very load or commit that is calling.
func (c *callContext) Value(key any) any {
	if _, ok := key.(visitKey); ok {
		return nil
	}
	c.mu.Lock()
	inner := c.inner
	c.mu.Unlock()
	if inner != nil {
		return inner.Value(key)
	}
	return c.parent.Value(key)
}
