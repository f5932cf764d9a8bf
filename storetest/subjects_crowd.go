package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/sojourn-go/sojourn"
)

func subjectsCrowdCases() []Case {
	cases := []Case{
		{
			Name: "limit_holds_for_a_crowd",
			Rule: "With a limit of 3, 50 parallel logins end with exactly 3, each ended once, and none ends itself.",
			Why:  "A limit that a script with many connections walks through is none.",
			run:  checkLimit,
		}, {
			Name: "revoke_all_beats_a_crowd",
			Rule: "A login acknowledged before DeleteSubject began is dead when it returns; one from before it never comes.",
			Why:  "\"Log out everywhere\" leaves the thief's session.",
			run:  checkRevokeAll,
		}, {
			Name: "index_is_never_orphaned",
			Rule: "After any crowd of logins and logouts the index is what the records say.",
			Why:  "A session that lives and is not listed cannot be ended.",
			run:  checkIndexAfterCrowd,
		},
	}
	return needing(needSubjectIndex, cases)
}

func checkLimit(e *env) {
	const logins, limit = 50, 3
	keys := make([]sojourn.Key, logins)
	var mu sync.Mutex
	ended := make(map[sojourn.ID]int)
	errs := e.together(logins, func(i int) error {
		st := e.node(i % 2)
		// The order in which they were authenticated is not the one in which they arrive.
		key, err := st.Save(e.ctx, e.login(e.subject, -time.Duration(i*7%logins)*time.Second), long)
		if err != nil {
			return err
		}
		keys[i] = key
		gone, err := capability[sojourn.SubjectIndex](st).TrimSubject(e.ctx, e.realm, e.subject, limit, key.ID())
		mu.Lock()
		defer mu.Unlock()
		for _, id := range gone {
			ended[id]++
			if id == key.ID() {
				return fmt.Errorf("login %d ended itself", i)
			}
		}
		return err
	})
	if err := errors.Join(errs...); err != nil {
		e.Fatalf("login: %v", err)
	}
	live := make(map[sojourn.ID]bool)
	for _, entry := range e.list(e.subject) {
		live[entry.ID] = true
	}
	if len(live) != limit {
		e.Errorf("got %d sessions listed, want %d", len(live), limit)
	}
	for i, key := range keys {
		_, err := e.st.Load(e.ctx, key)
		if alive := err == nil; alive != live[key.ID()] {
			e.Errorf("login %d: listed %t, Load says %v", i, live[key.ID()], err)
		}
		if n := ended[key.ID()]; n > 1 || (n == 1) == live[key.ID()] {
			e.Errorf("login %d: ended by %d trims, alive %t", i, n, live[key.ID()])
		}
	}
}

func checkRevokeAll(e *env) {
	for round := range 8 {
		subject := fmt.Sprint(e.subject, "-", round)
		before := e.save(e.login(subject, -2*clockSkew), long)
		keys := make([]sojourn.Key, 12)
		errs := e.together(len(keys)+1, func(i int) error {
			st := e.node(i % 2)
			if i == len(keys) {
				_, err := capability[sojourn.SubjectIndex](st).DeleteSubject(e.ctx, e.realm, subject, sojourn.ID{})
				_, gone := st.Load(e.ctx, before)
				if err == nil && !errors.Is(gone, sojourn.ErrNotFound) {
					return fmt.Errorf("a session from before DeleteSubject when it has returned: %v", gone)
				}
				return err
			}
			state := e.login(subject, -clockSkew-time.Duration(i)*time.Second)
			var err error
			if i%2 == 0 {
				keys[i], err = st.Save(e.ctx, state, long)
			} else if keys[i], err = st.Save(e.ctx, e.state(), long); err == nil {
				var visitor sojourn.State
				if visitor, err = st.Load(e.ctx, keys[i]); err == nil {
					state.Version = visitor.Version
					_, err = st.Update(e.ctx, keys[i], state, long)
				}
			}
			if errors.Is(err, sojourn.ErrEnded) || errors.Is(err, sojourn.ErrNotFound) {
				return nil
			}
			return err
		})
		if err := errors.Join(errs...); err != nil {
			e.Fatalf("revoking beside logins: %v", err)
		}
		for i, key := range keys {
			if key.IsZero() {
				continue
			}
			if state, err := e.st.Load(e.ctx, key); err == nil && state.Facts.Subject != "" {
				e.Errorf("login %d from before DeleteSubject is alive", i)
			}
		}
		if n := len(e.list(subject)); n != 0 {
			e.Errorf("got %d sessions listed after DeleteSubject, want none", n)
		}
	}
}

func checkIndexAfterCrowd(e *env) {
	const n = 24
	keys := make([]sojourn.Key, n)
	errs := e.together(n, func(i int) error {
		st := e.node(i % 2)
		var err error
		if keys[i], err = st.Save(e.ctx, e.state(), long); err != nil {
			return err
		}
		state, err := st.Load(e.ctx, keys[i])
		if err != nil {
			return err
		}
		state.Facts.Subject, state.Facts.Authenticated = e.subject, e.now()
		if i%3 == 0 {
			done := make(chan error)
			go func() { done <- st.Delete(e.ctx, keys[i]) }()
			_, err = st.Update(e.ctx, keys[i], state, long)
			if errors.Is(err, sojourn.ErrNotFound) {
				err = nil
			}
			return errors.Join(err, <-done)
		}
		_, err = st.Update(e.ctx, keys[i], state, long)
		return err
	})
	if err := errors.Join(errs...); err != nil {
		e.Fatalf("login and logout: %v", err)
	}
	listed := make(map[sojourn.ID]bool)
	for _, entry := range e.list(e.subject) {
		listed[entry.ID] = true
	}
	for i, key := range keys {
		_, err := e.st.Load(e.ctx, key)
		if alive := err == nil; alive != listed[key.ID()] || alive != (i%3 != 0) {
			e.Errorf("session %d: listed %t, Load says %v", i, listed[key.ID()], err)
		}
	}
}
