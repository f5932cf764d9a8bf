package storetest_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
)

// foldedIndex takes for one owner whom fold does.
type foldedIndex struct {
	base
	fold func(o reference.Owner) reference.Owner
}

func (s foldedIndex) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	var entries []sojourn.Entry
	all, _, err := s.List(ctx, "", 1<<30)
	for _, entry := range all {
		owner := reference.Owner{Realm: entry.Facts.Realm, Subject: entry.Facts.Subject}
		if subject != "" && s.fold(owner) == s.fold(reference.Owner{Realm: realm, Subject: subject}) {
			entries = append(entries, entry)
		}
	}
	slices.SortFunc(entries, func(a, b sojourn.Entry) int { return b.Facts.Authenticated.Compare(a.Facts.Authenticated) })
	return entries, err
}

func (s foldedIndex) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	entries, err := s.ListSubject(ctx, realm, subject)
	s.base.DeleteSubject(ctx, realm, subject, keep)
	n := 0
	for _, entry := range entries {
		if entry.ID != keep {
			s.Delete(ctx, entry.ID.Key())
			n++
		}
	}
	return n, err
}

// savedIndex knows what Save has put into it, and no more.
type savedIndex struct {
	base
	mu    *sync.Mutex
	saved map[reference.Owner][]sojourn.Entry
	dead  bool // it keeps what is gone
}

func (s savedIndex) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	key, err := s.base.Save(ctx, state, ttl)
	s.mu.Lock()
	defer s.mu.Unlock()
	owner := reference.Owner{Realm: state.Facts.Realm, Subject: state.Facts.Subject}
	s.saved[owner] = slices.Insert(s.saved[owner], 0, sojourn.Entry{ID: key.ID(), Facts: state.Facts, TTL: ttl})
	return key, err
}

func (s savedIndex) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var entries []sojourn.Entry
	for _, entry := range s.saved[reference.Owner{Realm: realm, Subject: subject}] {
		if _, err := s.Load(ctx, entry.ID.Key()); err == nil || s.dead {
			entries = append(entries, entry)
		}
	}
	return entries, nil
}

// sharesIndex hands out its own list.
type sharesIndex struct {
	base
	lists map[string][]sojourn.Entry
}

func (s sharesIndex) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	if s.lists[realm+subject] == nil {
		s.lists[realm+subject], _ = s.base.ListSubject(ctx, realm, subject)
	}
	return s.lists[realm+subject], nil
}

type oldestFirst struct{ base }

func (s oldestFirst) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	entries, err := s.base.ListSubject(ctx, realm, subject)
	slices.Reverse(entries)
	return entries, err
}

// trimsInSteps lists, and then deletes.
type trimsInSteps struct{ base }

func (s trimsInSteps) TrimSubject(ctx context.Context, realm, subject string, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	entries, err := s.ListSubject(ctx, realm, subject)
	gap()
	left := len(entries)
	var gone []sojourn.ID
	for _, entry := range slices.Backward(entries) {
		if left > n && entry.ID != spare {
			s.Delete(ctx, entry.ID.Key())
			gone = append(gone, entry.ID)
			left--
		}
	}
	return gone, err
}

type trimForgetsSpare struct{ base }

func (s trimForgetsSpare) TrimSubject(ctx context.Context, realm, subject string, n int, _ sojourn.ID) ([]sojourn.ID, error) {
	return s.base.TrimSubject(ctx, realm, subject, n, sojourn.ID{})
}

type trimMarks struct{ base }

func (s trimMarks) TrimSubject(ctx context.Context, realm, subject string, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	gone, err := s.base.TrimSubject(ctx, realm, subject, n, spare)
	s.Lock()
	defer s.Unlock()
	s.Mark(realm, subject)
	return gone, err
}

// revokesInSteps lists, deletes, and then marks.
type revokesInSteps struct{ base }

func (s revokesInSteps) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	entries, err := s.ListSubject(ctx, realm, subject)
	n := 0
	for _, entry := range entries {
		if entry.ID != keep {
			s.Delete(ctx, entry.ID.Key())
			n++
		}
	}
	gap()
	s.Lock()
	defer s.Unlock()
	s.Mark(realm, subject)
	return n, err
}

// unmarked forgets the mark when forget says so.
type unmarked struct {
	base
	forget func(o reference.Owner) reference.Owner
}

func (s unmarked) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	n, err := s.base.DeleteSubject(ctx, realm, subject, keep)
	s.Lock()
	defer s.Unlock()
	owner := reference.Owner{Realm: realm, Subject: subject}
	mark := s.Marks[owner]
	delete(s.Marks, owner)
	if s.forget != nil {
		s.Marks[s.forget(owner)] = mark
	}
	return n, err
}

// markedSave compares the mark in Save only.
type markedSave struct{ base }

func (s markedSave) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	s.Lock()
	owner := reference.Owner{Realm: state.Facts.Realm, Subject: state.Facts.Subject}
	mark, ok := s.Marks[owner]
	delete(s.Marks, owner)
	s.Unlock()
	got, err := s.base.Update(ctx, key, state, ttl)
	if s.Lock(); ok {
		s.Marks[owner] = mark
	}
	s.Unlock()
	return got, err
}

// markedAlways compares the mark in every Update.
type markedAlways struct{ base }

func (s markedAlways) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	s.Lock()
	ended := s.Ended(state.Facts)
	s.Unlock()
	if ended {
		return key, sojourn.ErrEnded
	}
	return s.base.Update(ctx, key, state, ttl)
}

// marksFirst keeps the first mark for ever.
type marksFirst struct {
	base
	first map[reference.Owner]time.Time
}

func (s marksFirst) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	n, err := s.base.DeleteSubject(ctx, realm, subject, keep)
	s.Lock()
	defer s.Unlock()
	owner := reference.Owner{Realm: realm, Subject: subject}
	if _, ok := s.first[owner]; !ok {
		s.first[owner] = s.Marks[owner]
	}
	s.Marks[owner] = s.first[owner]
	return n, err
}

// shortMarks keeps a mark for an hour.
type shortMarks struct{ base }

func (s shortMarks) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	s.Lock()
	for owner, mark := range s.Marks {
		if s.Now().Sub(mark) > time.Hour {
			delete(s.Marks, owner)
		}
	}
	s.Unlock()
	return s.base.Save(ctx, state, ttl)
}

// movesSubject changes a subject in place: the index stays with the one before.
type movesSubject struct {
	savedIndex
}

// pagesByOffset counts where it is.
type pagesByOffset struct{ base }

func (s pagesByOffset) List(ctx context.Context, cursor string, limit int) ([]sojourn.Entry, string, error) {
	all, _, err := s.base.List(ctx, "", 1<<30)
	at := min(len(cursor), len(all))
	if at+limit >= len(all) {
		return all[at:], "", err
	}
	return all[at : at+limit], strings.Repeat("x", at+limit), err
}

func addBrokenSubjects(add adder) {
	fold := func(f func(o reference.Owner) reference.Owner) func(s base) sojourn.Store {
		return func(s base) sojourn.Store { return foldedIndex{s, f} }
	}
	saved := func(s base, dead bool) savedIndex {
		return savedIndex{s, new(sync.Mutex), make(map[reference.Owner][]sojourn.Entry), dead}
	}
	add("subject index orphaned", func(s base) sojourn.Store { return saved(s, false) },
		"subjects/login_by_update_is_listed", "subjects/index_is_never_orphaned")
	add("subject index keeps the dead", func(s base) sojourn.Store { return saved(s, true) },
		"subjects/gone_is_not_listed", "sweeper/takes_the_index_along", "races/delete_and_list")
	add("subject changed in place", func(s base) sojourn.Store { return movesSubject{saved(s, false)} },
		"subjects/another_subject_is_refused_or_moved")
	add("subjects compared without case", fold(func(o reference.Owner) reference.Owner {
		return reference.Owner{Realm: o.Realm, Subject: strings.ToLower(o.Subject)}
	}), "subjects/subjects_compare_byte_for_byte")
	add("subjects compared without blanks", fold(func(o reference.Owner) reference.Owner {
		return reference.Owner{Realm: o.Realm, Subject: strings.TrimRight(o.Subject, " ")}
	}), "subjects/subjects_compare_byte_for_byte")
	add("subject index shared between realms", fold(func(o reference.Owner) reference.Owner {
		return reference.Owner{Subject: o.Subject}
	}), "subjects/realms_are_apart")
	add("realm and subject run together", fold(func(o reference.Owner) reference.Owner {
		return reference.Owner{Subject: o.Realm + o.Subject}
	}), "subjects/realms_are_apart")
	add("aliasing of returned data", func(s base) sojourn.Store { return sharesIndex{s, make(map[string][]sojourn.Entry)} },
		"subjects/entries_belong_to_the_caller")
	add("oldest first", func(s base) sojourn.Store { return oldestFirst{s} }, "subjects/newest_first")
	add("trim raced", func(s base) sojourn.Store { return trimsInSteps{s} }, "subjects/limit_holds_for_a_crowd")
	add("trim forgets spare", func(s base) sojourn.Store { return trimForgetsSpare{s} }, "subjects/trim_spares_one")
	add("trim leaves a mark", func(s base) sojourn.Store { return trimMarks{s} }, "subjects/trim_leaves_no_mark")
	add("revoke-all raced", func(s base) sojourn.Store { return revokesInSteps{s} },
		"subjects/revoke_all_beats_a_crowd", "races/login_and_revoke")
	add("mark ignored", func(s base) sojourn.Store { return unmarked{s, nil} },
		"subjects/mark_refuses_an_earlier_login", "subjects/revoke_all_beats_a_crowd", "races/login_and_revoke")
	add("mark of every realm", func(s base) sojourn.Store {
		return unmarked{s, func(o reference.Owner) reference.Owner {
			return reference.Owner{Realm: o.Realm + "2", Subject: o.Subject}
		}}
	}, "subjects/mark_is_of_one_subject_in_one_realm")
	add("mark compared by Save only", func(s base) sojourn.Store { return markedSave{s} },
		"subjects/mark_refuses_an_earlier_login_by_update", "races/relogin_and_revoke_others")
	add("mark compared by every update", func(s base) sojourn.Store { return markedAlways{s} },
		"subjects/mark_leaves_the_spared_session_alone", "races/renew_and_revoke_others")
	add("mark never moves", func(s base) sojourn.Store { return marksFirst{s, make(map[reference.Owner]time.Time)} }, "subjects/mark_moves_forward")
	add("mark forgotten", func(s base) sojourn.Store { return shortMarks{s} }, "subjects/mark_stays_for_a_day")
	add("pages by offset", func(s base) sojourn.Store { return pagesByOffset{s} }, "lister/misses_nobody_while_others_come_and_go")
}
