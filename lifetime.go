package sojourn

import "time"

// Lifetime is how long a session lives: one of a user, of a visitor, or one that is remembered. Durations are rounded down to milliseconds.
type Lifetime struct {
	// Idle is how long a session lives without use. At most Absolute (SEC-17).
	Idle time.Duration
	// Absolute is how long it lives since it was created or since the last login, whatever the use (SEC-15).
	Absolute time.Duration
	// Renew is how often the session gets a new secret by itself; 0 never, else at least 5 minutes (SEC-11). A request
	// under way with the old secret is served for 30 s. Beware: a client that never received the response with the new
	// secret is logged out after those 30 s, which is why it is off by default.
	Renew time.Duration
	// Persistent makes the cookie outlive the browser: it carries a Max-Age, until the deadline, at most 400 days
	// (RFC 6265bis §5.5).
	Persistent bool
}

const (
	day = 24 * time.Hour

	// maxCookieAge is the limit of RFC 6265bis §5.5 (SEC-33).
	maxCookieAge = 400 * day
	// minRenew keeps periodic renewal far from its grace.
	minRenew = 5 * time.Minute
	// grace is how long the secret before a renewal is still told from an unknown one.
	grace = 30 * time.Second
	// futureLimit is how far ahead another node's clock may be. A session that begins later than that opens nothing: its
	// deadline would be as wrong as the clock that set it.
	futureLimit = 10 * time.Minute
	// touchBelow is the share of the idle timeout that must be left for a session not to be touched.
	touchBelow = 0.8
	// touchJitter spreads the touches of sessions that began together.
	touchJitter = 0.05
)

// AAL1 returns the limits of NIST SP 800-63B-4 §2.1.3 for authentication assurance level 1: 30 days.
func AAL1() Lifetime { return Lifetime{Idle: 30 * day, Absolute: 30 * day} }

// AAL2 returns those of level 2 (§2.2.3): 1 h idle, 24 h absolute.
func AAL2() Lifetime { return Lifetime{Idle: time.Hour, Absolute: day} }

// AAL3 returns those of level 3 (§2.3.3): 15 min idle, 12 h absolute.
func AAL3() Lifetime { return Lifetime{Idle: 15 * time.Minute, Absolute: 12 * time.Hour} }

func (l Lifetime) orElse(d Lifetime) Lifetime {
	if l == (Lifetime{}) {
		return d
	}
	if l.Absolute == 0 {
		l.Absolute = d.Absolute
	}
	if l.Idle == 0 {
		l.Idle = min(d.Idle, l.Absolute)
	}
	return l
}

// start is the instant from which a session's absolute lifetime counts.
func (f *Facts) start() time.Time {
	if !f.Authenticated.IsZero() {
		return f.Authenticated
	}
	return f.Created
}

// deadline returns the effective absolute end: the stored one, or an earlier one if the configuration was tightened
// since. It is the zero time, long past, for a session that a clock of the far future began.
func (m *Manager) deadline(f *Facts, now time.Time) time.Time {
	start := f.start()
	if start.After(now) && start.Sub(now) > futureLimit {
		return time.Time{}
	}
	end := start.Add(m.lifetime(f).Absolute)
	if f.Deadline.Before(end) {
		end = f.Deadline
	}
	return end
}

// lifetime returns how long a session with these facts lives. A login writes its subject into them first, so the deadline
// and the idle timeout that it sets are its own and no visitor's.
func (m *Manager) lifetime(f *Facts) *Lifetime {
	switch {
	case f.Remembered:
		return &m.cfg.Remember
	case f.Subject == "":
		return &m.cfg.Visitors
	}
	return &m.cfg.Lifetime
}

// ttl returns the idle timeout to ask the store for: never beyond the deadline, and positive, because a store refuses
// anything else.
func (m *Manager) ttl(f *Facts, now time.Time) time.Duration {
	return max(min(m.lifetime(f).Idle, m.deadline(f, now).Sub(now)), time.Millisecond)
}
