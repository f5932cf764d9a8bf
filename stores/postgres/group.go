package postgresstore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// A group lets calls of one kind share round trips. As long as few are under way, a call goes by itself and at once. Those
// that come while there are many wait until one returns, and go together in its place: nobody waits for company, and the
// busier the store is, the less each call costs. None of its calls may wait for a lock, or it would keep all others waiting.
type group[C any] struct {
	alone    func(context.Context, *C) error
	together func(context.Context, []*C) error

	mu      sync.Mutex
	flights int
	waiting []*seat[C]
}

const (
	// flights is how many round trips of one group are under way at most. With fewer there is more company in each; with
	// more, a connection that hangs keeps fewer waiting.
	flights = 4

	// seats is how many calls go together at most.
	seats = 64

	// patience is how long others wait for a flight. One that lasts longer, on a connection that is dead perhaps, goes on
	// beside those that go in its place, which may find a better one.
	patience = 250 * time.Millisecond
)

// errApart says that a call which shared a round trip was not made, since another's failed, or was refused: it is to be
// made by itself, so that each has its own answer.
var errApart = errors.New("to be called by itself")

// seat is a call that waits.
type seat[C any] struct {
	ctx    context.Context
	call   *C
	answer chan error // has room for it, so that nobody waits for one who has left
	leave  func()     // says that nobody waits for the answer any more; set when the call goes
}

// do makes the call, in company if many are under way, and returns its error or errApart. If ctx ends, a call that waits is
// not made, and of one that is under way it is not known. The call belongs to the group once its context has ended.
func (g *group[C]) do(ctx context.Context, call *C) error {
	g.mu.Lock()
	if g.flights < flights {
		g.flights++
		g.mu.Unlock()
		defer g.takeOff()()
		return g.alone(ctx, call)
	}
	s := &seat[C]{ctx: ctx, call: call, answer: make(chan error, 1)}
	g.waiting = append(g.waiting, s)
	g.mu.Unlock()
	select {
	case err := <-s.answer:
		return err
	case <-ctx.Done():
		g.abandon(s)
		return ctx.Err()
	}
}

// takeOff begins a flight that has a place, and returns what ends it.
func (g *group[C]) takeOff() (land func()) {
	leave := sync.OnceFunc(g.next)
	timer := time.AfterFunc(patience, leave)
	return func() {
		timer.Stop()
		leave()
	}
}

func (g *group[C]) abandon(s *seat[C]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.leave != nil {
		s.leave()
	} else if i := slices.Index(g.waiting, s); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
}

// next lets those who wait go in the place of a flight that has returned, or lasts too long.
func (g *group[C]) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.flights--
		return
	}
	n := min(len(g.waiting), seats)
	company := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)

	// The flight ends early when all have left. It has the first one's values, for those who trace.
	ctx, cancel := context.WithCancel(context.WithoutCancel(company[0].ctx))
	there := n
	for _, s := range company {
		s.leave = func() {
			if there--; there == 0 {
				cancel()
			}
		}
	}
	go func() {
		defer g.takeOff()()
		defer cancel()
		g.fly(ctx, company)
	}()
}

func (g *group[C]) fly(ctx context.Context, company []*seat[C]) {
	var err error
	if len(company) == 1 {
		err = g.alone(ctx, company[0].call)
	} else {
		calls := make([]*C, len(company))
		for i, s := range company {
			calls[i] = s.call
		}
		err = g.together(ctx, calls)
	}
	for _, s := range company {
		s.answer <- err
	}
}

// apart returns errApart in place of an error by which the server has taken back all that was done together, because of one
// of the calls perhaps. A fatal one it may send after the commit.
func apart(err error) error {
	var answer *pgconn.PgError
	if errors.As(err, &answer) && answer.SeverityUnlocalized == "ERROR" {
		return errApart
	}
	return err
}
