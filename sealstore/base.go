package sealstore

import (
	"context"

	"github.com/sojourn-go/sojourn"
)

// base is what a Patch is translated on.
type base struct {
	box
	sealed  sojourn.Values
	fresh   bool // looked up for this Patch, which passes on it
	plain   sojourn.Values
	version uint64
}

// recall returns what is remembered of a session, nil if nothing is.
func (s *Store) recall(id sojourn.ID) *base {
	r := s.memory.recall(id)
	if r == nil {
		return nil
	}
	return &base{box: box{store: s, bound: r.bound}, sealed: r.sealed}
}

// look loads the session. Where p does not pass on it, that is the answer.
func (s *Store) look(ctx context.Context, key sojourn.Key, p sojourn.Patch) (*base, error) {
	state, err := s.inner.Load(ctx, key)
	if err != nil {
		return nil, err
	}
	b := &base{box: box{store: s, bound: bindingOf(key.ID(), &state.Facts)}, sealed: state.Values, fresh: true, version: state.Version}
	if b.plain, err = b.openAll(b.sealed); err != nil {
		return nil, err
	}
	state.Values = b.plain
	_, err = state.With(p)
	return b, err
}

// text returns the plain text of name, "" if there is none.
func (b *base) text(name string) (string, error) {
	if b.fresh {
		return b.plain.Get(name), nil
	}
	sealed := b.sealed.Get(name)
	if sealed == "" {
		return "", nil
	}
	return b.openOne(name, sealed)
}
