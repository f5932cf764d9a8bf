package sojourn

import (
	"context"
	"sync"
	"sync/atomic"
)

// idLocks lets the writers of one session that got in each other's way go one after the other, within this process.
// Nobody needs a lock for the rules to hold, the store's compare-and-swap does that; but 200 parallel increments that
// retry against each other cost 20,000 store calls, and in a queue 400 (research: jittered back-off 3,000).
type idLocks struct {
	held atomic.Int64 // so that the undisturbed majority does not even look
	mu   sync.Mutex
	m    map[ID]*idLock
}

type idLock struct {
	turn    chan struct{} // holds one value while somebody has the lock
	waiting int
}

// lock waits for id's lock until ctx ends.
func (l *idLocks) lock(ctx context.Context, id ID) error {
	l.mu.Lock()
	entry := l.m[id]
	if entry == nil {
		if l.m == nil {
			l.m = make(map[ID]*idLock)
		}
		entry = &idLock{turn: make(chan struct{}, 1)}
		l.m[id] = entry
	}
	entry.waiting++
	l.held.Add(1)
	l.mu.Unlock()
	select {
	case entry.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		l.leave(id, entry)
		return ctx.Err()
	}
}

func (l *idLocks) unlock(id ID) {
	l.mu.Lock()
	entry := l.m[id]
	l.mu.Unlock()
	<-entry.turn
	l.leave(id, entry)
}

func (l *idLocks) leave(id ID, entry *idLock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held.Add(-1)
	if entry.waiting--; entry.waiting == 0 {
		delete(l.m, id)
	}
}

// busy reports whether somebody has or wants id's lock.
func (l *idLocks) busy(id ID) bool {
	if l.held.Load() == 0 {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.m[id] != nil
}
