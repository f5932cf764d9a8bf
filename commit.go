package sojourn

import (
	"context"
	"errors"
	"time"
)

// commit stores what the session collected. The final commit, the one at the response's first byte, also touches and
// renews what is due. It runs on a context of its own: the client's leaving does not stop it half-way.
func (v *Visit) commit(ctx context.Context, final bool) error {
	v.io.Lock()
	defer v.io.Unlock()
	if !v.loaded {
		if !final || v.m.cfg.Extend != ExtendOnRequest || !v.mayPresent() {
			return nil
		}
		if err := v.load(ctx); err != nil {
			return nil // an event says so; nobody asked for the session
		}
	}
	if v.loadErr != nil {
		return nil // whoever asked for the session has the error
	}
	s := &v.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending.isEmpty() && (!final || !s.status.opens() || v.m.rests(s)) {
		return nil
	}
	return v.commitChanges(ctx, s, final)
}

// commitChanges is a function of its own because most requests have nothing to commit.
func (v *Visit) commitChanges(ctx context.Context, s *Session, final bool) error {
	call := &s.pending.call
	if s.pending == &v.m.nothing {
		call = new(callContext)
	}
	c := commit{v: v, m: v.m, s: s, ctx: call.begin(ctx, v.m.cfg.Timeout, false), now: v.m.now()}
	defer call.end()
	c.gone = ctx.Err() != nil
	return c.run(final)
}

// rests reports whether a session that opens and that nobody changed can need nothing: neither an extension nor a renewal in
// time. It is the case of most requests that read, and costs them no look at the clock.
func (m *Manager) rests(s *Session) bool {
	return m.lifetime(&s.stored.Facts).Renew == 0 && !m.mayTouch(s)
}

// mayPresent reports whether the request carries something that could be a token, without looking at it.
func (v *Visit) mayPresent() bool {
	name := "Cookie"
	if v.m.cfg.Header != "" {
		name = v.m.cfg.Header
	}
	return len(v.requestHeader(name)) > 0
}

// commit is one commit under way. It runs under the session's lock.
type commit struct {
	v    *Visit
	m    *Manager
	s    *Session
	ctx  context.Context
	now  time.Time
	plan *plan
	sent bool // no cookie can reach the client any more
	gone bool // the client has left

	queued ID // of the session whose writers wait for this one, zero if none do
}

// run is the table of what a commit does.
func (c *commit) run(final bool) error {
	s := c.s
	s.settle()
	c.plan, s.pending = s.pending, &c.m.nothing
	c.sent = c.v.isSent()
	if err := c.steps(final); err != nil {
		// What the handler saw was never stored.
		s.flight, s.floor = nil, Values{}
		if s.status.opens() {
			s.floor = s.stored.Values
		}
		if failure := (*StoreError)(nil); !errors.As(err, &failure) {
			c.m.observe(c.ctx, Event{EventLost, s.key.id, err})
		}
		return err
	}
	if p := s.pending; p.cleared || p.logout {
		// By another goroutine, while the lock was open for a Field's function.
		s.settle()
		s.floor = s.floor.with(Patch{Clear: true, Keep: p.keep})
	}
	return nil
}

func (c *commit) steps(final bool) error {
	s, p := c.s, c.plan
	if p.logout {
		if err := c.logout(); err != nil {
			return err
		}
	}
	if p.err != nil {
		return p.err
	}
	if c.expired() {
		// The deadline has passed since the load: as if the store had forgotten the session. A late renewal would take the
		// place of the one that came after it in the client, and a login would carry over what is dead.
		switch {
		case p.login:
			s.status = statusNone
		case p.isEmpty():
			return nil
		default:
			return ErrEnded
		}
	}
	switch {
	case p.login:
		return c.login()
	case s.status == statusAmbiguous:
		if p.isEmpty() {
			return nil
		}
		return ErrConflict
	case s.status == statusNone:
		return c.create()
	case s.status == statusRefused:
		if len(p.changes) > 0 || p.cleared || p.renew {
			return ErrRenewed
		}
		return nil
	case p.renew:
		return c.renew()
	}
	if final && c.renewalDue() {
		if done, err := c.renewInTime(); done {
			return err
		}
	}
	if len(p.changes) > 0 || p.cleared {
		if err := c.patch(); err != nil {
			return err
		}
	}
	if final {
		c.touch() // also where changes came to nothing; a patch has left nothing to extend
	}
	return nil
}

// expired reports whether the deadline has passed. Of a session that an earlier commit of this request found gone, or
// another's, nothing is known any more.
func (c *commit) expired() bool {
	f := &c.s.stored.Facts
	return c.s.status.opens() && !f.Created.IsZero() && !c.now.Before(c.m.deadline(f, c.now))
}

// logout deletes what was live when Logout was called. The cookie goes even if the store fails: the next person at this
// browser must not be logged in after the outage.
func (c *commit) logout() error {
	s, target := c.s, c.plan.target
	if target.IsZero() {
		if s.status == statusAmbiguous && !c.plan.login {
			return ErrConflict // two sessions are live, and which one is meant cannot be known
		}
		return nil
	}
	s.status, s.stored, s.key, s.generation = statusNone, State{}, Key{}, 0
	err := c.m.backend.delete(c.ctx, target)
	if !c.sent {
		if replyErr := c.v.setReply(nil, 0); replyErr != nil {
			return replyErr
		}
	}
	if err != nil {
		undead := target
		s.undead = &undead
		return err
	}
	s.undead = nil
	c.m.observe(c.ctx, Event{Kind: EventEnd, ID: target.ID()})
	c.m.live.wake(target.ID())
	return nil
}

// create begins a visitor's session, if there is anything to keep.
func (c *commit) create() error {
	values, err := c.values(Values{})
	if err != nil || values == (Values{}) {
		return err
	}
	return c.save(values, EventCreate)
}

// save files a new session and hands its token to the client.
func (c *commit) save(values Values, kind EventKind) error {
	if c.sent {
		return ErrSent
	}
	if err := c.checkSize(values); err != nil {
		return err
	}
	secret, digest := newSecret()
	f := Facts{
		Realm: c.m.cfg.Realm, Label: c.v.label(), Created: c.now, Renewed: c.now, Digest: digest,
		Remembered: c.plan.remember,
	}
	if c.plan.login {
		f.Subject, f.Authenticated, f.Generation = c.plan.subject, c.v.began, 1
	}
	f.Deadline = f.start().Add(c.m.lifetime(&f).Absolute)
	state := State{Facts: f, Values: values}
	key, err := c.m.backend.store.Save(c.ctx, state, c.m.ttl(&f, c.now))
	if err != nil {
		return c.refusal("save", ID{}, err)
	}
	if key.IsZero() || key.id.IsZero() || key.id == c.s.key.id {
		return c.m.backend.failed(c.ctx, "save", key.id, errors.New("the store returned a key that cannot be new"))
	}
	c.s.hold(key, state, digest, c.now)
	c.m.observe(c.ctx, Event{Kind: kind, ID: key.id})
	return c.tell(secret)
}

// hold makes state, which the store has acknowledged, the session's.
func (s *Session) hold(key Key, state State, d digest, now time.Time) {
	s.status, s.key, s.digest = statusLive, key, d
	s.stored, s.floor, s.flight, s.loadedAt = state, state.Values, nil, now
	s.generation = state.Facts.Generation
	s.stored.Version = 0 // the store knows it, we do not
	s.stored.TTL = s.v.m.ttl(&state.Facts, now)
}

// tell gives the client the token of the session that was just stored under a new secret.
func (c *commit) tell(secret [secretLen]byte) error {
	if c.m.backend.parser == nil {
		var text [idTokenLen]byte
		return c.tellToken(appendToken(text[:0], c.s.key.id, secret))
	}
	c.s.secret = newSecretChars(secret)
	return c.tellToken(sealedToken(c.s.key, c.s.secret))
}

func (c *commit) tellToken(token []byte) error {
	f := &c.s.stored.Facts
	var age time.Duration
	if c.m.lifetime(f).Persistent {
		age = c.m.deadline(f, c.now).Sub(c.now)
	}
	return c.v.setReply(token, age)
}

// refusal turns a store's error into the commit's: the contract's answers as they are, anything else a *StoreError.
func (c *commit) refusal(op string, id ID, err error) error {
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrEnded):
		return ErrEnded
	case errors.Is(err, ErrTooLarge):
		return ErrTooLarge
	}
	return c.m.backend.failed(c.ctx, op, id, err)
}

// patch stores changes of values. A change that lost a race is made again on what is there now.
func (c *commit) patch() error {
	s := c.s
	id := s.key.id
	defer c.leaveQueue()
	for attempt := 0; ; attempt++ {
		if c.queued.IsZero() && (attempt > 0 || c.m.locks.busy(id)) {
			if err := c.queue(c.ctx, id); err != nil {
				return c.m.backend.failed(c.ctx, "patch", id, err)
			}
			attempt = max(attempt, 1) // what was loaded is out of date
		}
		if attempt > 0 {
			if err := c.again("patch", id, attempt); err != nil {
				return err
			}
		}
		changes, p, err := c.prepare(s.stored.Values)
		if err != nil {
			return err
		}
		if !p.Clear && len(p.Remove) == 0 && p.Set == (Values{}) {
			s.floor = s.stored.Values // another request may have made the change
			return nil
		}
		if err := c.mayRekey(); err != nil {
			return err
		}
		ttl := c.patchTTL()
		key, err := c.m.backend.patch(c.ctx, s.key, &s.stored, p, ttl, c.left)
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return c.refusal("patch", s.key.id, err)
		}
		return c.patched(key, changes, ttl)
	}
}

// patched notes what the store acknowledged. The values are put together only if somebody asks for them.
func (c *commit) patched(key Key, changes []change, ttl time.Duration) error {
	s := c.s
	if !c.plan.cleared {
		s.floor = s.stored.Values
	}
	s.flight, s.stored.Version = changes, 0
	if s.status == statusLive {
		s.stored.TTL, s.loadedAt = max(s.left(c.now), ttl), c.now
	}
	if len(changes) == 0 {
		s.stored.Values = s.floor
	}
	return c.rekey(key)
}

// mayRekey reports whether a change of values can reach a client that holds them itself: not once the headers are out, and
// not with a secret that a periodic renewal has replaced, because the cookie of the new one would be overwritten.
func (c *commit) mayRekey() error {
	switch {
	case c.m.backend.parser == nil:
		return nil
	case c.s.status == statusLate:
		return ErrRenewed
	case c.sent:
		return ErrSent
	}
	return nil
}

// rekey tells the client the next key of a client-side store, which goes with the same secret.
func (c *commit) rekey(key Key) error {
	if key == c.s.key || c.s.secret == nil {
		return nil
	}
	c.s.key = key
	if c.sent {
		return ErrSent
	}
	return c.tellToken(sealedToken(key, c.s.secret))
}

// again loads what is there after a conflict, and decides whether the change may still be made.
func (c *commit) again(op string, id ID, attempt int) error {
	if attempt > 1 && !wait(c.ctx, jitter(time.Duration(min(attempt, 16))*time.Millisecond)) {
		return c.m.backend.failed(c.ctx, op, id, c.ctx.Err())
	}
	return c.reload()
}

// queue waits for the writers of id in this process that came before; those that come after wait for us from then on.
func (c *commit) queue(ctx context.Context, id ID) error {
	if !c.queued.IsZero() {
		return nil
	}
	err := c.m.locks.lock(ctx, id)
	if err == nil {
		c.queued = id
	}
	return err
}

func (c *commit) leaveQueue() {
	if !c.queued.IsZero() {
		c.m.locks.unlock(c.queued)
		c.queued = ID{}
	}
}

// reload loads the session's record anew. ErrEnded: it is gone. ErrRenewed: our token does not open it any more. Either
// way nothing of it is left for the handler to see: what it holds now may be another subject's.
func (c *commit) reload() error {
	s := c.s
	var state State
	err := c.m.backend.load(c.ctx, s.key, &state)
	gone := errors.Is(err, ErrNotFound) || errors.Is(err, ErrCorrupt)
	if err != nil && !gone {
		return err
	}
	now := c.m.now()
	if gone || !now.Before(c.m.deadline(&state.Facts, now)) {
		s.stored = State{}
		return ErrEnded
	}
	status, _ := c.m.classify(&state.Facts, &s.digest, now)
	if !status.opens() || state.Facts.Generation != s.generation {
		s.stored = State{}
		return ErrRenewed
	}
	s.status, s.stored, s.loadedAt = status, state, now
	return nil
}

// checkSize holds the limits where no Patch does.
func (c *commit) checkSize(values Values) error {
	if values.Size() > c.m.cfg.MaxSize || values.Len() > c.m.cfg.MaxNames {
		return ErrTooLarge
	}
	return nil
}
