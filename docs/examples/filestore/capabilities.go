package filestore

import (
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/sojourn-go/sojourn"
)

var (
	_ sojourn.Patcher = (*Store)(nil)
	_ sojourn.Lister  = (*Store)(nil)
	_ sojourn.Sweeper = (*Store)(nil)
)

// Patch implements [sojourn.Patcher].
func (s *Store) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	return s.change(ctx, key, ttl, func(stored *sojourn.State, ttl time.Duration) (err error) {
		*stored, err = stored.With(p)
		stored.TTL, stored.Version = max(stored.TTL, ttl), stored.Version+1
		return err
	})
}

// List implements [sojourn.Lister], in the order of the IDs. The cursor is the last ID that it looked at.
func (s *Store) List(ctx context.Context, cursor string, limit int) ([]sojourn.Entry, string, error) {
	ids, err := s.ids(ctx, cursor)
	var page []sojourn.Entry
	for _, id := range ids {
		if len(page) == limit {
			return page, cursor, nil
		}
		cursor = id.String()
		state, err := s.Load(ctx, id.Key())
		switch {
		case err == nil:
			page = append(page, sojourn.Entry{ID: id, Facts: state.Facts, TTL: state.TTL})
		case !unlisted(err):
			return nil, "", err
		}
	}
	return page, "", err
}

// Sweep implements [sojourn.Sweeper]. Other writers get their turn between two files.
func (s *Store) Sweep(ctx context.Context, limit int) (int, error) {
	ids, err := s.ids(ctx, "")
	n := 0
	for _, id := range ids {
		if n == limit {
			break
		}
		expired, err := s.sweep(ctx, id)
		if err != nil {
			return n, err
		}
		if expired {
			n++
		}
	}
	return n, err
}

// sweep looks and removes in one turn: who extends a session comes before the look, or finds nothing.
func (s *Store) sweep(ctx context.Context, id sojourn.ID) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return false, err
	}
	text, err := s.root.ReadFile(id.String())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if state, err := decode(text, s.now()); err != nil || state.TTL > 0 {
		return false, nil // what cannot be read stays: it may be a newer release's
	}
	return true, s.root.Remove(id.String())
}

// ids returns the sessions that have a file, those after the ID spelled after, in order. Other files are not ours.
func (s *Store) ids(ctx context.Context, after string) ([]sojourn.ID, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	files, err := fs.ReadDir(s.root.FS(), ".")
	var ids []sojourn.ID
	for _, file := range files {
		if id, err := sojourn.ParseID(file.Name()); err == nil && file.Name() > after {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// unlisted reports whether err is about one session, which a list leaves out, and not about the folder.
func unlisted(err error) bool {
	return errors.Is(err, sojourn.ErrNotFound) || errors.Is(err, sojourn.ErrCorrupt) || errors.Is(err, sojourn.ErrNewer)
}
