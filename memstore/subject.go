package memstore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sojourn-go/sojourn"
)

// ListSubject implements [sojourn.SubjectIndex].
func (s *Store) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	if err := beginSubject(ctx, subject); err != nil {
		return nil, err
	}
	who := owner{realm, subject}
	ix, hash := s.lookup(who)
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	entries := s.owned(ix, hash, who)
	slices.Reverse(entries)
	return entries, nil
}

// DeleteSubject implements [sojourn.SubjectIndex].
func (s *Store) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	if err := beginSubject(ctx, subject); err != nil {
		return 0, err
	}
	who := owner{realm, subject}
	ix, hash := s.lookup(who)
	ix.mu.Lock()
	defer ix.mu.Unlock()
	// The mark outlives the call, and the caller's strings may be parts of a whole request.
	ix.leave(owner{strings.Clone(realm), strings.Clone(subject)}, s.clock().UnixMilli(), s.now())
	deleted := 0
	for _, e := range s.owned(ix, hash, who) {
		if e.ID != keep && s.removeMember(ix, e.ID, never) {
			deleted++
		}
	}
	return deleted, nil
}

// TrimSubject implements [sojourn.SubjectIndex]. It returns the oldest first.
func (s *Store) TrimSubject(ctx context.Context, realm, subject string, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	if err := beginSubject(ctx, subject); err != nil {
		return nil, err
	}
	if n < 0 {
		return nil, fmt.Errorf("memstore: cannot trim to %d sessions", n)
	}
	who := owner{realm, subject}
	ix, hash := s.lookup(who)
	ix.mu.Lock()
	defer ix.mu.Unlock()
	entries := s.owned(ix, hash, who)
	left := len(entries)
	var trimmed []sojourn.ID
	for _, e := range entries {
		if left <= n {
			break
		}
		if e.ID != spare && s.removeMember(ix, e.ID, never) {
			trimmed = append(trimmed, e.ID)
			left--
		}
	}
	return trimmed, nil
}

func beginSubject(ctx context.Context, subject string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if subject == "" {
		return errSubject
	}
	return nil
}

// owned returns the sessions of who that live at one moment, the oldest login first. Their index is locked.
func (s *Store) owned(ix *index, hash uint32, who owner) []sojourn.Entry {
	now := s.now()
	var entries []sojourn.Entry
	for _, id := range ix.ids(hash) {
		record, expires := s.record(id)
		var state sojourn.State
		if open(record, expires, now, &state) != nil || (owner{state.Facts.Realm, state.Facts.Subject}) != who {
			continue
		}
		entries = append(entries, sojourn.Entry{ID: id, Facts: state.Facts, TTL: state.TTL})
	}
	slices.SortFunc(entries, func(a, b sojourn.Entry) int {
		return cmp.Or(a.Facts.Authenticated.Compare(b.Facts.Authenticated), slices.Compare(a.ID[:], b.ID[:]))
	})
	return entries
}
