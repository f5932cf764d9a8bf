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
// store asks for Done, so a store that answers from memory costs no allocation. It has the values of its parent; unless
// attached it outlives the parent's end, because a commit must not stop half-way when the client leaves (SEC-89).
//
// The zero callContext is ready for begin. It serves one call, or one commit; a store may keep it.
type callContext struct {
	parent   context.Context
	deadline time.Time
	attached bool

	mu     sync.Mutex
	inner  context.Context // once asked for
	cancel context.CancelFunc
	ended  bool
}

func (c *callContext) begin(parent context.Context, limit time.Duration, attached bool) *callContext {
	c.parent, c.deadline, c.attached = parent, time.Now().Add(limit), attached
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

func (c *callContext) Deadline() (time.Time, bool) {
	if c.attached {
		if parents, ok := c.parent.Deadline(); ok && parents.Before(c.deadline) {
			return parents, true
		}
	}
	return c.deadline, true
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
		c.inner, c.cancel = context.WithDeadline(parent, c.deadline)
		if c.ended {
			c.cancel()
		}
	}
	return c.inner
}

func (c *callContext) Err() error {
	c.mu.Lock()
	inner, ended := c.inner, c.ended
	c.mu.Unlock()
	switch {
	case inner != nil:
		return inner.Err()
	case ended:
		return context.Canceled
	case !time.Now().Before(c.deadline):
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
