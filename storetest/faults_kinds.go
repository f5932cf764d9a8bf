package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/sojourn-go/sojourn"
)

// faultKind is one way for a store call to fail.
type faultKind struct {
	name string
	err  error    // what a Faulty is told; nil: evict
	ops  []string // that can fail so; nil: all
	// hasty: the request's store calls get little time.
	hasty bool
	// harmless: the request must succeed all the same.
	harmless bool
	// ambiguous: whoever gets the error cannot know what happened, and must not write again.
	ambiguous bool
	// stale: the session has an earlier state to be answered.
	stale bool
	// evict: the engine loses the session's record just before the call.
	evict bool
}

// faultTime is how long a hasty request's store calls may take at least.
const faultTime = 15 * time.Millisecond

// faultKinds are those that an engine can produce. A Load that answers what was before a change of the facts is not among
// them: the contract forbids it even to caches.
func faultKinds() []faultKind {
	writes := []string{OpUpdate, OpPatch}
	return []faultKind{
		{name: "error before", err: errDriver, ambiguous: true},
		{name: "error after", err: AfterCall(errDriver), ambiguous: true},
		{name: "timeout before", err: Timeout(), hasty: true, ambiguous: true},
		{name: "timeout after", err: AfterCall(Timeout()), hasty: true, ambiguous: true},
		{name: "driver's own timeout after", err: AfterCall(context.DeadlineExceeded), ambiguous: true},
		{name: "cancelled", err: Cancelled(), ambiguous: true},
		{name: "slow", err: Slow(time.Millisecond), harmless: true},
		{name: "conflict", err: sojourn.ErrConflict, ops: writes, harmless: true},
		{name: "newer record", err: sojourn.ErrNewer, ops: []string{OpLoad}},
		{name: "stale values", err: Stale(), ops: []string{OpLoad}, harmless: true, stale: true},
		{name: "evicted", evict: true},
	}
}

func (k faultKind) fits(op string) bool { return k.ops == nil || slices.Contains(k.ops, op) }
