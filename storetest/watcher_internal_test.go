package storetest

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest/internal/recorder"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
)

// muteStore does not say that it listens.
type muteStore struct {
	*reference.Store
	waited *atomic.Int64 // until their contexts ended
}

func (s muteStore) Watch(ctx context.Context, _ func(sojourn.ID)) error {
	<-ctx.Done()
	s.waited.Add(1)
	return ctx.Err()
}

// The first case says what is wrong, the others say that they have nothing to say, and nothing is waited for twice.
func TestWatcher_muteIsOneFailureAndOneWait(t *testing.T) {
	st := muteStore{reference.New(time.Now), new(atomic.Int64)}
	opts := Options{Notice: 20 * time.Millisecond}.withDefaults(t)
	for i, c := range watcherCases() {
		c.Group = "watcher"
		r := recorder.Run(t, func(tb testing.TB) { c.Check(tb, func(testing.TB) sojourn.Store { return st }, opts) })
		switch {
		case i == 0 && (!r.Failed() || !strings.Contains(r.Text(), "within 20ms of the zero ID, which says that it listens")):
			t.Errorf("%s: got failed %t, %q, want it to fail and tell of the zero ID", c.Name, r.Failed(), r.Text())
		case i > 0 && (!r.Skipped() || !strings.Contains(r.Text(), "tells_that_it_listens has failed")):
			t.Errorf("%s: got skipped %t, %q, want it to be skipped", c.Name, r.Skipped(), r.Text())
		}
	}
	if n := st.waited.Load(); n != 2 { // is it a Watcher, and does it say that it listens
		t.Errorf("got %d calls of Watch that were waited for, want 2", n)
	}
}

// A case that is run alone fails by itself.
func TestWatcher_muteFailsEachCaseAlone(t *testing.T) {
	for _, c := range watcherCases() {
		st := muteStore{reference.New(time.Now), new(atomic.Int64)}
		r := recorder.Run(t, func(tb testing.TB) {
			c.Check(tb, func(testing.TB) sojourn.Store { return st }, Options{Notice: 20 * time.Millisecond})
		})
		if !r.Failed() || !strings.Contains(r.Text(), "the zero ID") {
			t.Errorf("%s: got failed %t, %q, want it to fail and tell of the zero ID", c.Name, r.Failed(), r.Text())
		}
	}
}

func TestRaceTally_saysWhyNothingRanInTheMiddle(t *testing.T) {
	for _, tt := range []struct {
		held, whole int64
		want        string
	}{
		{0, 0, "; none could be held up"},
		{5, 0, "; 5 times one was held up in the middle, and each time the other one waited for it"},
		{5, 2, "; 5 times one was held up in the middle, and the other one ran meanwhile (2) or waited for it, as at a lock (3)"},
	} {
		var y raceTally
		y.pairs.Store(3)
		y.met.Store(40)
		y.held.Store(tt.held)
		y.whole.Store(tt.whole)
		if got, want := y.String(), "3 pairs of operations in 40 interleavings"+tt.want; !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
