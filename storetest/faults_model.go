package storetest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// faultUser is a subject of a realm, and what is known of the ends of its sessions.
type faultUser struct {
	realm *faultCrowdRealm
	name  string

	mu sync.Mutex
	// Revocations and logins over a limit, acknowledged or not, that have begun and that are over: each may end sessions.
	began, over int
	done        []faultEnd
}

// faultEnd is an acknowledged end of all sessions that began before a moment, but one.
type faultEnd struct {
	moment int64
	keep   *faultSession
}

// faultEnds is how many ends a user remembers.
const faultEnds = 64

// begin notes that sessions may end from here on, until finish is called.
func (u *faultUser) begin() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.began++
}

func (u *faultUser) finish() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.over++
}

// end notes an end that was acknowledged.
func (u *faultUser) end(moment int64, keep *faultSession) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.done = append(u.done, faultEnd{moment, keep}); len(u.done) > faultEnds {
		u.done = slices.Delete(u.done, 0, 1)
	}
}

func (u *faultUser) finished() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.over
}

// endsAfter reports whether an end was under way when n were finished, or began later.
func (u *faultUser) endsAfter(n int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.began > n
}

// ended reports whether s has certainly ended.
func (u *faultUser) ended(s *faultSession) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.ContainsFunc(u.done, func(e faultEnd) bool { return e.moment > s.moment && e.keep != s })
}

// faultSession is what may be true of a client's session. Only one client uses it, so only others' revocations come from
// outside.
type faultSession struct {
	user    *faultUser
	subject string // "" for a visitor
	canary  string // a value that no other session has
	moment  int64  // after its begin, or its last login, was acknowledged
	ends    int    // of the user's that were finished before that began, and those since that spared it
	// uncertain: an answer was lost while the secret was being changed, so the client's token may be the one before.
	uncertain bool
	jump      int64 // of the clock after which it was renewed last: after a later one a renewal is due

	low, high int // bounds of the counter
	names     [faultTabs]faultName
}

// faultTabs is how many requests a client has at once.
const faultTabs = 4

// faultName is a value that one tab writes.
type faultName struct {
	next int
	may  []int // what it may be: what was acknowledged last, then what was tried since
}

func (n *faultName) wrote(value int, acknowledged bool) {
	if acknowledged {
		n.may = n.may[:0]
	}
	n.may = append(n.may, value)
}

// mayBeGone reports whether the session may have ended without the client's doing.
func (s *faultSession) mayBeGone() bool {
	return s.uncertain || s.subject != "" && s.user.endsAfter(s.ends)
}

// String tells what matters to whoever reads of a violation.
func (s *faultSession) String() string {
	if s == nil {
		return "none"
	}
	text := fmt.Sprintf("of %q, counter %d to %d", s.subject, s.low, s.high)
	if s.uncertain {
		text += ", token uncertain"
	}
	return text
}

// faultDiary is what a client did lately.
type faultDiary struct {
	mu    sync.Mutex
	lines []string
}

const faultLines = 24

func (d *faultDiary) note(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lines = append(d.lines, fmt.Sprintf(format, args...)); len(d.lines) > faultLines {
		d.lines = slices.Delete(d.lines, 0, 1)
	}
}

func (d *faultDiary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, "\n\t")
}

// faultTally counts, and holds what was violated.
type faultTally struct {
	tb   testing.TB
	seed uint64

	mu                               sync.Mutex
	requests, injected, acknowledged int
	ended, violations                int
}

// violation tells of one, and stops telling after a few.
func (y *faultTally) violation(format string, args ...any) {
	y.tb.Helper()
	y.mu.Lock()
	y.violations++
	n := y.violations
	y.mu.Unlock()
	if n <= 10 {
		y.tb.Errorf("SOJOURN_TEST_SEED=%d: "+format, append([]any{y.seed}, args...)...)
	}
}

func (y *faultTally) add(counter *int, n int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	*counter += n
}
