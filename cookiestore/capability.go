package cookiestore

import (
	"context"
	"errors"

	"github.com/sojourn-go/sojourn"
)

// The capabilities are those of the lease store: a lease has the session's ID, realm, subject and times. Where that store
// lacks one, and under Irrevocable, the answer is [errors.ErrUnsupported]. There is no Patcher: a key holds the values.

// LoadLease returns the facts, the TTL and the version of a session without its values, for [sojourn.Manager.Revoke] and
// [sojourn.Manager.End], which know no more of it than its ID. Absent, expired or deleted: [sojourn.ErrNotFound]. Under
// Irrevocable: [errors.ErrUnsupported].
func (s *Store) LoadLease(ctx context.Context, id sojourn.ID) (sojourn.State, error) {
	if s.leases == nil {
		return sojourn.State{}, errors.ErrUnsupported
	}
	return s.leases.Load(ctx, id.Key())
}

// HasSubjectIndex reports whether the lease store has one, for [sojourn.New].
func (s *Store) HasSubjectIndex() bool { return s.leases != nil && sojourn.HasSubjectIndex(s.leases) }

// ListSubject implements [sojourn.SubjectIndex].
func (s *Store) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	if s.index == nil {
		return nil, errors.ErrUnsupported
	}
	return s.index.ListSubject(ctx, realm, subject)
}

// DeleteSubject implements [sojourn.SubjectIndex].
func (s *Store) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	if s.index == nil {
		return 0, errors.ErrUnsupported
	}
	return s.index.DeleteSubject(ctx, realm, subject, keep)
}

// TrimSubject implements [sojourn.SubjectIndex].
func (s *Store) TrimSubject(ctx context.Context, realm, subject string, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	if s.index == nil {
		return nil, errors.ErrUnsupported
	}
	return s.index.TrimSubject(ctx, realm, subject, n, spare)
}

// List implements [sojourn.Lister].
func (s *Store) List(ctx context.Context, cursor string, limit int) ([]sojourn.Entry, string, error) {
	if s.lister == nil {
		return nil, "", errors.ErrUnsupported
	}
	return s.lister.List(ctx, cursor, limit)
}

// Sweep implements [sojourn.Sweeper].
func (s *Store) Sweep(ctx context.Context, limit int) (int, error) {
	if s.sweeper == nil {
		return 0, errors.ErrUnsupported
	}
	return s.sweeper.Sweep(ctx, limit)
}

// Watch implements [sojourn.Watcher].
func (s *Store) Watch(ctx context.Context, notify func(sojourn.ID)) error {
	if s.watcher == nil {
		return errors.ErrUnsupported
	}
	return s.watcher.Watch(ctx, notify)
}
