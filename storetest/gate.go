package storetest

import (
	"context"
	"sync/atomic"
	"time"
)

// gate holds a call up in the middle. A store cannot be stopped from outside, but it asks its caller for things on the way:
// whether the context has ended, how long it has, and what time it is. Each question is a place to wait.
type gate struct {
	at      int64 // the question that waits, the first being 1
	asked   atomic.Int64
	waiting chan struct{} // closed when it waits
	open    chan struct{} // closed to let it go on
}

func newGate(at int) *gate {
	return &gate{at: int64(at), waiting: make(chan struct{}), open: make(chan struct{})}
}

// pass counts a question and waits if it is the one. A nil gate is open.
func (g *gate) pass() {
	if g != nil && g.asked.Add(1) == g.at {
		close(g.waiting)
		<-g.open
	}
}

// gated is a context whose questions pass a gate.
type gated struct {
	context.Context
	gate *gate
}

func (c gated) Err() error {
	c.gate.pass()
	return c.Context.Err()
}

func (c gated) Done() <-chan struct{} {
	c.gate.pass()
	return c.Context.Done()
}

func (c gated) Deadline() (time.Time, bool) {
	c.gate.pass()
	return c.Context.Deadline()
}
