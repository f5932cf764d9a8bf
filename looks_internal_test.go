package sojourn

import (
	"context"
	"errors"
	"sync"
	"testing"
)

// Whoever asks gets a Load that began after he did, a crowd the same one, and nobody waits who has left.
func TestLooks_aCrowdSharesALoad(t *testing.T) {
	var l looks
	key := NewID().Key()
	begun, goOn := make(chan struct{}), make(chan struct{})
	loads := 0
	load := func() (State, error) {
		loads++
		n := loads
		if n == 1 {
			close(begun)
			<-goOn
		}
		return State{Version: uint64(n)}, nil
	}
	first := l.join(key, load)
	<-begun
	gone, cancel := context.WithCancelCause(t.Context())
	cancel(ErrEnded)
	if _, err := l.ask(gone, key, load); !errors.Is(err, ErrEnded) {
		t.Errorf("with a context that has ended: got %v, want its cause", err)
	}
	var crowd sync.WaitGroup
	for range 100 {
		second := l.join(key, load)
		crowd.Go(func() {
			<-second.done
			if second.state.Version != 2 {
				t.Errorf("got load %d, want the second, which began after the question", second.state.Version)
			}
		})
	}
	close(goOn)
	<-first.done
	if first.state.Version != 1 {
		t.Errorf("the first got load %d", first.state.Version)
	}
	crowd.Wait()
	if state, err := l.ask(t.Context(), key, load); err != nil || state.Version != 3 {
		t.Errorf("a question later: got load %d, %v, want the third", state.Version, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.m) > 0 {
		t.Errorf("%d looks are left over", len(l.m))
	}
}

func TestLooks_anotherKeyHasItsOwn(t *testing.T) {
	var l looks
	for _, version := range []uint64{1, 2} {
		state, err := l.ask(t.Context(), NewID().Key(), func() (State, error) { return State{Version: version}, errors.ErrUnsupported })
		if state.Version != version || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("got %d, %v, want what its own load said", state.Version, err)
		}
	}
}
