package storetest_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
)

// copiesEntries answers lists from a copy of what Save was given, of all that live.
type copiesEntries struct {
	base
	facts, ttl bool // what of the copy it answers
	mu         *sync.Mutex
	saved      map[sojourn.ID]sojourn.Entry
}

func newCopiesEntries(s base, facts, ttl bool) copiesEntries {
	return copiesEntries{s, facts, ttl, new(sync.Mutex), make(map[sojourn.ID]sojourn.Entry)}
}

func (s copiesEntries) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	key, err := s.base.Save(ctx, state, ttl)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved[key.ID()] = sojourn.Entry{ID: key.ID(), Facts: state.Facts, TTL: ttl}
	return key, err
}

func (s copiesEntries) copied(entries []sojourn.Entry) []sojourn.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, entry := range entries {
		saved, ok := s.saved[entry.ID]
		if ok && s.facts && saved.Facts.Subject == entry.Facts.Subject {
			entries[i].Facts = saved.Facts
		}
		if ok && s.ttl {
			entries[i].TTL = saved.TTL
		}
	}
	return entries
}

func (s copiesEntries) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	entries, err := s.base.ListSubject(ctx, realm, subject)
	return s.copied(entries), err
}

func (s copiesEntries) List(ctx context.Context, cursor string, limit int) ([]sojourn.Entry, string, error) {
	entries, next, err := s.base.List(ctx, cursor, limit)
	return s.copied(entries), next, err
}

// listExpires lists each session for the TTL that it was saved with: no longer if saved says so, else no shorter.
type listExpires struct {
	base
	saved bool
	mu    *sync.Mutex
	end   map[sojourn.ID]time.Time
}

func (s listExpires) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	key, err := s.base.Save(ctx, state, ttl)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end[key.ID()] = s.Now().Add(ttl)
	return key, err
}

func (s listExpires) List(ctx context.Context, cursor string, limit int) ([]sojourn.Entry, string, error) {
	entries, next, err := s.base.List(ctx, cursor, limit)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saved {
		return slices.DeleteFunc(entries, func(e sojourn.Entry) bool { return !s.Now().Before(s.end[e.ID]) }), next, err
	}
	for id, end := range s.end {
		_, gone := s.Load(ctx, id.Key())
		s.Lock()
		_, kept := s.Records[id]
		s.Unlock()
		if gone != nil && kept && s.Now().Before(end) {
			entries = append(entries, sojourn.Entry{ID: id})
		}
	}
	return entries, next, err
}

func (s listExpires) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	entries, err := s.base.ListSubject(ctx, realm, subject)
	if s.saved {
		return entries, err
	}
	s.Lock()
	defer s.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, r := range s.Records {
		state, err := sojourn.ParseState(r.Bytes)
		if err == nil && state.Facts.Realm == realm && state.Facts.Subject == subject &&
			!r.Expires.After(s.Now()) && s.Now().Before(s.end[id]) {
			entries = append(entries, sojourn.Entry{ID: id, Facts: state.Facts})
		}
	}
	return entries, err
}

// pagesForEver begins anew after the last page.
type pagesForEver struct{ base }

func (s pagesForEver) List(ctx context.Context, cursor string, limit int) ([]sojourn.Entry, string, error) {
	entries, next, err := s.base.List(ctx, cursor, limit)
	if next == "" && cursor != "" {
		next = " " // less than every ID
	}
	return entries, next, err
}

// loginExpires has each session that became the subject's by Update in the index for the TTL that the visitor's had.
type loginExpires struct {
	base
	mu  *sync.Mutex
	end map[sojourn.ID]time.Time
}

func (s loginExpires) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	old, _ := s.Load(ctx, key)
	got, err := s.base.Update(ctx, key, state, ttl)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && old.Facts.Subject != state.Facts.Subject {
		s.end[key.ID()] = s.Now().Add(old.TTL)
	}
	return got, err
}

func (s loginExpires) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	entries, err := s.base.ListSubject(ctx, realm, subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(entries, func(e sojourn.Entry) bool {
		end, ok := s.end[e.ID]
		return ok && !s.Now().Before(end)
	}), err
}

// indexesRefused puts a login into the index before it looks whether it happens.
type indexesRefused struct {
	base
	mu      *sync.Mutex
	refused map[reference.Owner][]sojourn.ID
}

func (s indexesRefused) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	got, err := s.base.Update(ctx, key, state, ttl)
	s.mu.Lock()
	defer s.mu.Unlock()
	if owner := (reference.Owner{Realm: state.Facts.Realm, Subject: state.Facts.Subject}); err == sojourn.ErrConflict {
		s.refused[owner] = append(s.refused[owner], key.ID())
	}
	return got, err
}

func (s indexesRefused) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	entries, err := s.base.ListSubject(ctx, realm, subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.refused[reference.Owner{Realm: realm, Subject: subject}] {
		if state, err := s.Load(ctx, id.Key()); err == nil && state.Facts.Subject != subject {
			entries = append(entries, sojourn.Entry{ID: id, Facts: state.Facts, TTL: state.TTL})
		}
	}
	return entries, err
}

// trimsByTime deletes what is older than the last that may stay, or as old as the first that may not.
type trimsByTime struct {
	base
	equals bool
}

func (s trimsByTime) TrimSubject(ctx context.Context, realm, subject string, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	entries, err := s.ListSubject(ctx, realm, subject)
	rest := slices.DeleteFunc(slices.Clone(entries), func(e sojourn.Entry) bool { return e.ID == spare })
	n -= len(entries) - len(rest)
	if n <= 0 || len(rest) <= n {
		return s.base.TrimSubject(ctx, realm, subject, n+len(entries)-len(rest), spare)
	}
	var gone []sojourn.ID
	stays, goes := rest[n-1].Facts.Authenticated, rest[n].Facts.Authenticated
	for _, entry := range rest {
		at := entry.Facts.Authenticated
		if at.Before(stays) || s.equals && at.Equal(goes) {
			s.Delete(ctx, entry.ID.Key())
			gone = append(gone, entry.ID)
		}
	}
	return gone, err
}

// withMark changes the mark that DeleteSubject leaves.
type withMark struct {
	base
	change func(mark time.Time) time.Time
}

func (s withMark) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	n, err := s.base.DeleteSubject(ctx, realm, subject, keep)
	s.Lock()
	defer s.Unlock()
	owner := reference.Owner{Realm: realm, Subject: subject}
	s.Marks[owner] = s.change(s.Marks[owner])
	return n, err
}

// letsUnknownPass does not compare a login with the mark that has no time.
type letsUnknownPass struct{ base }

func (s letsUnknownPass) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	key, err := s.base.Save(ctx, state, ttl)
	if err == sojourn.ErrEnded && state.Facts.Authenticated.IsZero() {
		key = sojourn.NewID().Key()
		return key, force(s.base, key.ID(), state, ttl)
	}
	return key, err
}

// savesRefused looks at the mark when the record is there, and before it is in the index.
type savesRefused struct {
	base
	mu      *sync.Mutex
	refused map[sojourn.ID]bool
}

func (s savesRefused) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	key, err := s.base.Save(ctx, state, ttl)
	if err == sojourn.ErrEnded {
		s.mu.Lock()
		defer s.mu.Unlock()
		id := sojourn.NewID()
		s.refused[id] = true
		_ = force(s.base, id, state, ttl)
	}
	return key, err
}

func (s savesRefused) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	entries, err := s.base.ListSubject(ctx, realm, subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(entries, func(e sojourn.Entry) bool { return s.refused[e.ID] }), err
}

// halfDay keeps marks for less than a day.
type halfDay struct{ base }

func (s halfDay) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	s.Lock()
	for owner, mark := range s.Marks {
		if s.Now().Sub(mark) > 23*time.Hour+30*time.Minute {
			delete(s.Marks, owner)
		}
	}
	s.Unlock()
	return s.base.Save(ctx, state, ttl)
}

func addBrokenEntries(add adder) {
	expires := func(s base, saved bool) listExpires {
		return listExpires{s, saved, new(sync.Mutex), make(map[sojourn.ID]time.Time)}
	}
	mark := func(change func(mark time.Time) time.Time) func(s base) sojourn.Store {
		return func(s base) sojourn.Store { return withMark{s, change} }
	}
	add("entries have the facts of the save", func(s base) sojourn.Store { return newCopiesEntries(s, true, false) },
		"subjects/entries_follow_the_session", "lister/entries_follow_the_session")
	add("entries have the TTL of the save", func(s base) sojourn.Store { return newCopiesEntries(s, false, true) },
		"subjects/entries_follow_the_session", "lister/entries_follow_the_session")
	add("list expires by itself", func(s base) sojourn.Store { return expires(s, true) }, "lister/lists_what_was_extended")
	add("list keeps the longest TTL", func(s base) sojourn.Store { return expires(s, false) },
		"lister/gone_is_not_listed", "subjects/gone_is_not_listed")
	add("cursor stands still", func(s base) sojourn.Store {
		return withPage{s, func(_ base, entries []sojourn.Entry, cursor, next string) ([]sojourn.Entry, string) {
			if cursor != "" && next != "" {
				return entries, cursor
			}
			return entries, next
		}}
	}, "lister/comes_to_an_end", "lister/misses_nobody_who_is_touched")
	add("pages in a circle", func(s base) sojourn.Store { return pagesForEver{s} },
		"lister/comes_to_an_end", "lister/misses_nobody_who_is_touched")
	add("index of logins by update expires by itself", func(s base) sojourn.Store {
		return loginExpires{s, new(sync.Mutex), make(map[sojourn.ID]time.Time)}
	}, "subjects/index_lives_as_long_as_its_sessions")
	add("index written before the update", func(s base) sojourn.Store {
		return indexesRefused{s, new(sync.Mutex), make(map[reference.Owner][]sojourn.ID)}
	}, "subjects/refused_login_is_not_listed")
	add("trim spares equals", func(s base) sojourn.Store { return trimsByTime{s, false} }, "subjects/trim_counts_equals")
	add("trim ends all equals", func(s base) sojourn.Store { return trimsByTime{s, true} }, "subjects/trim_counts_equals")
	add("mark in seconds, rounded down", mark(func(mark time.Time) time.Time { return mark.Truncate(time.Second) }), "subjects/mark_is_exact")
	add("mark in seconds, rounded up", mark(func(mark time.Time) time.Time { return mark.Truncate(time.Second).Add(time.Second) }),
		"subjects/mark_is_exact")
	add("mark itself passes", mark(func(mark time.Time) time.Time { return mark.Truncate(time.Millisecond).Add(-1) }), "subjects/mark_is_exact")
	add("mark lets pass who has no time", func(s base) sojourn.Store { return letsUnknownPass{s} }, "subjects/mark_refuses_an_earlier_login")
	add("refused login is saved", func(s base) sojourn.Store { return savesRefused{s, new(sync.Mutex), make(map[sojourn.ID]bool)} }, "subjects/mark_refuses_an_earlier_login")
	add("mark for most of a day", func(s base) sojourn.Store { return halfDay{s} }, "subjects/mark_stays_for_a_day")
	add("sweep a minute early", func(s base) sojourn.Store { return sweepsEarly{s, time.Minute} }, "sweeper/leaves_the_last_moment")
}
