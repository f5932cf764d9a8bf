package sojourn_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// What Run does in the background, and what stores are given.

// tended is a store whose Watch and Sweep do as they are told.
type tended struct {
	sojourn.Store
	watch func(ctx context.Context, notify func(sojourn.ID)) error
	sweep func(ctx context.Context, limit int) (int, error)
}

func (st *tended) Watch(ctx context.Context, notify func(sojourn.ID)) error {
	return st.watch(ctx, notify)
}

func (st *tended) Sweep(ctx context.Context, limit int) (int, error) { return st.sweep(ctx, limit) }

func waits(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// A watch that fails is begun again, more and more rarely, up to every half minute; one that held begins again at once.
func TestRun_watchesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(eventLog)
		var began []time.Time
		st := &tended{Store: memstore.New(memstore.Config{}), sweep: func(context.Context, int) (int, error) { return 0, nil }}
		st.watch = func(ctx context.Context, _ func(sojourn.ID)) error {
			began = append(began, time.Now())
			if len(began) == 12 {
				time.Sleep(2 * time.Minute)
			}
			return errDriver
		}
		m := newManager(t, st, sojourn.Config{Observe: log.observe})
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
		defer stop()
		if err := m.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want context.DeadlineExceeded", err)
		}
		if len(began) < 16 || log.count(sojourn.EventError) != len(began) {
			t.Fatalf("got %d watches and %d events, want 16 or more, an event each", len(began), log.count(sojourn.EventError))
		}
		for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second} {
			if gap := began[i+1].Sub(began[i]); gap < want*3/4 || gap > want*5/4 {
				t.Errorf("pause %d: got %v, want about %v", i+1, gap, want)
			}
		}
		if gap := began[12].Sub(began[11]) - 2*time.Minute; gap > 2*time.Second {
			t.Errorf("got a pause of %v after a watch that held, want about 1 s", gap)
		}
	})
}

// Run ends when all of it has: a watch that takes its time is waited for.
func TestRun_waitsForItsWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &tended{Store: memstore.New(memstore.Config{}), sweep: func(ctx context.Context, _ int) (int, error) { return 0, waits(ctx) }}
		ended := false
		st.watch = func(ctx context.Context, _ func(sojourn.ID)) error {
			err := waits(ctx)
			time.Sleep(time.Second)
			ended = true
			return err
		}
		log := new(eventLog)
		ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
		defer stop()
		_ = newManager(t, st, sojourn.Config{Observe: log.observe}).Run(ctx)
		if !ended {
			t.Error("Run ended before its watch")
		}
		log.wantEvents(t) // the end of the context is no failure
	})
}

// A sweep goes on while there is a full batch, rests for a minute, and tells what fails.
func TestRun_sweeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(eventLog)
		begun := time.Now()
		var at []time.Duration
		answers := []int{1000, 1000, 5, -1, 0}
		st := &tended{Store: memstore.New(memstore.Config{}), watch: func(ctx context.Context, _ func(sojourn.ID)) error { return waits(ctx) }}
		st.sweep = func(_ context.Context, limit int) (int, error) {
			at = append(at, time.Since(begun).Round(time.Minute))
			if limit != 1000 {
				t.Errorf("got a limit of %d, want 1000", limit)
			}
			if n := answers[min(len(at), len(answers))-1]; n >= 0 {
				return n, nil
			}
			return 0, errDriver
		}
		ctx, stop := context.WithTimeout(t.Context(), 4*time.Minute)
		defer stop()
		_ = newManager(t, st, sojourn.Config{Observe: log.observe}).Run(ctx)
		if len(at) < 5 || len(at) > 8 || at[0] != at[2] || at[3] == at[2] {
			t.Errorf("got sweeps after %v, want three at once after a minute, then one a minute", at)
		}
		log.wantEvents(t, sojourn.EventError)
	})
}

// A store may keep the context of a call. It has ended when the call is over. The client's leaving ends that of a load, and
// not that of a commit.
func TestContext_thatAStoreIsGiven(t *testing.T) {
	st := newRigStore()
	r := newRig(t, rigPatcher{st}, sojourn.Config{})
	token := r.do("", func(s *sojourn.Session) { s.Set("x", 1) })
	kept := map[string]context.Context{}
	st.before = func(ctx context.Context, op string) error {
		kept[op] = ctx
		return nil
	}
	r.do(token, func(s *sojourn.Session) { s.Set("x", 2) })
	for _, op := range []string{"load", "patch"} {
		if err := kept[op].Err(); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v of the context after the call, want context.Canceled", op, err)
		}
		select {
		case <-kept[op].Done():
		default:
			t.Errorf("%s: the context of a call that is over goes on", op)
		}
	}

	header := func(string) []string { return []string{token} }
	ctx, leave := context.WithCancel(t.Context())
	v := r.Begin(header)
	s, err := v.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	st.before = func(ctx context.Context, _ string) error {
		leave()
		select {
		case <-ctx.Done():
			t.Error("the client's leaving ended the context of a commit")
		case <-time.After(10 * time.Millisecond):
		}
		return ctx.Err()
	}
	s.Set("x", 3)
	if _, err := v.Commit(ctx); err != nil {
		t.Error(err)
	}

	gone, depart := context.WithCancel(t.Context())
	st.before = func(ctx context.Context, _ string) error {
		depart()
		return waits(ctx)
	}
	begun := time.Now()
	if _, err := r.Begin(header).Load(gone); !errors.Is(err, context.Canceled) || time.Since(begun) > time.Second {
		t.Errorf("got %v after %v, want context.Canceled at once", err, time.Since(begun))
	}
}
