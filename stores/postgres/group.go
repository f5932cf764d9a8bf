package postgresstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// A group lets calls of one kind share round trips. As long as few are under way, a call goes by itself and at once. Those
// that come while there are many wait until one returns, and go together in its place: nobody waits for company, and the
// busier the store is, the less each call costs. None of its calls may wait for a lock, or it would keep all others waiting.
type group[C passenger] struct {
	alone    func(context.Context, C) error
	together func(context.Context, []C) error

	mu      sync.Mutex
	flights int
	locked  map[pgtype.UUID]bool // rows that calls under way lock
	waiting []*seat[C]
}

// passenger is a call that may go with others.
type passenger interface {
	// row is what the call locks, if anything. Calls on one row go one after the other or together, and so are never in each
	// other's way.
	row() pgtype.UUID

	// size is how much of it the server must have before it can answer anybody, in bytes.
	size() int
}

const (
	// flights is how many round trips of one group are under way at most. With fewer there is more company in each; with
	// more, a connection that hangs keeps fewer waiting.
	flights = 4

	// seats is how many calls go together at most, and luggage how many bytes: what the network delivers in one go. Rows are
	// locked from the first of them to the last.
	seats   = 64
	luggage = 16 << 10

	// patience is how long others wait for a flight. One that lasts longer, on a connection that is dead perhaps, goes on
	// beside those that go in its place, which may find a better one.
	patience = 250 * time.Millisecond
)

var (
	// errApart says that a call which shared a round trip was not made, since another's failed, or was refused: it is to be
	// made by itself, so that each has its own answer.
	errApart = errors.New("to be called by itself")

	errAborted = errors.New("the goroutine that made the call has ended")
)

// seat is a call that waits.
type seat[C passenger] struct {
	ctx    context.Context
	call   C
	answer chan error // has room for it, so that nobody waits for one who has left
	leave  func()     // says that nobody waits for the answer any more; set when the call goes
}

// do makes the call, in company if many are under way, and returns its error or errApart. If ctx ends, a call that waits is
// not made, and of one that is under way it is not known. The call belongs to the group once its context has ended.
func (g *group[C]) do(ctx context.Context, call C) error {
	g.mu.Lock()
	if g.flights < flights && !g.locked[call.row()] {
		land := g.takeOff(call)
		g.mu.Unlock()
		defer land()
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

func (g *group[C]) abandon(s *seat[C]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.leave != nil {
		s.leave()
	} else if i := slices.Index(g.waiting, s); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
}

// takeOff begins a flight and returns what ends it. The caller has the lock.
func (g *group[C]) takeOff(calls ...C) (land func()) {
	g.flights++
	for _, call := range calls {
		if row := call.row(); row.Valid {
			if g.locked == nil {
				g.locked = make(map[pgtype.UUID]bool)
			}
			g.locked[row] = true
		}
	}
	leave := sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.flights--
		for _, call := range calls {
			delete(g.locked, call.row())
		}
		g.depart()
	})
	timer := time.AfterFunc(patience, leave)
	return func() {
		timer.Stop()
		leave()
	}
}

// depart lets those who wait go, as far as there is room. The caller has the lock.
func (g *group[C]) depart() {
	for g.flights < flights {
		company := g.board()
		if len(company) == 0 {
			return
		}
		calls := make([]C, len(company))
		for i, s := range company {
			calls[i] = s.call
		}
		// The flight ends early when all have left. It has the first one's values, for those who trace.
		ctx, cancel := context.WithCancel(context.WithoutCancel(company[0].ctx))
		there := len(company)
		for _, s := range company {
			s.leave = func() {
				if there--; there == 0 {
					cancel()
				}
			}
		}
		land := g.takeOff(calls...)
		go func() {
			err := errAborted
			defer func() {
				for _, s := range company {
					s.answer <- err
				}
				cancel()
				land()
			}()
			if len(calls) == 1 {
				err = g.alone(ctx, calls[0])
			} else {
				err = g.together(ctx, calls)
			}
		}()
	}
}

// board takes the next company out of those who wait. Who locks a row that is locked waits on.
func (g *group[C]) board() (company []*seat[C]) {
	size := 0
	g.waiting = slices.DeleteFunc(g.waiting, func(s *seat[C]) bool {
		fits := len(company) == 0 || len(company) < seats && size+s.call.size() <= luggage
		if !fits || g.locked[s.call.row()] {
			return false
		}
		size += s.call.size()
		company = append(company, s)
		return true
	})
	return company
}

// apart returns errApart in place of an error by which the server has taken back all that was done together, because of one
// of the calls perhaps. A fatal one it may send after the commit.
func apart(err error) error {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) || answer.SeverityUnlocalized != "ERROR" {
		return err
	}
	// PostgreSQL itself sends neither as an error, but what stands before it or is made like it may.
	if answer.Code == codeUnknown || strings.HasPrefix(answer.Code, classConnection) {
		return err
	}
	return errApart
}
