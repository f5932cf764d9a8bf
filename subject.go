package sojourn

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Sessions lists the subject's sessions, newest first, or [errors.ErrUnsupported]. It may be called in a handler, to show
// the user's devices. An empty subject is an error, as is a store that has not answered within Config.LoadTimeout.
func (m *Manager) Sessions(ctx context.Context, subject string) ([]Entry, error) {
	if err := m.checkSubject(subject); err != nil {
		return nil, err
	}
	call := new(callContext).begin(ctx, m.cfg.LoadTimeout, true)
	defer call.end()
	all, err := m.backend.index.ListSubject(call, m.cfg.Realm, subject)
	if err != nil {
		return nil, m.unlisted(ctx, err)
	}
	all = slices.DeleteFunc(all, func(e Entry) bool {
		return e.Facts.Realm != m.cfg.Realm || e.Facts.Subject != subject || !m.complete(&e)
	})
	for i := range all {
		m.complete(&all[i])
	}
	slices.SortStableFunc(all, func(a, b Entry) int { return b.Facts.Authenticated.Compare(a.Facts.Authenticated) })
	return all, nil
}

// complete fills in what only the manager knows, and reports whether the session lives.
func (m *Manager) complete(e *Entry) bool {
	now := m.now()
	end := m.deadline(&e.Facts, now)
	if !now.Before(end) {
		return false
	}
	e.Facts.Deadline = end
	e.Facts.hideDigests()
	if e.TTL > 0 {
		// A use leaves the whole idle timeout, or what remains until the deadline: then it was later than this says.
		e.Seen = now.Add(e.TTL - m.lifetime(&e.Facts).Idle)
		for _, t := range [...]time.Time{e.Facts.Created, e.Facts.Authenticated, e.Facts.Renewed} {
			if t.After(e.Seen) {
				e.Seen = t
			}
		}
		if e.Seen.After(now) {
			e.Seen = now
		}
	}
	return true
}

// work is the context of a revocation: like a commit it is done within Config.Timeout and does not stop half-way when the
// client that asked for it leaves. It does not begin when the client has left already.
func (m *Manager) work(ctx context.Context) (context.Context, func(), error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	call := new(callContext).begin(ctx, m.cfg.Timeout, false)
	return call, call.end, nil
}

// Revoke ends one session of subject. [ErrNotFound] if id is not the subject's: somebody else's session and one that never
// was answer alike (CWE-639). Once begun it goes on when ctx ends, for at most Config.Timeout; so do End, RevokeAll and
// RevokeOthers.
func (m *Manager) Revoke(ctx context.Context, subject string, id ID) error {
	if err := checkName(subject); err != nil {
		return fmt.Errorf("sojourn: subject: %w", err)
	}
	ctx, done, err := m.work(ctx)
	if err != nil {
		return err
	}
	defer done()
	owns, err := m.owns(ctx, id, func(f *Facts) bool { return f.Subject == subject })
	switch {
	case errors.Is(err, ErrCorrupt):
		return ErrNotFound
	case err != nil:
		return err
	case !owns:
		return ErrNotFound
	}
	return m.delete(ctx, id)
}

// End ends a session, whosever it is: for operators. One that is not there, or of another realm, is [ErrNotFound]; one whose
// record cannot be read goes.
func (m *Manager) End(ctx context.Context, id ID) error {
	ctx, done, err := m.work(ctx)
	if err != nil {
		return err
	}
	defer done()
	owns, err := m.owns(ctx, id, func(*Facts) bool { return true })
	if errors.Is(err, ErrCorrupt) {
		owns, err = true, nil // nobody can say whose it was, and nobody can use it
	}
	switch {
	case err != nil:
		return err
	case !owns:
		return ErrNotFound
	}
	return m.delete(ctx, id)
}

// owns loads id's session and reports whether it is of our realm and passes the test. A subject that is set never
// changes, so the answer is still right when the session is deleted.
func (m *Manager) owns(ctx context.Context, id ID, test func(*Facts) bool) (bool, error) {
	state, err := m.backend.loadByID(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return state.Facts.Realm == m.cfg.Realm && test(&state.Facts), nil
}

func (m *Manager) delete(ctx context.Context, id ID) error {
	if err := m.backend.delete(ctx, id.Key()); err != nil {
		return err
	}
	m.observe(ctx, Event{Kind: EventEnd, ID: id})
	m.live.wake(id)
	return nil
}

// RevokeAll ends all sessions of subject and says how many, or [errors.ErrUnsupported]. A login of the subject whose
// request began before does not survive it either: it fails with [ErrEnded]. Clocks of nodes and engine that differ widen
// or narrow that by the difference. An empty subject is an error: visitors are not one.
//
// A handler that ends its own session so calls [Session.Logout] next, which removes the cookie, and sets values (a notice,
// say) only then: without the Logout they are changes of a session that has ended, and the commit fails with [ErrEnded].
func (m *Manager) RevokeAll(ctx context.Context, subject string) (int, error) {
	return m.RevokeOthers(ctx, subject, ID{})
}

// RevokeOthers ends all sessions of subject but keep: after a change of password, say. Like RevokeAll it refuses logins
// under way, and an empty subject is an error.
//
// In a handler, call [Session.Renew] and [Session.Commit] before, and RevokeOthers only once the commit has succeeded: in
// the other order, whoever has a copy of the token can renew it between the two and is the one who is spared. If the commit
// fails, with [ErrRenewed] for example, call RevokeAll with the subject as it was before the commit. Renew and not Login: the
// request's own login began before as well.
func (m *Manager) RevokeOthers(ctx context.Context, subject string, keep ID) (int, error) {
	if err := m.checkSubject(subject); err != nil {
		return 0, err
	}
	ctx, done, err := m.work(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	n, err := m.backend.index.DeleteSubject(ctx, m.cfg.Realm, subject, keep)
	if err != nil {
		if errors.Is(err, errors.ErrUnsupported) { // what a decorator says for a store that lacks the capability
			return n, errors.ErrUnsupported
		}
		return n, m.backend.failed(ctx, "revoke", ID{}, err)
	}
	if n > 0 {
		m.observe(ctx, Event{Kind: EventEnd, ID: ID{}})
	}
	m.live.wakeSubject(subject)
	// A login that begins from here on is not under way any more, but the mark and Facts count milliseconds: let this one
	// pass, so that the two differ.
	now := time.Now()
	time.Sleep(now.Truncate(time.Millisecond).Add(time.Millisecond).Sub(now))
	return n, nil
}

func (m *Manager) checkSubject(subject string) error {
	if m.backend.index == nil {
		return errors.ErrUnsupported
	}
	if err := checkName(subject); err != nil {
		return fmt.Errorf("sojourn: subject: %w", err)
	}
	return nil
}

// unlisted passes on what a decorator says for a store that lacks the capability; everything else is a failure.
func (m *Manager) unlisted(ctx context.Context, err error) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return errors.ErrUnsupported
	}
	return m.backend.unread(ctx, "list", ID{}, err)
}

// All iterates over all sessions of the manager's realm, or yields [errors.ErrUnsupported]. A session that lives from the
// beginning to the end comes at least once. The store has Config.Timeout for each page of 256.
func (m *Manager) All(ctx context.Context) iter.Seq2[Entry, error] {
	const page = 256
	return func(yield func(Entry, error) bool) {
		if m.backend.lister == nil {
			yield(Entry{}, errors.ErrUnsupported)
			return
		}
		for cursor := ""; ; {
			call := new(callContext).begin(ctx, m.cfg.Timeout, true)
			entries, next, err := m.backend.lister.List(call, cursor, page)
			call.end()
			if err != nil {
				yield(Entry{}, m.unlisted(ctx, err))
				return
			}
			for _, e := range entries {
				if e.Facts.Realm == m.cfg.Realm && m.complete(&e) && !yield(e, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			cursor = next
		}
	}
}
