// Package filestore keeps sessions as JSON files in a folder: the example of docs/writing-a-store.md.
//
// # Promises
//
// The folder belongs to one Store of one process; a second writer breaks all of these. Every method takes effect at one
// moment, and an error of the contract leaves the session as it was. Sessions expire by the wall clock, to the millisecond:
// a clock that is set back keeps them longer.
//
// A killed process loses nothing that was acknowledged. Files are not synced: a power cut may undo the last changes, a
// logout among them, or leave a file that is [sojourn.ErrCorrupt]. Facts have a checksum, values have none and may be read
// and edited by whoever owns the folder. Calls to the file system cannot be cancelled, a context only before them.
//
// Load is one read, the others are at most one read, one write and one rename. List and Sweep read the whole folder: it
// is for thousands of sessions, not for millions. There is no [sojourn.SubjectIndex] and no [sojourn.Watcher].
package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Config sets a Store up. The zero Config is ready to use.
type Config struct {
	// Now is the clock by which sessions expire.
	// Default: time.Now.
	Now func() time.Time
}

// Store keeps each session in a file that has its ID for a name. It is safe for concurrent use.
type Store struct {
	root *os.Root
	now  func() time.Time
	mu   sync.RWMutex // Load holds it too, or it might find a session dead that a write under way then extends
}

var _ sojourn.Store = (*Store)(nil)

// New returns a store in root, which stays the caller's to close.
func New(root *os.Root, cfg Config) *Store {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Store{root: root, now: cfg.Now}
}

// Load implements [sojourn.Store].
func (s *Store) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.read(ctx, key.ID(), s.now())
}

// Save implements [sojourn.Store].
func (s *Store) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	ttl, err := sojourn.RoundTTL(ttl, time.Millisecond)
	if err != nil {
		return sojourn.Key{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return sojourn.Key{}, err
	}
	key := sojourn.NewID().Key()
	if _, err := s.root.Lstat(key.String()); err == nil {
		return sojourn.Key{}, fmt.Errorf("filestore: session %v: %w", key, fs.ErrExist)
	}
	state.TTL, state.Version = ttl, 1
	return key, s.write(key.ID(), state, s.now())
}

// Update implements [sojourn.Store].
func (s *Store) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	return key, s.change(ctx, key, ttl, func(stored *sojourn.State, ttl time.Duration) error {
		if state.Version != stored.Version {
			return sojourn.ErrConflict
		}
		*stored = state
		stored.TTL, stored.Version = ttl, state.Version+1
		return nil
	})
}

// UpdateTTL implements [sojourn.Store].
func (s *Store) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	return s.change(ctx, key, ttl, func(stored *sojourn.State, ttl time.Duration) error {
		stored.TTL = max(stored.TTL, ttl)
		return nil
	})
}

// Delete implements [sojourn.Store].
func (s *Store) Delete(ctx context.Context, key sojourn.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.root.Remove(key.String())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// editor changes a stored state; on an error nothing is written.
type editor func(stored *sojourn.State, ttl time.Duration) error

// change is every write to a session that is there. Clock and context are asked after the wait for the mutex: a write
// that waited across the expiry finds nothing.
func (s *Store) change(ctx context.Context, key sojourn.Key, ttl time.Duration, edit editor) error {
	ttl, err := sojourn.RoundTTL(ttl, time.Millisecond)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	state, err := s.read(ctx, key.ID(), now)
	if err == nil {
		err = edit(&state, ttl)
	}
	if err == nil {
		err = s.write(key.ID(), state, now)
	}
	return err
}
