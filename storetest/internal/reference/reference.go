// Package reference is the store contract in its shortest form: one mutex around one map. storetest asks it which outcomes
// two operations may have, and proves itself on broken variations of it.
package reference

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Store has every capability but KeyParser. Its fields are open so that a test can break it; whoever touches them, or
// calls a method with a capital letter that takes no context, holds the mutex.
type Store struct {
	sync.Mutex
	Now     func() time.Time
	Records map[sojourn.ID]Record
	Marks   map[Owner]time.Time
	// MaxRecord is the largest record in bytes.
	MaxRecord int

	watchers map[chan sojourn.ID]bool
}

// Record is one session at rest.
type Record struct {
	Bytes   string
	Version uint64
	Expires time.Time
}

// Owner is whom an index entry or a mark belongs to.
type Owner struct{ Realm, Subject string }

// New returns an empty store with the clock now.
func New(now func() time.Time) *Store {
	return &Store{
		Now:       now,
		Records:   make(map[sojourn.ID]Record),
		Marks:     make(map[Owner]time.Time),
		MaxRecord: 1 << 20,
		watchers:  make(map[chan sojourn.ID]bool),
	}
}

// Load implements [sojourn.Store].
func (s *Store) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	if err := ctx.Err(); err != nil {
		return sojourn.State{}, err
	}
	s.Lock()
	defer s.Unlock()
	return s.Live(key.ID())
}

// Save implements [sojourn.Store].
func (s *Store) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if err := ctx.Err(); err != nil {
		return sojourn.Key{}, err
	}
	s.Lock()
	defer s.Unlock()
	id := sojourn.NewID()
	if _, taken := s.Records[id]; taken {
		return sojourn.Key{}, errors.New("reference: ID taken")
	}
	if s.Ended(state.Facts) {
		return sojourn.Key{}, sojourn.ErrEnded
	}
	state.Version = 1
	return id.Key(), s.Put(id, state, ttl)
}

// Update implements [sojourn.Store].
func (s *Store) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if err := ctx.Err(); err != nil {
		return sojourn.Key{}, err
	}
	s.Lock()
	defer s.Unlock()
	old, err := s.Live(key.ID())
	if err != nil {
		return sojourn.Key{}, err
	}
	if state.Version != old.Version {
		return sojourn.Key{}, sojourn.ErrConflict
	}
	if IsLogin(old.Facts, state.Facts) && s.Ended(state.Facts) {
		return sojourn.Key{}, sojourn.ErrEnded
	}
	state.Version++
	return key, s.Put(key.ID(), state, ttl)
}

// UpdateTTL implements [sojourn.Store].
func (s *Store) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.Lock()
	defer s.Unlock()
	ttl, err := sojourn.RoundTTL(ttl, time.Millisecond)
	if err != nil {
		return err
	}
	if _, err := s.Live(key.ID()); err != nil {
		return err
	}
	r := s.Records[key.ID()]
	if end := s.Now().Add(ttl); end.After(r.Expires) {
		r.Expires = end
	}
	s.Records[key.ID()] = r
	return nil
}

// Delete implements [sojourn.Store].
func (s *Store) Delete(ctx context.Context, key sojourn.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.Lock()
	defer s.Unlock()
	s.Remove(key.ID())
	return nil
}

// Patch implements [sojourn.Patcher].
func (s *Store) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.Lock()
	defer s.Unlock()
	if _, err := sojourn.RoundTTL(ttl, 0); err != nil {
		return err
	}
	old, err := s.Live(key.ID())
	if err != nil {
		return err
	}
	state, err := old.With(p)
	if err != nil {
		return err
	}
	state.Version++
	return s.Put(key.ID(), state, max(ttl, old.TTL))
}

// The rest runs under the mutex.

// Live returns the state of a session that is not gone.
func (s *Store) Live(id sojourn.ID) (sojourn.State, error) {
	r, ok := s.Records[id]
	left := r.Expires.Sub(s.Now())
	if !ok || left <= 0 {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	state, err := sojourn.ParseState(r.Bytes)
	if err != nil {
		return sojourn.State{}, err
	}
	state.TTL, state.Version = left, r.Version
	return state, nil
}

// Put files state with its Version, and tells the watchers.
func (s *Store) Put(id sojourn.ID, state sojourn.State, ttl time.Duration) error {
	ttl, err := sojourn.RoundTTL(ttl, time.Millisecond)
	if err != nil {
		return err
	}
	b, err := state.AppendBinary(nil)
	if err != nil {
		return err
	}
	if len(b) > s.MaxRecord {
		return sojourn.ErrTooLarge
	}
	s.Records[id] = Record{string(b), state.Version, s.Now().Add(ttl)}
	s.tell(id)
	return nil
}

// Remove drops a record, and tells the watchers.
func (s *Store) Remove(id sojourn.ID) {
	delete(s.Records, id)
	s.tell(id)
}

// Ended reports whether f was authenticated no later than its subject's mark.
func (s *Store) Ended(f sojourn.Facts) bool {
	mark, ok := s.Marks[Owner{f.Realm, f.Subject}]
	return f.Subject != "" && ok && !f.Authenticated.After(mark)
}

// IsLogin reports whether an Update from old to new is compared with the mark.
func IsLogin(old, new sojourn.Facts) bool {
	return old.Subject != new.Subject || !old.Authenticated.Equal(new.Authenticated)
}

var (
	_ sojourn.Store        = (*Store)(nil)
	_ sojourn.Patcher      = (*Store)(nil)
	_ sojourn.SubjectIndex = (*Store)(nil)
	_ sojourn.Lister       = (*Store)(nil)
	_ sojourn.Sweeper      = (*Store)(nil)
	_ sojourn.Watcher      = (*Store)(nil)
)
