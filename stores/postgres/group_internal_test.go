package postgresstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// question is a call of the groups that are tested here: its answer is twice its number.
type question struct {
	number, answer int
	locks          byte // the row, if not 0
	bytes          int
}

func (q *question) row() pgtype.UUID {
	return pgtype.UUID{Bytes: [16]byte{q.locks}, Valid: q.locks != 0}
}
func (q *question) size() int { return q.bytes }

// gate is a server whose round trips last until the test lets them through.
type gate struct {
	group   group[*question]
	mu      sync.Mutex
	trips   [][]int // the numbers of each round trip, in the order in which they left
	ended   []context.Context
	through chan error
}

func newGate() *gate {
	g := &gate{through: make(chan error)}
	travel := func(ctx context.Context, all ...*question) error {
		var numbers []int
		for _, q := range all {
			numbers = append(numbers, q.number)
		}
		g.mu.Lock()
		g.trips = append(g.trips, numbers)
		g.mu.Unlock()
		select {
		case err := <-g.through:
			for _, q := range all {
				q.answer = 2 * q.number
			}
			return err
		case <-ctx.Done():
			g.mu.Lock()
			g.ended = append(g.ended, ctx)
			g.mu.Unlock()
			return ctx.Err()
		}
	}
	g.group.alone = func(ctx context.Context, q *question) error { return travel(ctx, q) }
	g.group.together = func(ctx context.Context, all []*question) error { return travel(ctx, all...) }
	return g
}

// ask asks so many questions at once, and returns where the answers will come.
func (g *gate) ask(ctx context.Context, first, n int) <-chan error {
	return g.askLike(ctx, question{}, first, n)
}

func (g *gate) askLike(ctx context.Context, like question, first, n int) <-chan error {
	answers := make(chan error, n)
	for i := range n {
		go func() {
			q := &question{number: first + i, locks: like.locks, bytes: like.bytes}
			err := g.group.do(ctx, q)
			if err == nil && q.answer != 2*q.number {
				err = errors.New("somebody else's answer")
			}
			answers <- err
		}()
		synctest.Wait() // so that they come in their order
	}
	return answers
}

func expect(t *testing.T, answers <-chan error, n int, want error) {
	t.Helper()
	for range n {
		if err := <-answers; !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

// expectEmpty sees that all have gone, and that nothing is kept for them.
func (g *gate) expectEmpty(t *testing.T) {
	t.Helper()
	synctest.Wait()
	if g.group.flights != 0 || len(g.group.waiting) != 0 || len(g.group.locked) != 0 {
		t.Errorf("%d flights, %d waiting and %d rows are left", g.group.flights, len(g.group.waiting), len(g.group.locked))
	}
}

func TestGroup_letsFewGoAtOnceAndManyTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		first := g.ask(t.Context(), 0, flights)
		if len(g.trips) != flights {
			t.Fatalf("%d calls of %d went at once", len(g.trips), flights)
		}
		rest := g.ask(t.Context(), 100, seats+1)
		if len(g.trips) != flights {
			t.Errorf("%d round trips at once, want %d", len(g.trips), flights)
		}
		g.through <- nil
		synctest.Wait()
		g.through <- nil
		synctest.Wait()
		if len(g.trips) != flights+2 || len(g.trips[flights]) != seats || g.trips[flights][0] != 100 || len(g.trips[flights+1]) != 1 {
			t.Errorf("then went %v, want one of %d and one of 1", g.trips[flights:], seats)
		}
		for range flights {
			g.through <- nil
		}
		expect(t, first, flights, nil)
		expect(t, rest, seats+1, nil)
		g.expectEmpty(t)
	})
}

func TestGroup_answersAllWithTheFailureOfTheirTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		first := g.ask(t.Context(), 0, flights)
		rest := g.ask(t.Context(), 100, 3)
		failure := errors.New("no")
		g.through <- nil
		synctest.Wait()
		for range flights - 1 {
			g.through <- nil
		}
		g.through <- failure
		expect(t, first, flights, nil)
		expect(t, rest, 3, failure)
	})
}

// Who leaves while he waits is not called; who leaves under way takes nobody with him; when all have left, the trip ends.
func TestGroup_goesOnWithoutThoseWhoLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		first := g.ask(t.Context(), 0, flights)
		soon, leaveSoon := context.WithCancel(t.Context())
		late, leaveLate := context.WithTimeout(t.Context(), time.Minute)
		defer leaveLate()
		hasty := g.ask(soon, 100, 1)
		patient := g.ask(late, 200, 1)
		lasting := g.ask(t.Context(), 300, 1)
		leaveSoon()
		expect(t, hasty, 1, context.Canceled)
		g.through <- nil
		synctest.Wait()
		if got := g.trips[flights]; len(got) != 2 || got[0] != 200 || got[1] != 300 {
			t.Errorf("together went %v, want 200 and 300", got)
		}
		expect(t, patient, 1, context.DeadlineExceeded) // a minute, which passes at once here
		synctest.Wait()
		if len(g.ended) != 0 {
			t.Error("one who left has ended the trip of another")
		}
		for range flights {
			g.through <- nil
		}
		expect(t, first, flights, nil)
		expect(t, lasting, 1, nil)

		first = g.ask(t.Context(), 0, flights)
		all, leave := context.WithCancel(t.Context())
		both := g.ask(all, 400, 2)
		g.through <- nil
		synctest.Wait()
		leave()
		expect(t, both, 2, context.Canceled)
		synctest.Wait()
		if len(g.ended) != 1 {
			t.Error("the trip goes on although all have left")
		}
		for range flights - 1 {
			g.through <- nil
		}
		expect(t, first, flights, nil)
		g.expectEmpty(t)
	})
}

// Connections that are dead, as after a failover, keep those waiting who are on them, and others for a moment only.
func TestGroup_doesNotWaitForFlightsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		hanging := g.ask(t.Context(), 0, flights)
		rest := g.ask(t.Context(), 100, 2)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(g.trips) != flights+1 || len(g.trips[flights]) != 2 {
			t.Fatalf("then went %v, want one of 2", g.trips[flights:])
		}
		for range flights + 1 {
			g.through <- nil
		}
		expect(t, hanging, flights, nil)
		expect(t, rest, 2, nil)
		g.expectEmpty(t)
	})
}

// A hundred callers, of whom some leave early: each that stays has its own answer, and no call is made twice.
func TestGroup_atRandom_answersEachOnce(t *testing.T) {
	var calls [100 * 500]atomic.Int32
	g := group[*question]{}
	serve := func(_ context.Context, all ...*question) error {
		for range 20 {
			runtime.Gosched() // others come meanwhile
		}
		for _, q := range all {
			calls[q.number].Add(1)
			q.answer = 2 * q.number
		}
		return nil
	}
	g.alone = func(ctx context.Context, q *question) error { return serve(ctx, q) }
	var shared atomic.Int64
	g.together = func(ctx context.Context, all []*question) error {
		shared.Add(int64(len(all)))
		return serve(ctx, all...)
	}
	var wg sync.WaitGroup
	for caller := range 100 {
		wg.Go(func() {
			for i := range 500 {
				ctx, cancel := context.WithCancel(t.Context())
				if rand.N(10) == 0 {
					go cancel()
				}
				q := &question{number: caller*500 + i}
				err := g.do(ctx, q)
				switch n := calls[q.number].Load(); {
				case err == nil && (n != 1 || q.answer != 2*q.number):
					t.Errorf("call %d: made %d times, answer %d", q.number, n, q.answer)
				case err != nil && !errors.Is(err, context.Canceled):
					t.Errorf("call %d: %v", q.number, err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	for i := range calls {
		if n := calls[i].Load(); n > 1 {
			t.Errorf("call %d was made %d times", i, n)
		}
	}
	t.Logf("%d of %d calls went in company", shared.Load(), len(calls))
}

// Calls on one row are never under way apart from each other, or one would find the row locked by another.
func TestGroup_keepsThoseOfOneRowTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		first := g.askLike(t.Context(), question{locks: 1}, 0, 1)
		same := g.askLike(t.Context(), question{locks: 1}, 100, 3)
		other := g.askLike(t.Context(), question{locks: 2}, 200, 1)
		if len(g.trips) != 2 || g.trips[0][0] != 0 || g.trips[1][0] != 200 {
			t.Errorf("%v went, want 0 and 200", g.trips)
		}
		g.through <- nil // either
		synctest.Wait()
		g.through <- nil
		synctest.Wait()
		if len(g.trips) != 3 || len(g.trips[2]) != 3 {
			t.Errorf("then went %v, want three together", g.trips[2:])
		}
		g.through <- nil
		expect(t, first, 1, nil)
		expect(t, same, 3, nil)
		expect(t, other, 1, nil)
		g.expectEmpty(t)
	})
}

func TestGroup_takesNoMoreThanItsLuggage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		first := g.ask(t.Context(), 0, flights)
		heavy := g.askLike(t.Context(), question{bytes: luggage / 3}, 100, 7)
		for range flights {
			g.through <- nil
			synctest.Wait()
		}
		var sizes []int
		for _, trip := range g.trips[flights:] {
			sizes = append(sizes, len(trip))
		}
		if !slices.Equal(sizes, []int{3, 3, 1}) {
			t.Errorf("they went by %v, want 3, 3 and 1", sizes)
		}
		for range sizes {
			g.through <- nil
		}
		expect(t, first, flights, nil)
		expect(t, heavy, 7, nil)
	})
}

// What ends the goroutine of a flight, as a hook of the application's may, leaves nobody without an answer.
func TestGroup_whoseFlightIsAborted_answers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate()
		g.group.together = func(context.Context, []*question) error {
			runtime.Goexit()
			return nil
		}
		first := g.ask(t.Context(), 0, flights)
		rest := g.ask(t.Context(), 100, 2)
		for range flights {
			g.through <- nil
		}
		expect(t, first, flights, nil)
		expect(t, rest, 2, errAborted)
		g.expectEmpty(t)
	})
}
