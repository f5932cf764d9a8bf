package sojourn

import (
	"context"
	"testing"
	"time"
)

// lostStore has no session.
type lostStore struct{ Store }

func (lostStore) Load(context.Context, Key) (State, error) { return State{}, ErrNotFound }

// A context that has ended, by itself or by whoever asked for it, leaves nothing behind in the manager.
func TestLiveSet_forgetsContextsThatHaveEnded(t *testing.T) {
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
	left := -1
	for until := time.Now().Add(10 * time.Second); left != 0 && time.Now().Before(until); time.Sleep(time.Millisecond) {
		m.live.mu.Lock()
		left = len(m.live.m)
		m.live.mu.Unlock()
	}
	if left != 0 {
		t.Errorf("%d sessions are still looked after", left)
	}
}
