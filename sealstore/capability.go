package sealstore

import (
	"context"
	"errors"

	"github.com/sojourn-go/sojourn"
)

// The capabilities are those of the inner store; where it lacks one the answer is [errors.ErrUnsupported]. There is no
// KeyParser: it would make this a client-side store, and those are refused.

// HasSubjectIndex reports whether the inner store has one, for [sojourn.New].
func (s *Store) HasSubjectIndex() bool { return sojourn.HasSubjectIndex(s.inner) }

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
