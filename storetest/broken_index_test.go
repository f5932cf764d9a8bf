package storetest_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
)

// withList changes what ListSubject answers.
type withList struct {
	base
	change func(realm, subject string, entries []sojourn.Entry) ([]sojourn.Entry, error)
}

func (s withList) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	entries, err := s.base.ListSubject(ctx, realm, subject)
	if err != nil {
		return nil, err
	}
	return s.change(realm, subject, entries)
}

// listsNobody takes visitors for the sessions of the subject "".
type listsNobody struct{ base }

func (s listsNobody) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	all, _, err := s.List(ctx, "", 1<<30)
	return slices.DeleteFunc(all, func(e sojourn.Entry) bool { return e.Facts.Realm != realm || e.Facts.Subject != subject }), err
}

// indexExpires forgets a session when the TTL is over that it was saved with.
type indexExpires struct {
	base
	mu  *sync.Mutex
	end map[sojourn.ID]time.Time
}

func (s indexExpires) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	key, err := s.base.Save(ctx, state, ttl)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end[key.ID()] = s.Now().Add(ttl)
	return key, err
}

func (s indexExpires) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	entries, err := s.base.ListSubject(ctx, realm, subject)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(entries, func(e sojourn.Entry) bool { return !s.Now().Before(s.end[e.ID]) }), err
}

// withRevoke changes the session that DeleteSubject keeps.
type withRevoke struct {
	base
	keep func(s base, realm, subject string, keep sojourn.ID) sojourn.ID
}

func (s withRevoke) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	return s.base.DeleteSubject(ctx, realm, subject, s.keep(s.base, realm, subject, keep))
}

// deletesKept deletes a session that it was to keep and that is another subject's.
type deletesKept struct{ base }

func (s deletesKept) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	entries, _ := s.ListSubject(ctx, realm, subject)
	if !slices.ContainsFunc(entries, func(e sojourn.Entry) bool { return e.ID == keep }) {
		s.Delete(ctx, keep.Key())
	}
	return s.base.DeleteSubject(ctx, realm, subject, keep)
}

// trimsNewest ends the newest.
type trimsNewest struct{ base }

func (s trimsNewest) TrimSubject(ctx context.Context, realm, subject string, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	entries, err := s.ListSubject(ctx, realm, subject)
	var gone []sojourn.ID
	for _, entry := range entries {
		if len(entries)-len(gone) > n && entry.ID != spare {
			s.Delete(ctx, entry.ID.Key())
			gone = append(gone, entry.ID)
		}
	}
	return gone, err
}

// marksAhead leaves a mark a day ahead.
type marksAhead struct{ base }

func (s marksAhead) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	n, err := s.base.DeleteSubject(ctx, realm, subject, keep)
	s.Lock()
	defer s.Unlock()
	s.Marks[reference.Owner{Realm: realm, Subject: subject}] = s.Now().Add(24 * time.Hour)
	return n, err
}

// marksWithSessions drops the mark with the subject's last session.
type marksWithSessions struct{ base }

func (s marksWithSessions) Delete(ctx context.Context, key sojourn.Key) error {
	state, _ := s.Load(ctx, key)
	err := s.base.Delete(ctx, key)
	s.Lock()
	defer s.Unlock()
	if f := state.Facts; len(s.Of(f.Realm, f.Subject)) == 0 {
		delete(s.Marks, reference.Owner{Realm: f.Realm, Subject: f.Subject})
	}
	return err
}

// marksPerNode knows the marks that its own node has left.
type marksPerNode struct {
	base
	mu   *sync.Mutex
	mine map[reference.Owner]bool
}

func (s marksPerNode) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mine[reference.Owner{Realm: realm, Subject: subject}] = true
	return s.base.DeleteSubject(ctx, realm, subject, keep)
}

func (s marksPerNode) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if owner := (reference.Owner{Realm: state.Facts.Realm, Subject: state.Facts.Subject}); !s.mine[owner] {
		s.Lock()
		mark, ok := s.Marks[owner]
		delete(s.Marks, owner)
		s.Unlock()
		if ok {
			defer func() {
				s.Lock()
				defer s.Unlock()
				s.Marks[owner] = mark
			}()
		}
	}
	return s.base.Save(ctx, state, ttl)
}

// pagesByExpiry goes on with what expires later than the last one.
type pagesByExpiry struct{ base }

func (s pagesByExpiry) List(_ context.Context, cursor string, limit int) ([]sojourn.Entry, string, error) {
	s.Lock()
	defer s.Unlock()
	after, _ := strconv.ParseInt(cursor, 10, 64)
	type row struct {
		id  sojourn.ID
		end int64
	}
	var rows []row
	for id, r := range s.Records {
		if end := r.Expires.UnixNano(); end > after {
			rows = append(rows, row{id, end})
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return int(a.end - b.end) })
	var page []sojourn.Entry
	for _, row := range rows {
		if len(page) == limit {
			return page, strconv.FormatInt(after, 10), nil
		}
		after = row.end
		if state, err := s.Live(row.id); err == nil {
			page = append(page, sojourn.Entry{ID: row.id, Facts: state.Facts, TTL: state.TTL})
		}
	}
	return page, "", nil
}

// withPage changes the limit and the page of List.
type withPage struct {
	base
	page func(s base, entries []sojourn.Entry, cursor, next string) ([]sojourn.Entry, string)
}

func (s withPage) List(ctx context.Context, cursor string, limit int) ([]sojourn.Entry, string, error) {
	entries, next, err := s.base.List(ctx, cursor, limit)
	entries, next = s.page(s.base, entries, cursor, next)
	return entries, next, err
}

// sweepsEarly takes what will expire so soon.
type sweepsEarly struct {
	base
	soon time.Duration
}

func (s sweepsEarly) Sweep(ctx context.Context, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.Lock()
	defer s.Unlock()
	n := 0
	for id, r := range s.Records {
		if n < limit && r.Expires.Sub(s.Now()) < s.soon {
			s.Remove(id)
			n++
		}
	}
	return n, nil
}

// tellsOne tells of a change the listener that came first.
type tellsOne struct {
	base
	mu  *sync.Mutex
	got map[sojourn.ID]int // which listener was told
	n   *int
}

func (s tellsOne) Watch(ctx context.Context, notify func(sojourn.ID)) error {
	s.mu.Lock()
	*s.n++
	me := *s.n
	s.mu.Unlock()
	return s.base.Watch(ctx, func(id sojourn.ID) {
		s.mu.Lock()
		if s.got[id] == 0 {
			s.got[id] = me
		}
		mine := id.IsZero() || s.got[id] == me
		s.mu.Unlock()
		if mine {
			notify(id)
		}
	})
}

// forgetsIndex has an index until something is deleted.
type forgetsIndex struct {
	base
	deleted *bool
}

func (s forgetsIndex) Delete(ctx context.Context, key sojourn.Key) error {
	*s.deleted = true
	return s.base.Delete(ctx, key)
}

func (s forgetsIndex) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	if *s.deleted {
		return nil, errors.ErrUnsupported
	}
	return s.base.ListSubject(ctx, realm, subject)
}

func addBrokenIndexes(add adder) {
	list := func(change func(realm, subject string, entries []sojourn.Entry) ([]sojourn.Entry, error)) func(s base) sojourn.Store {
		return func(s base) sojourn.Store { return withList{s, change} }
	}
	page := func(f func(s base, entries []sojourn.Entry, cursor, next string) ([]sojourn.Entry, string)) func(s base) sojourn.Store {
		return func(s base) sojourn.Store { return withPage{s, f} }
	}
	add("no sessions is an error", list(func(_, _ string, entries []sojourn.Entry) ([]sojourn.Entry, error) {
		if len(entries) == 0 {
			return nil, sojourn.ErrNotFound
		}
		return entries, nil
	}), "subjects/nobody_has_no_sessions")
	add("list without facts", list(func(realm, subject string, entries []sojourn.Entry) ([]sojourn.Entry, error) {
		for i := range entries {
			entries[i].Facts = sojourn.Facts{Realm: realm, Subject: subject}
		}
		return entries, nil
	}), "subjects/entries_tell_the_facts")
	add("list of a page", list(func(_, _ string, entries []sojourn.Entry) ([]sojourn.Entry, error) {
		return entries[:min(len(entries), 100)], nil
	}), "subjects/lists_hundreds")
	add("order in seconds", list(func(_, _ string, entries []sojourn.Entry) ([]sojourn.Entry, error) {
		slices.Reverse(entries)
		slices.SortStableFunc(entries, func(a, b sojourn.Entry) int { return int(b.Facts.Authenticated.Unix() - a.Facts.Authenticated.Unix()) })
		return entries, nil
	}), "subjects/newest_first_to_the_millisecond")
	add("visitors in the index", func(s base) sojourn.Store { return listsNobody{s} }, "subjects/visitors_are_in_no_index")
	add("index expires by itself", func(s base) sojourn.Store {
		return indexExpires{s, new(sync.Mutex), make(map[sojourn.ID]time.Time)}
	}, "subjects/index_lives_as_long_as_its_sessions")
	add("index keeps the order of the first login", func(s base) sojourn.Store {
		return savedIndex{s, new(sync.Mutex), make(map[reference.Owner][]sojourn.Entry), false}
	}, "subjects/order_follows_the_login")
	add("revoke ignores keep", func(s base) sojourn.Store {
		return withRevoke{s, func(base, string, string, sojourn.ID) sojourn.ID { return sojourn.ID{} }}
	}, "subjects/delete_spares_one")
	add("revoke deletes a foreign keep", func(s base) sojourn.Store { return deletesKept{s} }, "subjects/delete_keeps_only_the_subjects_own")
	add("trim ends the newest", func(s base) sojourn.Store { return trimsNewest{s} }, "subjects/trim_ends_the_oldest")
	add("mark refuses every login", func(s base) sojourn.Store { return marksAhead{s} }, "subjects/mark_lets_a_later_login_pass")
	add("mark goes with the last session", func(s base) sojourn.Store { return marksWithSessions{s} }, "subjects/mark_outlives_the_sessions")
	add("mark on each node", func(s base) sojourn.Store {
		return marksPerNode{s, new(sync.Mutex), make(map[reference.Owner]bool)}
	}, "subjects/mark_is_seen_by_every_node")
	add("pages by expiry", func(s base) sojourn.Store { return pagesByExpiry{s} }, "lister/misses_nobody_who_is_touched")
	add("last page dropped", page(func(_ base, entries []sojourn.Entry, cursor, next string) ([]sojourn.Entry, string) {
		if next == "" && cursor != "" {
			return nil, ""
		}
		return entries, next
	}), "lister/pages_through_all")
	add("list keeps the expired", page(func(s base, entries []sojourn.Entry, _, next string) ([]sojourn.Entry, string) {
		s.Lock()
		defer s.Unlock()
		for id, r := range s.Records {
			if !r.Expires.After(s.Now()) {
				entries = append(entries, sojourn.Entry{ID: id})
			}
		}
		return entries, next
	}), "lister/gone_is_not_listed")
	add("sweep takes what lives", func(s base) sojourn.Store { return sweepsEarly{s, 2 * time.Hour} }, "sweeper/leaves_what_lives")
	add("watch tells one of many", func(s base) sojourn.Store {
		return tellsOne{s, new(sync.Mutex), make(map[sojourn.ID]int), new(int)}
	}, "watcher/tells_every_listener")
	add("capability lost on the way", func(s base) sojourn.Store { return forgetsIndex{s, new(bool)} },
		"decorators/a_capability_is_found_each_time")
}
