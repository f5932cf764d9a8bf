package redisstore

import (
	"sync"
	"sync/atomic"
)

// entered keeps what logins were told of their subjects' indexes, for the limits that come right after them: those need not
// ask what is in there. What is kept may be old, for the script that keeps the limit compares it with what there is. As long
// as nobody has a limit nothing is asked for.
type entered struct {
	limits atomic.Bool

	mu   sync.Mutex
	seen map[[digestLen]byte]index
}

// mostEntered is how many subjects' indexes are kept, of 2 KB at most. Each waits for its limit for no longer than a login takes.
const mostEntered = 256

// ask is the argument of scripts that enter a session.
func (e *entered) ask() string {
	if e.limits.Load() {
		return "1"
	}
	return ""
}

// put keeps what such a script has answered, if it is more than a word.
func (e *entered) put(digest [digestLen]byte, r reply) {
	if len(r) < 2 || r[0] != "OK" {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.seen) >= mostEntered {
		clear(e.seen) // of logins whose limit never came
	}
	if e.seen == nil {
		e.seen = make(map[[digestLen]byte]index)
	}
	e.seen[digest] = readIndex(r[1:])
}

// take returns what was kept, or an index that nothing is known of.
func (e *entered) take(digest [digestLen]byte) index {
	e.limits.Store(true)
	e.mu.Lock()
	defer e.mu.Unlock()
	seen := e.seen[digest]
	delete(e.seen, digest)
	return seen
}
