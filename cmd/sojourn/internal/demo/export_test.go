package demo

import (
	"database/sql"
	"sync/atomic"
	"time"
)

// For the tests of package demo_test.

var (
	Browser    = browser
	LocalPath  = localPath
	ErrBusy    = errBusy
	ErrTaken   = errNameTaken
	ErrMissing = errNoAccount
)

const (
	MaxPassword  = maxPassword
	MaxPages     = maxPages
	MaxThrottled = maxThrottled
)

// CountHashes returns the number of password hashes that a computes from now on.
func CountHashes(a *App) *atomic.Int64 {
	n := new(atomic.Int64)
	derive := a.passwords.derive
	a.passwords.derive = func(password, salt []byte, passes, memory uint32, lanes uint8, size uint32) []byte {
		n.Add(1)
		return derive(password, salt, passes, memory, lanes, size)
	}
	return n
}

// Occupy takes every slot for hashing, and makes waiting for one short.
func (p *Passwords) Occupy() {
	p.wait = 1
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
}

func (t *Throttle) Len() int { return len(t.full) }

func NewAccounts(db *sql.DB) *Accounts { return &Accounts{db: db, now: time.Now} }
