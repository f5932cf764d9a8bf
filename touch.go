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
func (c *commit) left() time.Duration { return c.s.stored.TTL - c.m.now().Sub(c.s.loadedAt) }

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
	err := c.m.backend.store.UpdateTTL(c.ctx, s.key, ttl)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		c.touchByUpdate(ttl)
	case err == nil, errors.Is(err, ErrNotFound):
		s.stored.TTL = ttl
	default:
		_ = c.m.backend.failed(c.ctx, "touch", s.key.id, err)
	}
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
