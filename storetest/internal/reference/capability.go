package reference

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/sojourn-go/sojourn"
)

// markLife is how long a mark must be kept.
const markLife = 24 * time.Hour

// ListSubject implements [sojourn.SubjectIndex].
func (s *Store) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.Lock()
	defer s.Unlock()
	return s.Of(realm, subject), nil
}

// DeleteSubject implements [sojourn.SubjectIndex].
func (s *Store) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.Lock()
	defer s.Unlock()
	s.Mark(realm, subject)
	n := 0
	for _, entry := range s.Of(realm, subject) {
		if entry.ID != keep {
			s.Remove(entry.ID)
			n++
		}
	}
	return n, nil
}

// TrimSubject implements [sojourn.SubjectIndex].
func (s *Store) TrimSubject(ctx context.Context, realm, subject string, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.Lock()
	defer s.Unlock()
	all := s.Of(realm, subject)
	var gone []sojourn.ID
	for _, entry := range slices.Backward(all) {
		if len(all)-len(gone) <= n {
			break
		}
		if entry.ID != spare {
			s.Remove(entry.ID)
			gone = append(gone, entry.ID)
		}
	}
	return gone, nil
}

// List implements [sojourn.Lister]. The order is that of the IDs, the cursor the last ID of the page before.
func (s *Store) List(ctx context.Context, cursor string, limit int) ([]sojourn.Entry, string, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	s.Lock()
	defer s.Unlock()
	var entries []sojourn.Entry
	for _, entry := range s.all(func(sojourn.Facts) bool { return true }) {
		if entry.ID.String() > cursor {
			entries = append(entries, entry)
		}
	}
	slices.SortFunc(entries, func(a, b sojourn.Entry) int { return cmp.Compare(a.ID.String(), b.ID.String()) })
	if len(entries) <= limit {
		return entries, "", nil
	}
	return entries[:limit], entries[limit-1].ID.String(), nil
}

// Sweep implements [sojourn.Sweeper].
func (s *Store) Sweep(ctx context.Context, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.Lock()
	defer s.Unlock()
	n := 0
	for id, r := range s.Records {
		if n == limit {
			break
		}
		if _, err := sojourn.ParseState(r.Bytes); !r.Expires.After(s.Now()) && err == nil {
			delete(s.Records, id)
			n++
		}
	}
	return n, nil
}

// Watch implements [sojourn.Watcher].
func (s *Store) Watch(ctx context.Context, notify func(sojourn.ID)) error {
	changes := make(chan sojourn.ID, 1024)
	s.Lock()
	s.watchers[changes] = true
	s.Unlock()
	defer func() {
		s.Lock()
		defer s.Unlock()
		delete(s.watchers, changes)
	}()
	notify(sojourn.ID{})
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case id := <-changes:
			notify(id)
		}
	}
}

// The rest runs under the mutex.

// Of returns the subject's live sessions, newest first. Nobody has the empty subject.
func (s *Store) Of(realm, subject string) []sojourn.Entry {
	return s.all(func(f sojourn.Facts) bool {
		return subject != "" && f.Realm == realm && f.Subject == subject
	})
}

// Mark refuses the subject's logins until now.
func (s *Store) Mark(realm, subject string) {
	now, owner := s.Now(), Owner{realm, subject}
	for other, mark := range s.Marks {
		if now.Sub(mark) > markLife {
			delete(s.Marks, other)
		}
	}
	if now.After(s.Marks[owner]) {
		s.Marks[owner] = now
	}
}

func (s *Store) all(belongs func(sojourn.Facts) bool) []sojourn.Entry {
	var entries []sojourn.Entry
	for id := range s.Records {
		if state, err := s.Live(id); err == nil && belongs(state.Facts) {
			entries = append(entries, sojourn.Entry{ID: id, Facts: state.Facts, TTL: state.TTL})
		}
	}
	slices.SortFunc(entries, func(a, b sojourn.Entry) int { return b.Facts.Authenticated.Compare(a.Facts.Authenticated) })
	return entries
}

func (s *Store) tell(id sojourn.ID) {
	for changes := range s.watchers {
		select {
		case changes <- id:
		default: // a watcher this far behind is of no use to a test
		}
	}
}
