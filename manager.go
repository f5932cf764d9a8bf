package sojourn

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Manager gives requests their sessions. It is safe for concurrent use; several can nest, if their cookies or headers have
// different names.
type Manager struct {
	cfg     Config
	backend backend
	sealer  *sealer
	cookie  cookieWriter
	locks   idLocks
	live    liveSet
	nothing plan // of every session that has not been changed; it stays zero
}

// New returns a Manager over st. It checks cfg as a whole and returns a [*ConfigError] for each impossible or unsafe
// field, joined. It copies cfg, starts nothing and calls no store.
func New(st Store, cfg Config) (*Manager, error) {
	if st == nil {
		return nil, errors.New("sojourn: no store")
	}
	if err := cfg.complete(st); err != nil {
		return nil, err
	}
	m := &Manager{cfg: cfg, backend: newBackend(st)}
	sealer, err := newSealer(cfg.Cookie.Secrets, cfg.Realm, cfg.Cookie.Name)
	if err != nil {
		return nil, err
	}
	m.sealer = sealer
	m.cfg.Cookie.Secrets = nil // the sealer has copies, and nothing that is printed shall have more
	if cfg.Header == "" {
		m.cookie = newCookieWriter(&cfg.Cookie)
	}
	m.backend.fail = func(ctx context.Context, err *StoreError) {
		m.observe(ctx, Event{EventError, err.ID, err})
	}
	return m, nil
}

// Run does the background work until ctx ends, and returns why it ended: it sweeps expired records every minute or so,
// and it listens for sessions that end on other nodes, each as far as the store can. Without it expired records stay
// until swept otherwise, and streams rely on Config.Recheck. Failures are events; Run goes on.
func (m *Manager) Run(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.watch(ctx)
	}()
	m.sweep(ctx)
	<-done
	return context.Cause(ctx)
}

const (
	sweepEvery = time.Minute
	sweepBatch = 1000
)

func (m *Manager) sweep(ctx context.Context) {
	sweeper := m.backend.sweeper
	for sweeper != nil && wait(ctx, jitter(sweepEvery)) {
		for {
			n, err := sweeper.Sweep(ctx, sweepBatch)
			if errors.Is(err, errors.ErrUnsupported) {
				sweeper = nil
				break
			}
			if err != nil && ctx.Err() == nil {
				m.backend.failed(ctx, "sweep", ID{}, err)
			}
			if err != nil || n < sweepBatch {
				break
			}
		}
	}
	<-ctx.Done()
}

// watch listens, and again when the connection is lost: at once if it held for a while, else after a pause.
func (m *Manager) watch(ctx context.Context) {
	watcher := m.backend.watcher
	for pause := time.Second; watcher != nil && ctx.Err() == nil; {
		began := time.Now()
		err := watcher.Watch(ctx, m.notified)
		m.live.setPushed(false)
		if errors.Is(err, errors.ErrUnsupported) {
			return
		}
		if err != nil && ctx.Err() == nil {
			m.backend.failed(ctx, "watch", ID{}, err)
		}
		if time.Since(began) > time.Minute {
			pause = time.Second
		}
		if !wait(ctx, jitter(pause)) {
			return
		}
		pause = min(2*pause, 30*time.Second)
	}
}

// notified hears from the store. The zero ID means that it listens now, and that anything before may have been missed.
func (m *Manager) notified(id ID) {
	if id.IsZero() {
		m.live.setPushed(true)
		m.live.wakeAll()
		return
	}
	m.live.wake(id)
}

func (m *Manager) observe(ctx context.Context, e Event) { m.cfg.Observe(ctx, e) }

// now is the instant in the resolution of Facts.
func (m *Manager) now() time.Time { return time.UnixMilli(m.cfg.Now().UnixMilli()).UTC() }

// transport is the name under which the token travels.
func (m *Manager) transport() string {
	if m.cfg.Header != "" {
		return m.cfg.Header
	}
	return m.cfg.Cookie.Name
}

// String names the manager by its realm.
func (m *Manager) String() string { return fmt.Sprintf("sojourn.Manager(%q)", m.cfg.Realm) }

// GoString is String.
func (m *Manager) GoString() string { return m.String() }

// wait waits and reports whether ctx still goes on.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// jitter returns something between three and five quarters of d, so that nodes do not act in step.
func jitter(d time.Duration) time.Duration {
	return d - d/4 + rand.N(max(d/2, 1))
}
