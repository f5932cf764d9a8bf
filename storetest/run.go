package storetest

import (
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Options tells Run about an engine. The zero Options suit most.
type Options struct {
	// Resolution is the unit to which the engine rounds TTLs up. Default: 1 ms.
	Resolution time.Duration

	// Clock is the clock of the engines, if they take one from this process.
	Clock *Clock

	// Advance moves the clock of tb's engine forward by d, for engines that have a clock of their own which can be moved.
	// The clock begins at the present time, give or take a minute, for each test. Advance may be called while other calls
	// are under way.
	// Default: that of Clock. Without one time passes by itself: where a case waits for the end of sessions they live for
	// 200 ms or two Resolutions, whichever is longer, and cases that wait run at once.
	Advance func(tb testing.TB, d time.Duration)

	// Snapshots says that a Load does not wait for a write that is being committed. At the instant at which a session
	// expires it may then find it gone although a write that was in time extends it a moment later; the cases do not look
	// there. Databases with MVCC are like this, and cannot be otherwise.
	Snapshots bool

	// Irrevocable says of a client-side store that nothing on the server knows of its sessions: the cases about an end
	// before the time, and about who of two was first, are skipped. A store with a [sojourn.KeyParser] is client-side.
	Irrevocable bool

	// MaxSize is the size in bytes, of names and texts, that the engine must be able to keep. Default: 64 KiB.
	MaxSize int

	// Rounds is how often each pair of operations is released at once. Half of it, but at least 8, is at how many points in
	// the middle of each one the other one is run.
	// Default: ten times what the environment variable SOJOURN_TEST_ROUNDS says, else 20, or 4 with -short; but no more
	// than 4 once a pair has taken 100 ms.
	Rounds int

	// Notice is how long a Watcher may take to tell of a change. Default: 5 s.
	Notice time.Duration

	// Dump returns all that tb's engine has at rest: files, rows, keys. A store that sets it promises that no text of a value
	// is in there in clear, nor in a spelling that needs no secret, such as base64. Default: not checked.
	Dump func(tb testing.TB) []byte

	// Rewrite applies change to the stored binary form of one session, state or facts, whichever the store keeps: how the
	// cases about damaged and newer records make them. Default: not checked.
	Rewrite func(tb testing.TB, key sojourn.Key, change func(record []byte) []byte)

	slowLess bool // Rounds is by default
	tally    *raceTally
	findings *findings
}

// findings are what the cases of one Run tell each other.
type findings struct {
	failed sync.Map    // names of cases
	mute   atomic.Bool // a Watcher was waited for that does not say that it listens
}

func (f *findings) add(name string) { f.failed.Store(name, true) }

func (f *findings) has(name string) bool {
	_, ok := f.failed.Load(name)
	return ok
}

func (o Options) withDefaults(tb testing.TB) Options {
	tb.Helper()
	if o.Clock != nil && o.Advance == nil {
		o.Advance = func(_ testing.TB, d time.Duration) { o.Clock.Advance(d) }
	}
	if o.Resolution <= 0 {
		o.Resolution = time.Millisecond
	}
	if o.MaxSize <= 0 {
		o.MaxSize = 64 << 10
	}
	if o.Notice <= 0 {
		o.Notice = 5 * time.Second
	}
	if n := envNumber(tb, "SOJOURN_TEST_ROUNDS"); o.Rounds <= 0 && n > 0 {
		o.Rounds = 10 * int(n)
	}
	if o.Rounds <= 0 {
		o.Rounds, o.slowLess = 20, true
		if testing.Short() {
			o.Rounds = 4
		}
	}
	if o.tally == nil {
		o.tally, o.findings = new(raceTally), new(findings)
	}
	return o
}

// envNumber returns what an environment variable says, 0 if it is not set.
func envNumber(tb testing.TB, name string) uint64 {
	tb.Helper()
	text := os.Getenv(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n == 0 {
		tb.Fatalf("%s: %q is not a number above 0", name, text)
	}
	return n
}

// Run checks all rules, and those of each capability that the store has.
//
// newStore returns a store for the test tb. Called again with the same tb it returns another handle to the same engine,
// as another node would have; a store that lives in the memory of one process may return a new one instead, and the
// cases about two nodes are skipped. It may be called by several goroutines.
//
// Engines may be shared between tests: cases use realms and subjects of their own and look at nothing else, so newStore must
// not empty an engine that another test may be using. What is left expires in two days at most. Two groups do look at all
// that is there: "lister" pages through it, and "sweeper" counts what has expired, one case after the other. Give each test a
// prefix or a table of its own if the engine has them.
func Run(t *testing.T, newStore func(tb testing.TB) sojourn.Store, opts Options) {
	t.Helper()
	opts = opts.withDefaults(t)
	var groups []string
	members := make(map[string][]Case)
	for _, c := range Cases() {
		if members[c.Group] == nil {
			groups = append(groups, c.Group)
		}
		members[c.Group] = append(members[c.Group], c)
	}
	n := 1 // one case would move the clock of the others
	if opts.Advance == nil {
		n = gainfulWidth(t, newStore(t))
	}
	for _, group := range groups {
		t.Run(group, func(t *testing.T) {
			var waiting, working, following []subtest
			for _, c := range members[group] {
				test := subtest{c.Name, func(t *testing.T) { c.Check(t, newStore, opts) }}
				switch {
				case c.after != "":
					following = append(following, test)
				case c.waits && opts.Advance == nil:
					waiting = append(waiting, test)
				default:
					working = append(working, test)
				}
			}
			concurrently(t, width, waiting)
			if group == "sweeper" { // one sweep may take the records that another case counts
				n = 1
			}
			concurrently(t, n, working)
			concurrently(t, n, following)
		})
	}
	if opts.tally.pairs.Load() > 0 {
		t.Logf("%v", opts.tally)
	}
}
