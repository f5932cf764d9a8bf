package storetest

import (
	"slices"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// Case is one rule of the contract and the way to check it.
type Case struct {
	Group string   // the area: "ttl"
	Name  string   // the rule in short, unique in its group: "touch_never_shortens"
	Rule  string   // the rule, as the contract has it
	Why   string   // what its breach does to users; printed with a failure
	Needs []string // the capabilities that it is about: "Patcher"

	waits bool   // for the engine's clock, where it cannot be moved
	after string // a case of its group without which this one says nothing; Run does that first
	run   func(e *env)
}

// The names of capabilities in Case.Needs.
const (
	needPatcher      = "Patcher"
	needSubjectIndex = "SubjectIndex"
	needLister       = "Lister"
	needSweeper      = "Sweeper"
	needWatcher      = "Watcher"
)

// Cases returns all cases in the order in which Run runs them.
func Cases() []Case {
	var all []Case
	for _, group := range []struct {
		name  string
		cases []Case
	}{
		{"contract", contractCases()},
		{"ttl", slices.Concat(ttlCases(), ttlInstantCases())},
		{"values", valuesCases()},
		{"versions", versionsCases()},
		{"context", contextCases()},
		{"concurrency", concurrencyCases()},
		{"races", raceCases()},
		{"patcher", slices.Concat(patcherCases(), patcherLimitCases())},
		{"subjects", slices.Concat(subjectsCases(), subjectsMarkCases(), subjectsCrowdCases())},
		{"lister", listerCases()},
		{"sweeper", sweeperCases()},
		{"watcher", watcherCases()},
		{"decorators", decoratorsCases()},
		{"rest", restCases()},
	} {
		for _, c := range group.cases {
			c.Group = group.name
			all = append(all, c)
		}
	}
	return all
}

// Check checks the rule on a store of its own. tb is skipped where the store lacks what the case needs. Run calls it;
// so may a test that wants to see a store fail.
func (c Case) Check(tb testing.TB, newStore func(tb testing.TB) sojourn.Store, opts Options) {
	tb.Helper()
	e := newEnv(tb, newStore, opts)
	if c.after != "" && e.opts.findings.has(c.Group+"/"+c.after) {
		tb.Skipf("%s/%s has failed, and without it this one says nothing", c.Group, c.after)
	}
	for _, need := range c.Needs {
		if !e.has(need) {
			tb.Skipf("the store has no %s", need)
		}
	}
	if _, sealed := sojourn.As[sojourn.KeyParser](e.st); sealed {
		if why := c.unpromised(e.opts.Irrevocable); why != "" {
			tb.Skip("a client-side store does not promise it: " + why)
		}
	}
	defer func() {
		if tb.Failed() {
			e.opts.findings.add(c.Group + "/" + c.Name)
			tb.Logf("the rule: %s\nwhy: %s", c.Rule, c.Why)
		}
	}()
	for tries := 1; !e.inTime(c.run); tries++ {
		if tries == attempts {
			tb.Skip("the machine is too slow for this case: sessions ran out before their time, which was ", e.short())
		}
		e.brief *= 4
	}
}
