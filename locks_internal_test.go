package sojourn

import (
	"context"
	"testing"
	"testing/synctest"
)

// Writers of one session go one after the other, those of others beside them, and nothing is left of a session that nobody
// writes.
func TestIDLocks_oneAtATimeAndNothingLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l idLocks
		a, b := NewID(), NewID()
		if err := l.lock(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if err := l.lock(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.lock(gone, a); err != context.Canceled {
			t.Errorf("a lock that is held, with a context that has ended: got %v", err)
		}
		if !l.busy(a) || l.busy(NewID()) {
			t.Error("busy tells of the wrong sessions")
		}
		got := make(chan struct{})
		go func() {
			defer close(got)
			_ = l.lock(context.Background(), a)
		}()
		synctest.Wait() // it waits
		select {
		case <-got:
			t.Fatal("two have the lock of one session")
		default:
		}
		l.unlock(a)
		<-got
		if !l.busy(a) {
			t.Error("the second one has the lock, and it is not busy")
		}
		l.unlock(a)
		l.unlock(b)
		if l.busy(a) || len(l.m) > 0 || l.held.Load() != 0 {
			t.Errorf("%d locks and a count of %d are left over", len(l.m), l.held.Load())
		}
	})
}
