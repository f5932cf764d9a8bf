package demo

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Throttle lets each name do something burst times at once and then again every so often. It slows guesses down and locks
// nobody out for good: a lock would let anyone shut out the owner of an account.
//
// It lives in this process's memory. Several processes would share it through the database.
type Throttle struct {
	burst int
	every time.Duration
	now   func() time.Time

	mu   sync.Mutex
	full map[string]time.Time // when the name has its whole burst again (GCRA); absent: it has
}

// maxThrottled bounds the memory: names come from whoever calls.
const maxThrottled = 10_000

// NewThrottle returns a Throttle that allows burst at once and one more after each interval.
func NewThrottle(burst int, every time.Duration, now func() time.Time) *Throttle {
	return &Throttle{burst: burst, every: every, now: now, full: make(map[string]time.Time)}
}

// Take counts one attempt of name. It returns 0, or how long to wait before the next one; an attempt that must wait does
// not count.
func (t *Throttle) Take(name string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	full, ok := t.full[name]
	if !ok || full.Before(now) {
		full = now
	}
	if wait := full.Sub(now) - time.Duration(t.burst-1)*t.every; wait > 0 {
		return wait
	}
	if !ok {
		t.makeRoom(now)
	}
	t.full[name] = full.Add(t.every)
	return 0
}

// Return gives one attempt back: it was a good one. Those of somebody else who guesses still count.
func (t *Throttle) Return(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if full, ok := t.full[name]; ok {
		t.full[name] = full.Add(-t.every)
	}
}

// makeRoom forgets the names that have their whole burst again, and others if need be until a tenth of the room is free:
// whoever sends ever new names does not make each of them cost a walk through all.
func (t *Throttle) makeRoom(now time.Time) {
	if len(t.full) < maxThrottled {
		return
	}
	for name, full := range t.full {
		if !full.After(now) {
			delete(t.full, name)
		}
	}
	for name := range t.full {
		if len(t.full) < maxThrottled*9/10 {
			return
		}
		delete(t.full, name)
	}
}

// address is the client's network address as Throttle should count it: an IPv6 client has a whole /64 to itself.
// X-Forwarded-For is not looked at: without a proxy in front it is whatever the client says.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		prefix, _ := ip.Prefix(64)
		return prefix.String()
	}
	return ip.String()
}
