package sojourn

import (
	"context"
	"sync"
)

// looks lets the contexts of one session that look at once whether it still lives share a Load: a client with a thousand streams
// open costs each of its changes two, and not a thousand.
type looks struct {
	mu sync.Mutex
	m  map[Key]*look // under way
}

// look is one Load for all who asked before it began.
type look struct {
	done  chan struct{}
	next  *look // for those who ask while it is under way, nil if nobody does
	state State
	err   error
}

// ask returns what a load of key says that begins after the call, or the cause of ctx if that ends first.
func (l *looks) ask(ctx context.Context, key Key, load func() (State, error)) (State, error) {
	mine := l.join(key, load)
	select {
	case <-mine.done:
		return mine.state, mine.err
	case <-ctx.Done():
		return State{}, context.Cause(ctx)
	}
}

func (l *looks) join(key Key, load func() (State, error)) *look {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.m[key]
	switch {
	case now == nil:
		now = &look{done: make(chan struct{})}
		if l.m == nil {
			l.m = make(map[Key]*look)
		}
		l.m[key] = now
		go l.run(key, now, load)
		return now
	case now.next == nil:
		now.next = &look{done: make(chan struct{})}
	}
	return now.next
}

// run loads for one crowd after the other until nobody is left who asked.
func (l *looks) run(key Key, now *look, load func() (State, error)) {
	for now != nil {
		now.state, now.err = load()
		l.mu.Lock()
		close(now.done)
		if now = now.next; now == nil {
			delete(l.m, key)
		} else {
			l.m[key] = now
		}
		l.mu.Unlock()
	}
}
