package sojourn

import (
	"errors"
	"time"
)

// Commits that change the secret: Login, Renew, and renewal in time. Each is a versioned Update of the one record, so it
// happens wholly or not, and whoever lost decides anew.

// loginConflicts is after how many lost races a login stops trying to keep the visitor's record. Between them it pauses, in
// all for about a second: whoever keeps writing with a planted token delays a login, and no more.
const loginConflicts = 10

// login makes the plan's subject the owner: of the record that the client presented if that is a visitor's or the
// subject's own, else of a new one.
func (c *commit) login() error {
	if c.sent {
		return ErrSent
	}
	if err := c.loginInto(); err != nil {
		return err
	}
	c.m.observe(c.ctx, Event{Kind: EventLogin, ID: c.s.key.id})
	return c.trim()
}

func (c *commit) loginInto() error {
	s, subject := c.s, c.plan.subject
	if s.status.opens() && s.stored.Facts.Subject != "" && s.stored.Facts.Subject != subject {
		return c.loginOver()
	}
	id := s.key.id
	defer c.leaveQueue()
	crowded := false
	for conflicts := 0; s.status.opens(); conflicts++ {
		crowded = crowded || conflicts > 0 && !c.queueInTime(id)
		if conflicts > 1 && !wait(c.ctx, c.loginPause(conflicts)) {
			return c.m.backend.failed(c.ctx, "login", id, c.ctx.Err())
		}
		if conflicts > 0 || s.stored.Version == 0 {
			err := c.reload()
			if errors.Is(err, ErrEnded) || errors.Is(err, ErrRenewed) {
				break // logged in, out or ended meanwhile: nothing of it is ours
			}
			if err != nil {
				return err
			}
		}
		if conflicts == loginConflicts || conflicts > 0 && s.stored.Version == 0 {
			return c.loginBeside() // the latter: of a client-side store, whose lease has another version than the token
		}
		err := c.loginUpdate()
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return c.loginAnew()
}

// queueInTime waits for those who write the session before us, but not for a crowd of them: whoever has many write with a
// planted or stolen token delays a new secret by half of Config.Timeout. Then it races against them.
func (c *commit) queueInTime(id ID) bool {
	call := new(callContext).begin(c.ctx, c.m.cfg.Timeout/2, true)
	defer call.end()
	return c.queue(call, id) == nil
}

// loginPause doubles from 4 ms to 256 ms, unless commits must be faster.
func (c *commit) loginPause(conflicts int) time.Duration {
	return jitter(min(2*time.Millisecond<<min(conflicts-1, 7), c.m.cfg.Timeout/16))
}

// loginAnew begins a new session with what this request itself has set.
func (c *commit) loginAnew() error {
	c.s.status, c.s.stored = statusNone, State{}
	values, err := c.values(Values{})
	if err != nil {
		return err
	}
	return c.save(values, EventCreate)
}

// loginUpdate tries to make the stored record the subject's.
func (c *commit) loginUpdate() error {
	s := c.s
	values, err := c.values(s.stored.Values)
	if err != nil {
		return err
	}
	next := s.stored
	next.Values = values
	f := &next.Facts
	f.Subject, f.Authenticated, f.Label = c.plan.subject, c.v.began, c.v.label()
	if c.plan.remembers {
		f.Remembered = c.plan.remember
	}
	f.Deadline = f.Authenticated.Add(c.m.lifetime(f).Absolute)
	return c.replace(next, true)
}

// loginOver ends another subject's session and begins a new one, with nothing of it.
func (c *commit) loginOver() error {
	s := c.s
	ended := s.key.ID()
	if err := c.m.backend.delete(c.ctx, s.key); err != nil {
		return err
	}
	c.m.observe(c.ctx, Event{Kind: EventEnd, ID: ended})
	c.m.live.wake(ended)
	return c.loginAnew()
}

// loginBeside gives up on a record that others keep changing: the values that stay go into a new one, and the old one
// ends, the subject's own as well, because a login refuses every earlier token. Changes that others made between our last
// look and the end are lost, with the session they were made in.
func (c *commit) loginBeside() error {
	s := c.s
	values, err := c.values(s.stored.Values)
	if err != nil {
		return err
	}
	ended := s.key.ID()
	if err := c.m.backend.delete(c.ctx, s.key); err != nil {
		return err
	}
	c.m.observe(c.ctx, Event{Kind: EventEnd, ID: ended})
	c.m.live.wake(ended)
	return c.save(values, EventCreate)
}

// trim ends the subject's oldest sessions over the limit. If that fails the login fails too: a limit that holds only while
// the store is well is none.
func (c *commit) trim() error {
	if c.m.cfg.MaxSessions == 0 {
		return nil
	}
	s := c.s
	ended, err := c.m.backend.index.TrimSubject(c.ctx, c.m.cfg.Realm, c.plan.subject, c.m.cfg.MaxSessions, s.key.ID())
	for _, id := range ended {
		c.m.observe(c.ctx, Event{Kind: EventEnd, ID: id})
		c.m.live.wake(id)
	}
	if err == nil {
		return nil
	}
	id := s.key.ID()
	// Best effort: nobody ever gets its token. With a time limit of its own, because mostly it was the commit's that ran out.
	call := new(callContext).begin(c.ctx, c.m.cfg.LoadTimeout, false)
	defer call.end()
	_ = c.m.backend.delete(call, s.key)
	c.v.dropReply()
	s.status, s.stored, s.key = statusNone, State{}, Key{}
	return c.m.backend.failed(c.ctx, "trim", id, err)
}

// renew gives the session a new secret because the handler asked for it.
func (c *commit) renew() error {
	s := c.s
	switch {
	case c.sent:
		return ErrSent
	case s.status == statusLate:
		return ErrRenewed // only the current secret may be renewed: the client retries with it
	}
	id := s.key.id
	defer c.leaveQueue()
	crowded := false
	for attempt := 0; ; attempt++ {
		crowded = crowded || attempt > 0 && !c.queueInTime(id)
		if attempt > 0 || s.stored.Version == 0 {
			if err := c.again("renew", id, attempt); err != nil {
				return err
			}
			if s.status == statusLate {
				return ErrRenewed
			}
		}
		values, err := c.values(s.stored.Values)
		if err != nil {
			return err
		}
		next := s.stored
		next.Values = values
		if err := c.replace(next, true); !errors.Is(err, ErrConflict) {
			if err == nil {
				c.m.observe(c.ctx, Event{Kind: EventRenew, ID: s.key.ID()})
			}
			return c.ended(err)
		}
	}
}

func (c *commit) ended(err error) error {
	if errors.Is(err, ErrNotFound) {
		return ErrEnded
	}
	return err
}

// renewalDue reports whether the secret is old enough to be replaced, and the client there to get the new one.
func (c *commit) renewalDue() bool {
	s := c.s
	every := c.m.lifetime(&s.stored.Facts).Renew
	return every > 0 && s.status == statusLive && s.stored.Version != 0 && !c.sent && !c.gone &&
		c.now.Sub(s.stored.Facts.Renewed) >= max(every, grace)
}

// renewInTime renews at the version that was loaded. Whoever lost the race leaves the renewal to the winner, and the
// changes go their usual way.
func (c *commit) renewInTime() (done bool, err error) {
	values, err := c.values(c.s.stored.Values)
	if err != nil {
		return true, err
	}
	next := c.s.stored
	next.Values = values
	err = c.replace(next, false)
	switch {
	case errors.Is(err, ErrConflict):
		return false, nil
	case err == nil:
		c.m.observe(c.ctx, Event{Kind: EventRenew, ID: c.s.key.ID()})
	case errors.Is(err, ErrNotFound):
		if len(c.plan.changes) > 0 || c.plan.cleared {
			return true, ErrEnded
		}
		return true, nil
	}
	return true, err
}

// replace stores next, over the version it was loaded with, under a new secret, and tells the client. With refuse the
// secret before opens nothing any more, and what was under way with it is refused; else it is a periodic renewal.
// ErrConflict and ErrNotFound are returned as they are.
func (c *commit) replace(next State, refuse bool) error {
	s := c.s
	if err := c.checkGrowth(s.stored.Values, next.Values); err != nil {
		return err
	}
	secret, digest := newSecret()
	f := &next.Facts
	f.Previous, f.Digest, f.Refused, f.Renewed = f.Digest, digest, refuse, c.now
	if refuse {
		f.Generation++
	}
	ttl := c.m.ttl(f, c.now)
	if c.m.cfg.Extend == ExtendOnChange && !refuse && next.Values == s.stored.Values {
		ttl = max(min(ttl, c.left()), time.Millisecond) // a renewal in time is no use of the session
	}
	key, err := c.m.backend.store.Update(c.ctx, s.key, next, ttl)
	switch {
	case err == nil:
	case errors.Is(err, ErrConflict), errors.Is(err, ErrNotFound):
		return err
	case answered(err):
		return c.refusal("update", s.key.ID(), err)
	default:
		if c.m.backend.parser == nil || key.IsZero() {
			key = s.key
		}
		if !c.settled(key, digest) {
			return c.m.backend.failed(c.ctx, "update", s.key.ID(), err)
		}
	}
	c.s.hold(key, next, digest, c.now)
	c.s.stored.TTL = ttl
	c.m.live.renewed(key.ID(), f.Subject)
	return c.tell(secret)
}

// settled finds out, by one Load, whether an Update happened whose acknowledgement was lost. It has a time limit of its
// own: mostly it was the commit's that ran out. key is the one that the Update was to make: a client-side store tells it
// beside its error.
func (c *commit) settled(key Key, ours digest) bool {
	call := new(callContext).begin(c.ctx, c.m.cfg.LoadTimeout, false)
	defer call.end()
	state, err := c.m.backend.store.Load(call, key)
	return err == nil && state.Facts.Digest == ours
}

// checkGrowth holds the limits as Patch does: what was over them may still shrink, and a secret may change without the
// values, or limits that were tightened would lock out everybody who was over them.
func (c *commit) checkGrowth(before, after Values) error {
	if before == after {
		return nil
	}
	if exceeds(c.m.cfg.MaxSize, after.Size, before.Size) || exceeds(c.m.cfg.MaxNames, after.Len, before.Len) {
		return ErrTooLarge
	}
	return nil
}
