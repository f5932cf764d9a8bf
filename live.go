package sojourn

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// liveSet holds the contexts that Session.Context gave out and that have not ended, so that whoever learns of a change
// can wake them.
type liveSet struct {
	pushed atomic.Bool // the store tells of changes: no need to ask regularly
	looks  looks
	mu     sync.Mutex
	m      map[ID][]*liveContext
}

type liveContext struct {
	subject string        // under the set's lock: a login changes it
	look    chan struct{} // holds one value when there may be something to see
}

func (l *liveSet) add(id ID, c *liveContext) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.m == nil {
		l.m = make(map[ID][]*liveContext)
	}
	l.m[id] = append(l.m[id], c)
}

func (l *liveSet) remove(id ID, c *liveContext) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.m[id]
	for i := range all {
		if all[i] == c {
			all[i] = all[len(all)-1]
			all[len(all)-1] = nil
			l.m[id] = all[:len(all)-1]
			break
		}
	}
	if len(l.m[id]) == 0 {
		delete(l.m, id)
	}
}

// wake has the contexts of id look whether their session still lives.
func (l *liveSet) wake(id ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.m[id] {
		c.wake()
	}
}

// renewed notes whose session id is after a change of its secret, and has its contexts look.
func (l *liveSet) renewed(id ID, subject string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.m[id] {
		c.subject = subject
		c.wake()
	}
}

func (l *liveSet) wakeSubject(subject string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, all := range l.m {
		for _, c := range all {
			if c.subject == subject {
				c.wake()
			}
		}
	}
}

func (l *liveSet) wakeAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, all := range l.m {
		for _, c := range all {
			c.wake()
		}
	}
}

// setPushed notes whether the store tells of changes. When it stops, everybody goes back to asking.
func (l *liveSet) setPushed(pushed bool) {
	if l.pushed.Swap(pushed) && !pushed {
		l.wakeAll()
	}
}

func (c *liveContext) wake() {
	select {
	case c.look <- struct{}{}:
	default:
	}
}

// Context returns a context that ends with parent, with the session, or when a Login or Renew refused the token that this
// request came with; [context.Cause] is then [ErrEnded]. A periodic renewal does not end it. The end is seen at once if
// this process did it, or where the store can push and [Manager.Run] runs, else within Config.Recheck; idle timeout and
// deadline are seen on time. An open stream is not use: it does not extend the idle timeout.
//
// The request's own Logout ends it at commit. Of a session that is not stored yet, the context ends with parent. Call the
// returned function when done, or a goroutine stays until parent ends.
func (s *Session) Context(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	s.mu.Lock()
	key, status := s.key, s.status
	live := &liveContext{subject: s.stored.Facts.Subject, look: make(chan struct{}, 1)}
	left := s.timeLeft()
	s.mu.Unlock()
	if status == statusNone || status == statusAmbiguous {
		return ctx, func() { cancel(context.Canceled) }
	}
	m := s.v.m
	m.live.add(key.ID(), live)
	live.wake() // it may have ended since the request loaded it
	go func() {
		defer m.live.remove(key.ID(), live)
		cancel(s.follow(ctx, key, live, left))
	}()
	return ctx, func() { cancel(context.Canceled) }
}

// timeLeft is how long the session lives if nobody uses it.
func (s *Session) timeLeft() time.Duration {
	now := s.v.m.now()
	return min(s.left(now), s.v.m.deadline(&s.stored.Facts, now).Sub(now))
}

// follow waits for the session's end and returns why the context ends.
func (s *Session) follow(ctx context.Context, key Key, live *liveContext, left time.Duration) error {
	m := s.v.m
	timer := time.NewTimer(left)
	defer timer.Stop()
	for {
		next := left
		if !m.live.pushed.Load() {
			next = min(left, jitter(m.cfg.Recheck/5*4)) // never later than Recheck
		}
		timer.Reset(max(next, time.Millisecond))
		began := time.Now()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-live.look:
		case <-timer.C:
		}
		var err error
		left -= time.Since(began)
		if left, err = s.lookAgain(ctx, key, left); err != nil {
			return err
		}
	}
}

// lookAgain asks the store whether the session lives on and its token still opens it, and for how long. While the store
// fails the session lives for as long as was known before.
func (s *Session) lookAgain(ctx context.Context, key Key, left time.Duration) (time.Duration, error) {
	m := s.v.m
	state, err := m.live.looks.ask(ctx, key, func() (state State, err error) {
		call := new(callContext).begin(ctx, m.cfg.LoadTimeout, false)
		defer call.end()
		err = m.backend.load(call, key, &state)
		return state, err
	})
	now := m.now()
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrCorrupt):
		return 0, ErrEnded
	case err != nil:
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		if left <= 0 {
			return 0, ErrEnded
		}
		return left, nil
	case !s.accepts(key.ID(), &state.Facts), !now.Before(m.deadline(&state.Facts, now)):
		return 0, ErrEnded
	}
	return min(state.TTL, m.deadline(&state.Facts, now).Sub(now)), nil
}

// accepts reports whether id's record still is the one that this request opened, or that its own Login or Renew made of
// it. An earlier generation is that of a Load which our own change has overtaken; follow looks again after each.
func (s *Session) accepts(id ID, f *Facts) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status.opens() && id == s.key.id && f.Realm == s.v.m.cfg.Realm && f.Generation <= s.generation
}
