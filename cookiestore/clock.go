package cookiestore

import (
	"sync/atomic"
	"time"
)

// skew is how far ahead another node's clock may be.
const skew = time.Minute

// reckoning is the time by which sealed lifetimes end, under Irrevocable. Of the nodes whose states were met here, the
// fastest clock counts, and a state is sealed by the node's own: whichever of the two is wrong, no session lives longer
// for it.
type reckoning struct {
	clock func() time.Time
	ahead atomic.Int64 // how far the fastest clock that was met is ahead of ours, in milliseconds
}

// own is our clock, in milliseconds since 1970 UTC.
func (r *reckoning) own() int64 { return r.clock().UnixMilli() }

// meet returns the instant by which a state that was sealed at an instant is judged. One further ahead than skew is
// refused: a single wild clock would else end all sessions.
func (r *reckoning) meet(at int64) (now int64, ok bool) {
	own := r.own()
	lead := at - own
	if lead > skew.Milliseconds() {
		return 0, false
	}
	for {
		ahead := r.ahead.Load()
		if lead <= ahead {
			return own + ahead, true
		}
		if r.ahead.CompareAndSwap(ahead, lead) {
			return own + lead, true
		}
	}
}
