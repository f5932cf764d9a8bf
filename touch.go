package sojourn

import (
	"errors"
	"math/rand/v2"
	"time"
)

// patchTTL is what a change extends the TTL to: nothing for a late request.
func (c *commit) patchTTL() time.Duration {
	if c.s.status == statusLate {
		return time.Millisecond
	}
	return c.m.ttl(&c.s.stored.Facts, c.now)
}

// left is the TTL that remains by our knowledge, erring to the shorter side.
func (c *commit) left() time.Duration { return c.s.left(c.m.now()) }

// left is the TTL that remains at now, by the last load. A clock that was set back since has given nobody more.
func (s *Session) left(now time.Time) time.Duration {
	return s.stored.TTL - max(now.Sub(s.loadedAt), 0)
}

// touch extends the idle timeout if enough of it is used up. That it fails is no reason to fail the request: the session
// then lives shorter, never longer.
func (c *commit) touch() {
	s := c.s
	if !c.m.mayTouch(s) {
		return
	}
	ttl := c.m.ttl(&s.stored.Facts, c.now)
	if !touchDue(s.stored.TTL, ttl) {
		return
	}
	err := c.extend(ttl)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		c.touchByUpdate(ttl)
	case err == nil, errors.Is(err, ErrNotFound), errors.Is(err, ErrConflict):
		s.stored.TTL = ttl
	default:
		_ = c.m.backend.failed(c.ctx, "touch", s.key.id, err)
	}
}

// extend has the store extend the session, whoever has it by now; but one that may live longer than a login asks for only as
// long as it is the one that was loaded.
func (c *commit) extend(ttl time.Duration) error {
	s := c.s
	if c.m.backend.parser != nil || c.m.lifetime(&s.stored.Facts).Idle <= min(c.m.cfg.Lifetime.Idle, c.m.cfg.Remember.Idle) {
		return c.m.backend.store.UpdateTTL(c.ctx, s.key, ttl)
	}
	same := Patch{Generation: s.generation}
	_, err := c.m.backend.patch(c.ctx, s.key, &s.stored, same, ttl, c.left)
	if errors.Is(err, ErrConflict) { // mostly not of a login, but of a change that this store has no Patcher for
		s.stored.Version = 0
		_, err = c.m.backend.patch(c.ctx, s.key, &s.stored, same, ttl, c.left)
	}
	if err == nil {
		s.stored.Version = 0
	}
	return err
}

// mayTouch reports whether an extension can be due, without a look at the clock.
func (m *Manager) mayTouch(s *Session) bool {
	left := s.stored.TTL
	return s.status == statusLive && m.cfg.Extend != ExtendOnChange &&
		0 < left && float64(left) < touchBelow*float64(m.lifetime(&s.stored.Facts).Idle)
}

// touchByUpdate is for a client-side store, whose TTL is in its key.
func (c *commit) touchByUpdate(ttl time.Duration) {
	s := c.s
	if c.sent || s.stored.Version == 0 {
		return
	}
	key, err := c.m.backend.store.Update(c.ctx, s.key, s.stored, ttl)
	if err == nil {
		s.stored.Version, s.stored.TTL = 0, ttl
		err = c.rekey(key)
	}
	if err != nil && !answered(err) {
		_ = c.m.backend.failed(c.ctx, "touch", s.key.id, err)
	}
}

// touchDue reports whether less than about 80 % of the idle timeout are left.
func touchDue(left, idle time.Duration) bool {
	return float64(left) < float64(idle)*(touchBelow-touchJitter*rand.Float64())
}
