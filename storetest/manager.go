package storetest

import (
	"testing"

	"github.com/sojourn-go/sojourn"
)

// ManagerOptions tells RunManager how thorough to be.
type ManagerOptions struct {
	// Rounds is how often races are run: so often those with hundreds of requests, and up to a hundred times as often
	// those with a few. 100 is the long form, 10,000 logouts and 10,000 revocations, of a few minutes.
	// Default: what the environment variable SOJOURN_TEST_ROUNDS says, else 2; 1 with -short.
	Rounds int
}

func (o ManagerOptions) withDefaults(t *testing.T) ManagerOptions {
	t.Helper()
	n := envNumber(t, "SOJOURN_TEST_ROUNDS")
	switch {
	case o.Rounds > 0:
	case n > 0:
		o.Rounds = int(n)
	case testing.Short():
		o.Rounds = 1
	default:
		o.Rounds = 2
	}
	return o
}

// RunManager checks what Sojourn promises to those who use it, end to end over HTTP with the store under a manager: that
// the dead stay dead, that nothing acknowledged is lost, that a late response harms nobody, and what each request costs.
// Where [Run] checks a store's contract call by call, RunManager meets what only requests against each other show.
//
// Requests meet at chosen points: one is held before or after each of its store calls in turn while the other runs wholly.
// Then they run at once, as the scheduler likes.
//
// newStore returns a server-side store for the test tb; it may share its engine with other tests. Cases about subjects
// need a [sojourn.SubjectIndex] and are skipped without. The store's clock must be the real one.
func RunManager(t *testing.T, newStore func(tb testing.TB) sojourn.Store, opts ManagerOptions) {
	t.Helper()
	opts = opts.withDefaults(t)
	n := gainfulWidth(t, newStore(t))
	var tests []subtest
	for _, c := range []struct {
		name    string
		subject bool // needs a SubjectIndex
		check   func(t *testing.T, gate *gateStore, rounds int)
	}{
		{"EveryToken_opensWhatTheTableSays", false, checkTokenTable},
		{"EveryCommit_doesWhatTheTableSays", false, checkCommitTable},
		{"EveryRequest_costsWhatItMust", false, checkCosts},
		{"Ended_beatsRequestsInFlight", false, checkEndings},
		{"Ended_beatsParallelRequests", false, checkParallelLogout},
		{"ParallelIncrements_allCount", false, checkCounter},
		{"ParallelNames_allStay", false, checkNames},
		{"Login_carriesNamedValuesOnly", false, checkCarryOver},
		{"Login_inTheWayOfEachChange", false, checkLoginInterleavings},
		{"Login_givesUpOnABusyRecord", false, checkBusyLogin},
		{"ResponseOrder_doesNotMatter", false, checkOrders},
		{"MaxSessions_parallelLoginsKeepTheLimit", true, checkMaxSessions},
		{"RevokeAll_againstLogins", true, checkRevocation},
		{"RevokeAll_againstHeldLogins", true, checkHeldLogins},
	} {
		tests = append(tests, subtest{c.name, func(t *testing.T) {
			st := newStore(t)
			if _, ok := sojourn.As[sojourn.KeyParser](st); ok {
				t.Fatal("a client-side store cannot keep these promises: its keys change with its values")
			}
			gate := newGateStore(st).ask(t.Context())
			gate.width = n
			defer gate.explain(t)
			if c.subject && gate.index == nil {
				t.Skip("the store has no SubjectIndex")
			}
			c.check(t, gate, opts.Rounds)
		}})
	}
	concurrently(t, n, tests)
}
