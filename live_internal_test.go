package sojourn

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// lostStore has no session.
type lostStore struct{ Store }

func (lostStore) Load(context.Context, Key) (State, error) { return State{}, ErrNotFound }

// A context that has ended, by itself or by whoever asked for it, leaves nothing behind in the manager.
func TestLiveSet_forgetsContextsThatHaveEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := New(lostStore{}, Config{})
		if err != nil {
			t.Fatal(err)
		}
		v := m.Begin(func(string) []string { return nil })
		s := &v.session
		s.status, s.key, s.loadedAt = statusLive, NewID().Key(), m.now()
		s.stored.TTL, s.stored.Facts.Created, s.stored.Facts.Deadline = time.Hour, m.now(), m.now().Add(time.Hour)
		for range 3 {
			ended, stop := s.Context(t.Context())
			defer stop()
			<-ended.Done()
			if err := context.Cause(ended); err != ErrEnded {
				t.Errorf("got %v, want ErrEnded", err)
			}
		}
		_, stop := s.Context(t.Context())
		stop()
		synctest.Wait()
		m.live.mu.Lock()
		defer m.live.mu.Unlock()
		if left := len(m.live.m); left != 0 {
			t.Errorf("%d sessions are still looked after", left)
		}
	})
}

// The zero ID says that the store tells from now on, and that anything before may have been missed.
func TestManager_notifiedOfTheZeroID_looksOnceAndNoMoreByTheClock(t *testing.T) {
	m, err := New(lostStore{}, Config{})
	if err != nil {
		t.Fatal(err)
	}
	here, elsewhere := NewID(), NewID()
	live := &liveContext{look: make(chan struct{}, 1)}
	m.live.add(here, live)
	m.notified(elsewhere)
	if m.live.pushed.Load() || len(live.look) > 0 {
		t.Error("another session's change has it look, or is taken for the zero ID")
	}
	m.notified(here)
	if len(live.look) != 1 {
		t.Error("its own change does not have it look")
	}
	<-live.look
	m.notified(ID{})
	if !m.live.pushed.Load() || len(live.look) != 1 {
		t.Error("the zero ID does not have it look, or it goes on by the clock")
	}
}
