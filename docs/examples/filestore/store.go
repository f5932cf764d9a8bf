// Package filestore keeps sessions as JSON files in a folder: the example of docs/writing-a-store.md.
//
// The folder belongs to one Store of one process. Sessions expire by this machine's clock; one that is set back keeps them
// longer. A killed process loses nothing that was acknowledged and leaves no half of a file. Files are not synced: a power
// cut may undo the last changes, a logout among them, or leave a file that is [sojourn.ErrCorrupt]. Whoever can read the
// folder can read the values. The file system cannot be interrupted: a context counts until its call has its turn.
package filestore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Config sets a Store up. Now is the clock by which sessions expire; nil means time.Now.
type Config struct{ Now func() time.Time }

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

// record is what a file holds: the state in its binary form, and beside it what the store compares.
type record struct {
	Version uint64    `json:"version"`
	Expires time.Time `json:"expires"`
	State   []byte    `json:"state"`
}

// Load implements [sojourn.Store].
func (s *Store) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.read(ctx, key, s.now())
}

// Save implements [sojourn.Store].
func (s *Store) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key, now := sojourn.NewID().Key(), s.now()
	if _, err := s.read(ctx, key, now); !errors.Is(err, sojourn.ErrNotFound) {
		return sojourn.Key{}, cmp.Or(err, os.ErrExist)
	}
	state.TTL, state.Version = 0, 1
	return key, s.write(key, state, ttl, now)
}

// Update implements [sojourn.Store].
func (s *Store) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	return key, s.change(ctx, key, func(stored sojourn.State, now time.Time) error {
		if state.Version != stored.Version {
			return sojourn.ErrConflict
		}
		state.TTL, state.Version = 0, stored.Version+1
		return s.write(key, state, ttl, now)
	})
}

// UpdateTTL implements [sojourn.Store].
func (s *Store) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	return s.change(ctx, key, func(stored sojourn.State, now time.Time) error {
		return s.write(key, stored, ttl, now)
	})
}

// Delete implements [sojourn.Store].
func (s *Store) Delete(ctx context.Context, key sojourn.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.root.Remove(key.String()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// change looks for a session and lets edit write it, in one turn. Clock and context are asked after the wait for it: a write
// that waited across the expiry finds nothing.
func (s *Store) change(ctx context.Context, key sojourn.Key, edit func(stored sojourn.State, now time.Time) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	stored, err := s.read(ctx, key, now)
	if err != nil {
		return err
	}
	return edit(stored, now)
}

// read returns a session that lives at now.
func (s *Store) read(ctx context.Context, key sojourn.Key, now time.Time) (state sojourn.State, err error) {
	text, err := s.root.ReadFile(key.String())
	if errors.Is(err, os.ErrNotExist) {
		err = sojourn.ErrNotFound
	}
	if err = cmp.Or(ctx.Err(), err); err != nil {
		return state, err
	}
	var r record
	if json.Unmarshal(text, &r) != nil || r.Version == 0 {
		return state, sojourn.ErrCorrupt
	}
	if !now.Before(r.Expires) {
		return state, sojourn.ErrNotFound
	}
	state, err = sojourn.ParseState(string(r.State)) // ErrCorrupt or ErrNewer
	state.TTL, state.Version = r.Expires.Sub(now), r.Version
	return state, err
}

// write replaces a session's file at once: who is killed leaves the old one or the new one. The session lives for ttl from
// now, or for state.TTL if that is longer.
func (s *Store) write(key sojourn.Key, state sojourn.State, ttl time.Duration, now time.Time) error {
	ttl, err := sojourn.RoundTTL(ttl, time.Millisecond)
	if err != nil {
		return err
	}
	b, _ := state.MarshalBinary() // never fails
	text, err := json.Marshal(record{state.Version, now.Add(max(ttl, state.TTL)).UTC(), b})
	if err == nil {
		err = s.root.WriteFile("draft", text, 0o600) // no ID is spelled like it
	}
	if err == nil {
		err = s.root.Rename("draft", key.String())
	}
	return err
}
