package sealstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Patch implements [sojourn.Patcher], by one Patch of the inner store if this process has loaded the session lately: it
// reads no value but those that the change is about. It loads the session where that is long ago, where another request
// changed the same names meanwhile, and where the sealed values come near MaxSize. Without a Patcher below:
// [errors.ErrUnsupported].
//
// What p means is what [sojourn.State.With] does to the plain texts: the limits count those, and expected texts compare
// with those.
func (s *Store) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	if s.patcher == nil {
		return errors.ErrUnsupported
	}
	p = withoutEmpty(p)
	b := s.recall(key.ID())
	var refused error
	for version := uint64(0); ; {
		if b == nil {
			var err error
			if b, err = s.look(ctx, key, p); err != nil {
				return err
			}
			if b.version == version {
				return refused // what was looked up has not changed: the inner store has reasons of its own
			}
			version = b.version
		}
		q, after, ok, err := b.translate(p)
		if err != nil {
			return err
		}
		if !ok { // of what was remembered only
			b = nil
			continue
		}
		err = s.patcher.Patch(ctx, key, q, ttl)
		switch {
		case err == nil:
			s.remember(&b.bound, after)
			return nil
		case errors.Is(err, sojourn.ErrConflict) && q.Expect != (sojourn.Values{}), errors.Is(err, sojourn.ErrTooLarge):
			refused, b = err, nil
		default:
			if errors.Is(err, sojourn.ErrNotFound) {
				s.memory.forget(key.ID())
			}
			return err
		}
	}
}

// withoutEmpty returns p without empty texts to set, which remove: a sealed one is not empty.
func withoutEmpty(p sojourn.Patch) sojourn.Patch {
	var empty []string
	for name, text := range p.Set.All() {
		if text == "" {
			empty = append(empty, name)
		}
	}
	if empty != nil {
		p.Remove = slices.Concat(p.Remove, empty)
		p.Set = apply(p.Set, sojourn.Patch{Remove: empty})
	}
	return p
}

// apply is what a Patch does where nothing refuses it.
func apply(v sojourn.Values, p sojourn.Patch) sojourn.Values {
	next, _ := sojourn.State{Values: v}.With(sojourn.Patch{Clear: p.Clear, Keep: p.Keep, Remove: p.Remove, Set: p.Set})
	return next.Values
}
