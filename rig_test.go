package sojourn_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// rigStore is a store of the five methods alone, in a map, that tells before and after each call what is going on. An
// error of before stands for the call; one of after for its answer, which was lost.
type rigStore struct {
	before, after func(ctx context.Context, op string) error

	mu      sync.Mutex
	records map[sojourn.ID]rigRecord
	calls   map[string]int
}

type rigRecord struct {
	state sojourn.State
	end   time.Time
}

func newRigStore() *rigStore {
	return &rigStore{records: map[sojourn.ID]rigRecord{}, calls: map[string]int{}}
}

// call makes one call with the store locked.
func (st *rigStore) call(ctx context.Context, op string, f func() error) error {
	st.mu.Lock()
	st.calls[op]++
	st.mu.Unlock()
	if st.before != nil {
		if err := st.before(ctx, op); err != nil {
			return err
		}
	}
	st.mu.Lock()
	err := f()
	st.mu.Unlock()
	if err == nil && st.after != nil {
		err = st.after(ctx, op)
	}
	return err
}

func (st *rigStore) live(id sojourn.ID) (rigRecord, error) {
	r, ok := st.records[id]
	if !ok || !time.Now().Before(r.end) {
		return r, sojourn.ErrNotFound
	}
	return r, nil
}

func (st *rigStore) Load(ctx context.Context, key sojourn.Key) (state sojourn.State, err error) {
	err = st.call(ctx, "load", func() error {
		r, err := st.live(key.ID())
		if err != nil {
			return err
		}
		state = r.state
		state.TTL = time.Until(r.end)
		return nil
	})
	return state, err
}

func (st *rigStore) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (key sojourn.Key, err error) {
	err = st.call(ctx, "save", func() error {
		key = sojourn.NewID().Key()
		state.Version = 1
		st.records[key.ID()] = rigRecord{state, time.Now().Add(ttl)}
		return nil
	})
	return key, err
}

func (st *rigStore) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	return key, st.call(ctx, "update", func() error {
		r, err := st.live(key.ID())
		switch {
		case err != nil:
			return err
		case r.state.Version != state.Version:
			return sojourn.ErrConflict
		}
		state.Version++
		st.records[key.ID()] = rigRecord{state, time.Now().Add(ttl)}
		return nil
	})
}

func (st *rigStore) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	return st.call(ctx, "touch", func() error {
		r, err := st.live(key.ID())
		if err == nil {
			r.end = time.Now().Add(ttl)
			st.records[key.ID()] = r
		}
		return err
	})
}

func (st *rigStore) Delete(ctx context.Context, key sojourn.Key) error {
	return st.call(ctx, "delete", func() error {
		delete(st.records, key.ID())
		return nil
	})
}

// count returns how often op was called.
func (st *rigStore) count(op string) int {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.calls[op]
}

// age lets only left of a session's time remain.
func (st *rigStore) age(id sojourn.ID, left time.Duration) {
	st.mu.Lock()
	defer st.mu.Unlock()
	r := st.records[id]
	r.end = time.Now().Add(left)
	st.records[id] = r
}

// rigPatcher is a rigStore with a Patcher.
type rigPatcher struct{ *rigStore }

func (st rigPatcher) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	return st.call(ctx, "patch", func() error {
		r, err := st.live(key.ID())
		if err != nil {
			return err
		}
		if r.state, err = r.state.With(p); err != nil {
			return err
		}
		r.state.Version++
		if end := time.Now().Add(ttl); end.After(r.end) {
			r.end = end
		}
		st.records[key.ID()] = r
		return nil
	})
}

// rig is a manager whose visits need no net/http.
type rig struct {
	*sojourn.Manager
	tb testing.TB
}

const rigHeader = "X-Session"

func newRig(tb testing.TB, st sojourn.Store, cfg sojourn.Config) rig {
	tb.Helper()
	cfg.Header = rigHeader
	if cfg.Observe == nil {
		cfg.Observe = func(context.Context, sojourn.Event) {}
	}
	m, err := sojourn.New(st, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return rig{m, tb}
}

// open begins a visit with token and loads its session.
func (r rig) open(token string) (*sojourn.Visit, *sojourn.Session) {
	r.tb.Helper()
	v := r.Begin(func(name string) []string {
		if name == rigHeader && token != "" {
			return []string{token}
		}
		return nil
	})
	s, err := v.Load(r.tb.Context())
	if err != nil {
		r.tb.Fatal(err)
	}
	return v, s
}

// close commits and returns the token that the client holds from then on, if it gets another one.
func (r rig) close(v *sojourn.Visit) (token string, err error) {
	reply, err := v.Commit(r.tb.Context())
	v.Sent()
	for name, value := range reply.Headers() {
		if name == rigHeader {
			token = value
		}
	}
	return token, err
}

// do makes one whole visit that must succeed.
func (r rig) do(token string, f func(s *sojourn.Session)) (next string) {
	r.tb.Helper()
	v, s := r.open(token)
	f(s)
	next, err := r.close(v)
	if err != nil {
		r.tb.Fatal(err)
	}
	if next == "" {
		return token
	}
	return next
}

// onEachKind runs f over a store with a Patcher and over one of the five methods alone.
func onEachKind(t *testing.T, cfg sojourn.Config, f func(t *testing.T, st *rigStore, r rig)) {
	t.Run("Patcher", func(t *testing.T) {
		st := newRigStore()
		f(t, st, newRig(t, rigPatcher{st}, cfg))
	})
	t.Run("five methods", func(t *testing.T) {
		st := newRigStore()
		f(t, st, newRig(t, st, cfg))
	})
}

// left returns how much of a session's time remains.
func (st *rigStore) left(id sojourn.ID) time.Duration {
	st.mu.Lock()
	defer st.mu.Unlock()
	return time.Until(st.records[id].end)
}
