package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojourn-go/sojourn"
)

// gateStore stands between a manager and the store under test. It notes each call in the exchange that the call's context
// belongs to, and holds that exchange where it was told to: so two requests meet at a chosen point, by construction and
// not by luck.
//
// It has every capability and answers errors.ErrUnsupported for those that the inner store lacks, but for KeyParser, which
// would turn keys into something else.
type gateStore struct {
	inner   sojourn.Store
	patcher sojourn.Patcher
	index   sojourn.SubjectIndex
	lister  sojourn.Lister
	sweeper sojourn.Sweeper
	watcher sojourn.Watcher
	moment  atomic.Int64 // orders the steps of all exchanges
	width   int          // how many requests that are about different things may be made at once
	causes               // of what fails above
}

var (
	_ sojourn.Store        = (*gateStore)(nil)
	_ sojourn.Patcher      = (*gateStore)(nil)
	_ sojourn.SubjectIndex = (*gateStore)(nil)
	_ sojourn.Lister       = (*gateStore)(nil)
	_ sojourn.Sweeper      = (*gateStore)(nil)
	_ sojourn.Watcher      = (*gateStore)(nil)
)

func newGateStore(st sojourn.Store) *gateStore {
	g := &gateStore{inner: st}
	g.patcher, _ = sojourn.As[sojourn.Patcher](st)
	g.index, _ = sojourn.As[sojourn.SubjectIndex](st)
	g.lister, _ = sojourn.As[sojourn.Lister](st)
	g.sweeper, _ = sojourn.As[sojourn.Sweeper](st)
	g.watcher, _ = sojourn.As[sojourn.Watcher](st)
	return g
}

// ask forgets the capabilities that answer errors.ErrUnsupported, as those of a decorator do over a store that lacks them.
func (g *gateStore) ask(ctx context.Context) *gateStore {
	if g.patcher != nil && errors.Is(g.patcher.Patch(ctx, sojourn.NewID().Key(), sojourn.Patch{}, time.Minute), errors.ErrUnsupported) {
		g.patcher = nil
	}
	if g.index != nil {
		if _, err := g.index.ListSubject(ctx, "", "nobody"); errors.Is(err, errors.ErrUnsupported) {
			g.index = nil
		}
	}
	return g
}

func (g *gateStore) Load(ctx context.Context, key sojourn.Key) (state sojourn.State, err error) {
	err = g.pass(ctx, "load", key.ID(), func() (sojourn.ID, error) {
		state, err = g.inner.Load(ctx, key)
		return key.ID(), err
	})
	return state, err
}

func (g *gateStore) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (key sojourn.Key, err error) {
	err = g.pass(ctx, "save", sojourn.ID{}, func() (sojourn.ID, error) {
		key, err = g.inner.Save(ctx, state, ttl)
		return key.ID(), err
	})
	return key, err
}

func (g *gateStore) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (next sojourn.Key, err error) {
	err = g.pass(ctx, "update", key.ID(), func() (sojourn.ID, error) {
		next, err = g.inner.Update(ctx, key, state, ttl)
		return key.ID(), err
	})
	return next, err
}

func (g *gateStore) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	return g.pass(ctx, "touch", key.ID(), func() (sojourn.ID, error) {
		return key.ID(), g.inner.UpdateTTL(ctx, key, ttl)
	})
}

func (g *gateStore) Delete(ctx context.Context, key sojourn.Key) error {
	return g.pass(ctx, "delete", key.ID(), func() (sojourn.ID, error) {
		return key.ID(), g.inner.Delete(ctx, key)
	})
}

func (g *gateStore) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	if g.patcher == nil {
		return errors.ErrUnsupported
	}
	return g.pass(ctx, "patch", key.ID(), func() (sojourn.ID, error) {
		return key.ID(), g.patcher.Patch(ctx, key, p, ttl)
	})
}

func (g *gateStore) ListSubject(ctx context.Context, realm, subject string) (entries []sojourn.Entry, err error) {
	if g.index == nil {
		return nil, errors.ErrUnsupported
	}
	err = g.pass(ctx, "list", sojourn.ID{}, func() (sojourn.ID, error) {
		entries, err = g.index.ListSubject(ctx, realm, subject)
		return sojourn.ID{}, err
	})
	return entries, err
}

func (g *gateStore) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (n int, err error) {
	if g.index == nil {
		return 0, errors.ErrUnsupported
	}
	err = g.pass(ctx, "revoke", sojourn.ID{}, func() (sojourn.ID, error) {
		n, err = g.index.DeleteSubject(ctx, realm, subject, keep)
		return sojourn.ID{}, err
	})
	return n, err
}

func (g *gateStore) TrimSubject(ctx context.Context, realm, subject string, n int, spare sojourn.ID) (gone []sojourn.ID, err error) {
	if g.index == nil {
		return nil, errors.ErrUnsupported
	}
	err = g.pass(ctx, "trim", sojourn.ID{}, func() (sojourn.ID, error) {
		gone, err = g.index.TrimSubject(ctx, realm, subject, n, spare)
		return sojourn.ID{}, err
	})
	return gone, err
}

func (g *gateStore) List(ctx context.Context, cursor string, limit int) ([]sojourn.Entry, string, error) {
	if g.lister == nil {
		return nil, "", errors.ErrUnsupported
	}
	return g.lister.List(ctx, cursor, limit)
}

func (g *gateStore) Sweep(ctx context.Context, limit int) (int, error) {
	if g.sweeper == nil {
		return 0, errors.ErrUnsupported
	}
	return g.sweeper.Sweep(ctx, limit)
}

func (g *gateStore) Watch(ctx context.Context, notify func(sojourn.ID)) error {
	if g.watcher == nil {
		return errors.ErrUnsupported
	}
	return g.watcher.Watch(ctx, notify)
}

// pass makes one call on behalf of the exchange in ctx, if there is one. call returns the session it was about.
func (g *gateStore) pass(ctx context.Context, op string, id sojourn.ID, call func() (sojourn.ID, error)) error {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	if x == nil {
		_, err := call()
		g.note(ctx, op, err)
		return err
	}
	i := x.plan(op, id)
	x.wait(i, false)
	x.begin(i, g.moment.Add(1))
	err, refused := x.refuse[op]
	if !refused {
		id, err = call()
		g.note(ctx, op, err)
	}
	x.end(i, id, err, g.moment.Add(1))
	x.wait(i, true)
	if lost := x.lose[op]; lost != nil && err == nil {
		return lost
	}
	return err
}

// exchange is one request as the gate sees it: a value of its context. The zero exchange is watched and never held.
type exchange struct {
	faults

	at      int // the step to be held at, before or after it, or inHandler; only if reached is not nil
	after   bool
	reached chan struct{} // closed when the exchange is held
	release chan struct{} // closed to let it go on

	mu    sync.Mutex
	steps []step
}

type exchangeKey struct{}

// faults are answers by the name of the call: refuse has those to give instead of making it, lose those to give although
// it was made.
type faults struct{ refuse, lose map[string]error }

// step is one store call. It began and ended at moments that order the calls of all exchanges of one gate.
type step struct {
	op           string
	id           sojourn.ID
	err          error
	began, ended int64 // 0: not yet
}

// inHandler is where a flight is held after its token was verified, before the handler does anything.
const inHandler = -1

// heldAt returns an exchange that stops before or after its call number at, counting from 0.
func heldAt(at int, after bool) *exchange {
	return &exchange{at: at, after: after, reached: make(chan struct{}), release: make(chan struct{})}
}

func (x *exchange) plan(op string, id sojourn.ID) int {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.steps = append(x.steps, step{op: op, id: id})
	return len(x.steps) - 1
}

func (x *exchange) begin(i int, moment int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.steps[i].began = moment
}

func (x *exchange) end(i int, id sojourn.ID, err error, moment int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := &x.steps[i]
	s.id, s.err, s.ended = id, err, moment
}

func (x *exchange) wait(i int, after bool) {
	if x.reached == nil || i != x.at || after != x.after {
		return
	}
	close(x.reached)
	<-x.release
}

// run runs f until it is held, and reports whether it was: then meanwhile runs, wholly, before f goes on. Both have
// returned when run returns.
func (x *exchange) run(f, meanwhile func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-x.reached:
		meanwhile()
		close(x.release)
		<-done
		return true
	case <-done:
		return false
	}
}

// calls names the store calls made, in order. One that the inner store does not support was none.
func (x *exchange) calls() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var ops []string
	for _, s := range x.steps {
		if !errors.Is(s.err, errors.ErrUnsupported) {
			ops = append(ops, s.op)
		}
	}
	return strings.Join(ops, " ")
}

// acknowledged returns the moment at which the first op about id was acknowledged, 0 if none was.
func (x *exchange) acknowledged(id sojourn.ID, op string) int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range x.steps {
		if s.id == id && s.op == op && s.ended > 0 && s.err == nil {
			return s.ended
		}
	}
	return 0
}

// did reports whether one of ops about id began before a moment and was acknowledged, then or later: two calls that
// overlap may have taken effect in either order.
func (x *exchange) did(id sojourn.ID, before int64, ops ...string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.ContainsFunc(x.steps, func(s step) bool {
		return s.id == id && s.began < before && s.ended > 0 && s.err == nil && slices.Contains(ops, s.op)
	})
}

// saved returns the session that was filed first, the zero ID if none was.
func (x *exchange) saved() sojourn.ID {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, s := range x.steps {
		if s.op == "save" && s.ended > 0 && s.err == nil {
			return s.id
		}
	}
	return sojourn.ID{}
}

// looked returns the moment at which the first call was answered, 0 if none was.
func (x *exchange) looked() int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.steps) == 0 {
		return 0
	}
	return x.steps[0].ended
}
