package filestore

import (
	"context"
	"errors"
	"io/fs"
	"os"
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
	return s.change(ctx, key, func(stored sojourn.State, now time.Time) error {
		next, err := stored.With(p)
		if err != nil {
			return err
		}
		next.Version++
		return s.write(key, next, ttl, now)
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

// sweep looks and removes in one turn: who extends a session comes before the look, or finds nothing. What cannot be read
// stays, for it may be a newer release's.
func (s *Store) sweep(ctx context.Context, id sojourn.ID) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.read(ctx, id.Key(), s.now()); !errors.Is(err, sojourn.ErrNotFound) {
		return false, ctx.Err()
	}
	err := s.root.Remove(id.String())
	if errors.Is(err, os.ErrNotExist) {
		return false, nil // deleted since the folder was read
	}
	return err == nil, err
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
