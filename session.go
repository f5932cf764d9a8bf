package sojourn

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Session is what a handler reads and changes. Whoever holds one holds a loaded one: no method but Commit, a Logout after
// the response has begun, and Context's background check calls the store, and reading cannot fail for the store's sake.
//
// Changes are collected and committed with the response. A change that cannot be kept (a value without JSON form, a bad
// name) is remembered and fails that commit, so Set needs no error to check. Err tells of such a change at once; what only
// the commit finds out ([ErrTooLarge], [ErrSent], a store that fails), Commit tells at once. Methods are safe for the
// goroutines of one request; while one of them commits, the others wait.
type Session struct {
	v *Visit

	mu     sync.Mutex
	status status
	key    Key
	digest digest
	secret *secretChars // of a client-side store's token
	// stored is what the store has, as far as is known: after a Patch its Version is 0, unknown.
	stored     State
	loadedAt   time.Time
	undead     *Key   // target of a Logout that the store failed: the next Logout tries again
	generation uint32 // as of the last load or commit of this request: another one refuses its token

	// What a handler sees is pending over flight over floor.
	floor   Values   // what the store had, or what a Login, Logout or Clear left of it
	flight  []change // what the last commit stored, until it is needed again
	pending *plan    // Manager.nothing if there is nothing to do
}

// Load returns the session of the request that ctx belongs to, of the innermost manager around the handler. It calls the
// store the first time, at most once per request. A client without a live session gets an empty one. A store that fails is
// an error, for [Error] to answer, never an empty session. Without a manager: [ErrNoManager].
//
// Load before the response's first byte: after it the header has gone, without Vary: Cookie and Cache-Control: private,
// and the handler itself must have kept shared caches from the page.
func Load(ctx context.Context) (*Session, error) {
	v, ok := ctx.Value(visitKey{}).(*Visit)
	if !ok {
		return nil, ErrNoManager
	}
	return v.Load(ctx)
}

// Load returns this manager's session of the request that ctx belongs to. See the function [Load].
func (m *Manager) Load(ctx context.Context) (*Session, error) {
	v, ok := ctx.Value(visitKey{m}).(*Visit)
	if !ok {
		return nil, ErrNoManager
	}
	return v.Load(ctx)
}

// ID returns the session's public name, the same for its whole life, zero until it is first committed and where the
// client presented no live session.
func (s *Session) ID() ID {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.status.opens() {
		return ID{}
	}
	return s.key.id
}

// IsNew reports whether the client presented no live session.
func (s *Session) IsNew() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.status.opens()
}

// Subject returns who is logged in, "" for a visitor.
func (s *Session) Subject() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.subject()
}

func (s *Session) subject() string {
	switch {
	case s.pending.login:
		return s.pending.subject
	case s.pending.logout || !s.status.opens():
		return ""
	}
	return s.stored.Facts.Subject
}

// Facts returns what else is known: times, label, deadline. It is the zero Facts until a new session is first committed,
// and a Login or Renew shows in it after the commit. The digests of the secrets are left out.
func (s *Session) Facts() Facts {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending.logout || !s.status.opens() {
		return Facts{}
	}
	f := s.stored.Facts
	f.Deadline = s.v.m.deadline(&f, s.v.m.now())
	f.hideDigests()
	return f
}

// Fresh reports whether the subject logged in less than max ago: for a page that asks for the password again. A login
// time more than a minute ahead of this node's clock is not fresh.
func (s *Session) Fresh(max time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending.login {
		return max > 0
	}
	if s.subject() == "" {
		return false
	}
	age := s.v.m.now().Sub(s.stored.Facts.Authenticated)
	return -time.Minute < age && age < max
}

// Has reports whether name has a value.
func (s *Session) Has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text(name) != ""
}

// Values returns all values as they are now, changes included.
func (s *Session) Values() Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view()
}

// text returns the JSON text of name as the handler sees it, "" if there is none.
func (s *Session) text(name string) string {
	if at := s.pending.find(name); at >= 0 {
		return s.pending.changes[at].text.json()
	}
	for i := range s.flight {
		if s.flight[i].name == name {
			return s.flight[i].text.json()
		}
	}
	return s.floor.Get(name)
}

func (s *Session) view() Values {
	s.settle()
	return s.floor.with(overlay(s.pending.changes))
}

// settle folds the last commit's changes into the floor.
func (s *Session) settle() {
	if len(s.flight) > 0 {
		s.floor = s.floor.with(overlay(s.flight))
		s.stored.Values = s.floor
		s.flight = nil
	}
}

// Set makes v, as JSON, the value of name. Setting an equal value is no change.
//
// A value without JSON form, one with an object that has a name twice or nests deeper than 32, and a name that is empty,
// longer than 255 bytes, not UTF-8 or contains NUL, cannot be kept.
func (s *Session) Set(name string, v any) {
	text, err := encodeValue(v)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(name, text, err)
}

func (s *Session) set(name string, text encoded, err error) {
	if err == nil {
		err = checkName(name)
	}
	if err != nil {
		s.reject(&valueError{name, err})
		return
	}
	if !text.is(s.text(name)) {
		s.put(change{name: name, text: text})
	}
}

func (s *Session) reject(err error) {
	if s.pending.err == nil {
		s.draft().err = err
	}
}

// Get decodes the value of name into dst, as encoding/json does. It reports whether there is one; the error is about
// decoding. An object with two names that differ only in case is refused where dst is a struct, because encoding/json
// would let the second one win.
func (s *Session) Get(name string, dst any) (bool, error) {
	s.mu.Lock()
	text := s.text(name)
	s.mu.Unlock()
	if text == "" {
		return false, nil
	}
	if err := decodeValue(text, dst); err != nil {
		return true, &valueError{name, err}
	}
	return true, nil
}

// Remove removes names. Absent ones do not matter.
func (s *Session) Remove(names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if s.text(name) != "" || s.status.hides() {
			s.put(change{name: name})
		}
	}
}

// Clear removes all values that the session has, also those that a parallel request has set since the load.
func (s *Session) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settle()
	if s.floor == (Values{}) && len(s.pending.changes) == 0 && s.status == statusNone {
		return
	}
	p := s.draft()
	p.drop()
	s.floor = Values{}
}

// Login makes subject the owner: new secret, new deadline, authenticated now. Of a visitor's values only those named in
// keep stay, so nothing planted before the login counts after it; of another subject's, none; of the same subject's, all.
// Every earlier token of the session is refused from then on. It works whatever the client presented, and over another
// subject's session it begins a new one. With Config.MaxSessions the subject's oldest sessions end.
//
// A login whose request began before all sessions of the subject were ended fails the commit with [ErrEnded].
func (s *Session) Login(subject string, keep ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := checkName(subject); err != nil {
		s.reject(fmt.Errorf("sojourn: subject: %w", err))
		return
	}
	s.settle()
	p := s.draft()
	switch s.subject() {
	case subject: // all stay
	case "":
		p.changes = slices.DeleteFunc(p.changes, func(c change) bool { return !slices.Contains(keep, c.name) })
		p.places = nil
		s.floor = s.floor.with(Patch{Clear: true, Keep: keep})
		if !p.cleared {
			p.cleared, p.keep = true, slices.Clone(keep)
		} else {
			p.keep = slices.DeleteFunc(slices.Clone(p.keep), func(name string) bool { return !slices.Contains(keep, name) })
		}
	default:
		p.drop()
		s.floor = Values{}
	}
	p.login, p.subject = true, strings.Clone(subject)
}

// Logout ends the session, with or without a subject, on the server and in the client, even if the handler panics
// afterwards or the response is already on its way; if the store fails the cookie is removed all the same, and the answer
// is an error. Values set afterwards, such as a farewell notice, begin a visitor's session under a new ID.
//
// A logout that was under way when the session was logged in again ends that login too.
func (s *Session) Logout() {
	s.mu.Lock()
	target := s.key
	if !s.status.opens() {
		target = Key{}
	}
	switch {
	case s.pending.logout: // once more
		target = s.pending.target
	case target.IsZero() && s.undead != nil:
		target = *s.undead
	}
	// What was collected before ends with the session; a change that could not be kept no longer matters.
	s.pending = &plan{logout: true, target: target}
	s.v.logouts.Store(true)
	s.floor, s.flight = Values{}, nil
	late := s.v.isSent()
	s.mu.Unlock()
	if late {
		s.v.commitLogout()
	}
}

// Renew gives the session a new secret and refuses the old one at once. Call it when privileges change; Login does it
// itself. A new session has a new secret anyway.
func (s *Session) Renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draft().renew = true
}

// Remember chooses Config.Remember instead of Config.Lifetime or Visitors, or the other way round. It has effect only beside a Login in
// the same request, or on a new session: facts change only together with the secret.
func (s *Session) Remember(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.draft()
	p.remember, p.remembers = on, true
}

// Err returns the error of the first change since the last commit that cannot be kept for its own sake: a value without
// JSON form, a name or subject that is not allowed. A size over the limit, [ErrSent] and failures of the store are Commit's.
func (s *Session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pending.err
}

// Commit stores the changes now instead of with the response; ctx must not have ended before, and its end does not stop a
// commit under way. On an error nothing was stored and the changes are dropped, except that after a [*StoreError] it is
// not known. [ErrEnded]: the session is gone. [ErrRenewed]: a Login or Renew elsewhere replaced the token. [ErrTooLarge]:
// over a limit. [ErrConflict]: the request presented two live sessions. After the response's headers have left, changes
// that need a cookie are [ErrSent].
func (s *Session) Commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.v.commit(ctx, false)
}

// String names the session without its values.
func (s *Session) String() string { return "sojourn.Session(" + s.ID().String() + ")" }

// Format prints String under every verb.
func (s *Session) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue is a group of id and subject.
func (s *Session) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", s.ID().String()), slog.String("subject", s.Subject()))
}
