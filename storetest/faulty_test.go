package storetest_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
)

var errDown = errors.New("engine is down")

// saved returns a faulty reference store with one session of alice, saved before any fault.
func saved(t *testing.T, before func(op string, key sojourn.Key) error) (*storetest.Faulty, *reference.Store, sojourn.Key) {
	t.Helper()
	st := reference.New(time.Now)
	state := sojourn.State{
		Facts:  sojourn.Facts{Realm: "r", Subject: "alice", Authenticated: time.Now()},
		Values: collect([]string{"n", `1`}),
	}
	key, err := st.Save(t.Context(), state, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return storetest.NewFaulty(st, before), st, key
}

func always(err error) func(string, sojourn.Key) error {
	return func(string, sojourn.Key) error { return err }
}

func TestFaulty_withoutFaults_keepsTheContract(t *testing.T) {
	var clock storetest.Clock
	storetest.Run(t, func(testing.TB) sojourn.Store { return storetest.NewFaulty(reference.New(clock.Now), nil) },
		storetest.Options{Clock: &clock, Rounds: 4})
}

func TestFaulty_hasTheCapabilitiesOfItsStore(t *testing.T) {
	whole := reference.New(time.Now)
	type patchOnly struct {
		sojourn.Store
		sojourn.Patcher
	}
	type sweepOnly struct {
		sojourn.Store
		sojourn.Sweeper
	}
	type listAndIndex struct {
		sojourn.Store
		sojourn.SubjectIndex
		sojourn.Lister
	}
	for name, st := range map[string]sojourn.Store{
		"none": five{whole}, "all": whole, "patcher": patchOnly{whole, whole}, "sweeper": sweepOnly{whole, whole},
		"lister and index": listAndIndex{whole, whole, whole}, "faulty": storetest.NewFaulty(whole, nil), "parser": parser{five{whole}},
	} {
		got, want := found(storetest.NewFaulty(st, nil)), found(st)
		if got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

type parser struct{ sojourn.Store }

func (parser) ParseKey(string) (sojourn.Key, error) { return sojourn.Key{}, sojourn.ErrNotFound }

type capabilities struct{ patcher, index, lister, sweeper, watcher, parser bool }

func found(st sojourn.Store) (c capabilities) {
	_, c.patcher = sojourn.As[sojourn.Patcher](st)
	_, c.index = sojourn.As[sojourn.SubjectIndex](st)
	_, c.lister = sojourn.As[sojourn.Lister](st)
	_, c.sweeper = sojourn.As[sojourn.Sweeper](st)
	_, c.watcher = sojourn.As[sojourn.Watcher](st)
	_, c.parser = sojourn.As[sojourn.KeyParser](st)
	return c
}

// everyCall calls each operation once and returns the errors by operation.
func everyCall(ctx context.Context, st sojourn.Store, key sojourn.Key) map[string]error {
	errs := make(map[string]error)
	_, errs[storetest.OpLoad] = st.Load(ctx, key)
	_, errs[storetest.OpSave] = st.Save(ctx, sojourn.State{}, time.Hour)
	_, errs[storetest.OpUpdate] = st.Update(ctx, key, sojourn.State{Version: 1}, time.Hour)
	errs[storetest.OpTouch] = st.UpdateTTL(ctx, key, time.Hour)
	p, _ := sojourn.As[sojourn.Patcher](st)
	errs[storetest.OpPatch] = p.Patch(ctx, key, sojourn.Patch{}, time.Hour)
	x, _ := sojourn.As[sojourn.SubjectIndex](st)
	_, errs[storetest.OpList] = x.ListSubject(ctx, "r", "alice")
	_, errs[storetest.OpTrim] = x.TrimSubject(ctx, "r", "alice", 1, sojourn.ID{})
	_, errs[storetest.OpRevoke] = x.DeleteSubject(ctx, "r", "alice", sojourn.ID{})
	l, _ := sojourn.As[sojourn.Lister](st)
	_, _, errs[storetest.OpAll] = l.List(ctx, "", 1)
	s, _ := sojourn.As[sojourn.Sweeper](st)
	_, errs[storetest.OpSweep] = s.Sweep(ctx, 1)
	w, _ := sojourn.As[sojourn.Watcher](st)
	watch, cancel := context.WithCancel(ctx)
	errs[storetest.OpWatch] = w.Watch(watch, func(sojourn.ID) { cancel() })
	cancel()
	errs[storetest.OpDelete] = st.Delete(ctx, key)
	return errs
}

func TestFaulty_before_failsEveryOperationAndDoesNothing(t *testing.T) {
	f, st, key := saved(t, always(errDown))
	for op, err := range everyCall(t.Context(), f, key) {
		if err != errDown {
			t.Errorf("%s: got error %v, want %v", op, err, errDown)
		}
		if n := f.Count(op); n != 1 {
			t.Errorf("%s: got count %d, want 1", op, n)
		}
	}
	if n := f.Count(); n != 12 {
		t.Errorf("got %d calls, want 12", n)
	}
	f.Reset()
	if n := f.Count(); n != 0 {
		t.Errorf("got %d calls after Reset, want 0", n)
	}
	if state, err := st.Load(t.Context(), key); err != nil || state.Version != 1 || len(st.Records) != 1 {
		t.Errorf("got version %d, error %v, %d records, want the state untouched", state.Version, err, len(st.Records))
	}
}

func TestFaulty_afterCall_failsAndDoesIt(t *testing.T) {
	f, st, key := saved(t, always(storetest.AfterCall(errDown)))
	errs := everyCall(t.Context(), f, key)
	for _, op := range []string{storetest.OpLoad, storetest.OpSave, storetest.OpTouch, storetest.OpRevoke, storetest.OpDelete} {
		if errs[op] != errDown {
			t.Errorf("%s: got error %v, want %v", op, errs[op], errDown)
		}
	}
	if _, err := st.Load(t.Context(), key); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("Load after a lost acknowledgement of Delete: got error %v, want %v", err, sojourn.ErrNotFound)
	}
	if _, err := f.Load(t.Context(), key); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("a call that fails by itself: got error %v, want the store's own", err)
	}
}

func TestFaulty_timeout_waitsForTheContext(t *testing.T) {
	for name, test := range map[string]struct {
		fault error
		gone  bool
	}{
		"before": {storetest.Timeout(), false},
		"after":  {storetest.AfterCall(storetest.Timeout()), true},
	} {
		f, st, key := saved(t, always(test.fault))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		if err := f.Delete(ctx, key); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got error %v, want %v", name, err, context.DeadlineExceeded)
		}
		cancel()
		if _, err := st.Load(t.Context(), key); (err != nil) != test.gone {
			t.Errorf("%s: Load says %v, want gone %t", name, err, test.gone)
		}
	}
}

func TestFaulty_slow_answersLateOrNotAtAll(t *testing.T) {
	const d = 20 * time.Millisecond
	f, _, key := saved(t, always(storetest.Slow(d)))
	began := time.Now()
	if _, err := f.Load(t.Context(), key); err != nil || time.Since(began) < d {
		t.Errorf("got error %v after %v, want none after %v", err, time.Since(began), d)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := f.Load(ctx, key); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v, want %v", err, context.DeadlineExceeded)
	}
}

func TestFaulty_cancelled_reachesTheStore(t *testing.T) {
	f, _, key := saved(t, always(storetest.Cancelled()))
	if _, err := f.Load(t.Context(), key); !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
}

func TestFaulty_stale_answersTheStateBefore(t *testing.T) {
	fault := error(nil)
	f, _, key := saved(t, func(string, sojourn.Key) error { return fault })
	first, _ := f.Load(t.Context(), key)
	next := first
	next.Values = collect([]string{"n", `2`})
	if _, err := f.Update(t.Context(), key, next, time.Hour); err != nil {
		t.Fatal(err)
	}
	fault = storetest.Stale()
	if got, err := f.Load(t.Context(), key); err != nil || got.Values.Get("n") != `1` || got.Version != first.Version {
		t.Errorf("got n = %s at version %d, error %v, want the state before", got.Values.Get("n"), got.Version, err)
	}
	fault = nil
	if got, _ := f.Load(t.Context(), key); got.Values.Get("n") != `2` {
		t.Errorf("got n = %s, want 2", got.Values.Get("n"))
	}
	fault = storetest.Stale()
	if err := f.Delete(t.Context(), key); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if _, err := f.Load(t.Context(), key); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("Load of a deleted session: got error %v, want %v", err, sojourn.ErrNotFound)
	}
}

func TestAtCall_countsTheNamedOperations(t *testing.T) {
	f, _, key := saved(t, storetest.AtCall(2, errDown, storetest.OpLoad))
	var got []bool
	for range 3 {
		f.UpdateTTL(t.Context(), key, time.Hour)
		_, err := f.Load(t.Context(), key)
		got = append(got, err != nil)
	}
	if want := [3]bool{false, true, false}; [3]bool(got) != want {
		t.Errorf("got failures %v, want %v", got, want)
	}
}

func TestSometimes_repeatsBySeed(t *testing.T) {
	other := errors.New("other")
	run := func(seed uint64) (out [200]error) {
		before := storetest.Sometimes(0.3, seed, errDown, other)
		for i := range out {
			out[i] = before(storetest.OpLoad, sojourn.Key{})
		}
		return out
	}
	first := run(1)
	if first != run(1) {
		t.Error("the same seed gave another sequence")
	}
	if first == run(2) {
		t.Error("another seed gave the same sequence")
	}
	n := map[error]int{}
	for _, err := range first {
		n[err]++
	}
	if n[nil] < 100 || n[errDown] < 10 || n[other] < 10 {
		t.Errorf("got %d passes, %d and %d faults of 200 at 0.3", n[nil], n[errDown], n[other])
	}
}

func TestFaulty_isSafeForConcurrentUse(t *testing.T) {
	f, _, key := saved(t, storetest.Sometimes(0.2, 1, errDown, storetest.AfterCall(errDown), storetest.Stale()))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				state, err := f.Load(t.Context(), key)
				if err == nil {
					f.Update(t.Context(), key, state, time.Hour)
				}
			}
		})
	}
	wg.Wait()
	if n := f.Count(storetest.OpLoad); n != 800 {
		t.Errorf("got %d loads, want 800", n)
	}
}
