package bench

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojourn-go/sojourn/bench/subject"
)

// Sweep is how long reads took while all sessions of a full store expired, of one subject.
type Sweep struct {
	Name    string
	Ours    bool
	Longest [2]float64 // nanoseconds of the longest read: while nothing expired, and while everything did
	Slow    [2]float64 // of a million reads, those that took more than a millisecond
	Freed   float64    // share of the heap
	Step    float64    // nanoseconds of processor time of the longest step that holds a lock, in the best of some sweeps; NaN where there are no steps
}

// MeasureSweep fills each subject's store with sessions that expire together, and reads one that does not while the others
// are removed. The garbage collector does not run meanwhile: what it holds up is in another table.
func MeasureSweep(scale Scale) (all []Sweep, err error) {
	expirers := subject.Expirers(scale.Cleaner)
	for i := range expirers {
		r, err := measureSweep(&expirers[i], scale)
		if err != nil {
			return nil, fmt.Errorf("%s, sweep: %w", expirers[i].Name, err)
		}
		all = append(all, *r)
	}
	return all, nil
}

// expiries is how often the sessions of a store expire; the best counts.
const expiries = 3

func measureSweep(s *subject.Expirer, scale Scale) (*Sweep, error) {
	r := &Sweep{Name: s.Name, Ours: s.Ours, Step: unknown}
	before := heap().HeapAlloc
	e, err := s.Open()
	if err != nil {
		return nil, err
	}
	defer e.Close()
	client := subject.NewClient()
	e.Serve(subject.Create)(client)
	read := reader{serve: e.Serve(subject.Read), client: client}
	wrong := subject.Wrong()
	r.Longest[0], r.Slow[0] = read.during(func() { busy(scale.Cleaner) })
	full := before
	// What the machine does to a read, or to a turn of the sweep, it does at random; what the library does it does each time.
	for i := range expiries {
		if err := e.Fill(scale.Sessions); err != nil {
			return nil, err
		}
		if i == 0 {
			full = heap().HeapAlloc
		}
		step := unknown
		longest, slow := read.during(func() {
			if e.Step == nil {
				time.Sleep(s.Wait)
				return
			}
			e.Expire()
			step, err = sweepBySteps(e.Step)
		})
		if err != nil {
			return nil, err
		}
		if i == 0 {
			r.Longest[1], r.Slow[1], r.Step = longest, slow, step
		}
		r.Longest[1], r.Slow[1], r.Step = min(r.Longest[1], longest), min(r.Slow[1], slow), min(r.Step, step)
	}
	if wrong = subject.Wrong() - wrong; wrong != 0 {
		return nil, fmt.Errorf("%d reads failed", wrong)
	}
	r.Freed = 1 - (float64(heap().HeapAlloc)-float64(before))/(float64(full)-float64(before))
	return r, nil
}

// sweepBySteps removes session by session, which is as long as the sweep holds a lock, and returns the processor time of the
// longest step: on a busy machine a clock on the wall would tell of others.
func sweepBySteps(step func(context.Context, int) (int, error)) (longest float64, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for at := threadTime(); ; {
		n, err := step(context.Background(), 1)
		if n == 0 || err != nil {
			return longest, err
		}
		now := threadTime()
		longest = max(longest, float64(now-at))
		at = now
	}
}

// reader reads one session again and again.
type reader struct {
	serve  func(*subject.Client)
	client *subject.Client
}

// during reads while f runs, and returns the longest time of a read and how many of a million took over a millisecond.
func (r *reader) during(f func()) (longest, slow float64) {
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var over atomic.Bool
	var running sync.WaitGroup
	reads, late := 0, 0
	running.Go(func() {
		for at := time.Now(); !over.Load(); reads++ {
			r.serve(r.client)
			now := time.Now()
			took := now.Sub(at)
			longest = max(longest, float64(took))
			if took > time.Millisecond {
				late++
			}
			at = now
		}
	})
	f()
	over.Store(true)
	running.Wait()
	return longest, float64(late) / float64(max(reads, 1)) * 1e6
}

// busy keeps a processor busy, as a sweep does.
func busy(d time.Duration) {
	for began := time.Now(); time.Since(began) < d; {
	}
}
