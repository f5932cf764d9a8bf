package sojourn_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Whoever holds a stolen token can write with it as often as he likes, and must not keep its owner from replacing it.
func TestRenew_othersQueueUpBehindIt(t *testing.T) {
	for name, change := range map[string]func(s *sojourn.Session){
		"Renew": func(s *sojourn.Session) { s.Renew() },
		"Login": func(s *sojourn.Session) { s.Login("alice") },
	} {
		t.Run(name, func(t *testing.T) {
			st := newRigStore()
			r := newRig(t, rigPatcher{st}, sojourn.Config{Timeout: time.Second})
			token := r.do("", func(s *sojourn.Session) { s.Login("alice") })
			v, s := r.open(token)
			change(s)

			var thief sync.WaitGroup
			st.before = func(_ context.Context, op string) error {
				if op != "update" {
					return nil
				}
				wrote := make(chan struct{})
				thief.Go(func() {
					defer close(wrote)
					v, s := r.open(token)
					s.Set("n", time.Now().UnixNano())
					_, _ = r.close(v) // refused once the token is
				})
				select {
				case <-wrote: // and the update that is about to happen is in conflict
				case <-time.After(10 * time.Millisecond): // it waits for us
				}
				return nil
			}
			if _, err := r.close(v); err != nil {
				t.Errorf("got %v, want it to be done while somebody else writes before each attempt", err)
			}
			thief.Wait()
			if _, s := r.open(token); s.Subject() != "" {
				t.Errorf("the token before still opens the session of %q", s.Subject())
			}
		})
	}
}

// A login waits for those who write the visitor's session before it, but not for a crowd that a planted token sends.
func TestLogin_behindALongQueue_beginsASessionOfItsOwn(t *testing.T) {
	st := newRigStore()
	r := newRig(t, rigPatcher{st}, sojourn.Config{Timeout: 500 * time.Millisecond})
	token := r.do("", func(s *sojourn.Session) { s.Set("n", 1); s.Set("cart", "full") })
	planted, s := r.open(token)
	sojourn.Field[int]("n").Update(s, func(n int) int { return n + 1 })
	login, s := r.open(token)
	s.Login("alice", "cart")
	r.do(token, func(s *sojourn.Session) { s.Set("n", 10) }) // the two are in conflict now

	held, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	patches := 0
	st.before = func(ctx context.Context, op string) error {
		if op == "patch" {
			if patches++; patches == 2 { // with the lock, as the first one was in conflict
				once.Do(func() { close(held) })
				<-release
				return nil
			}
		}
		return ctx.Err() // as a driver does: the login has no more than its Timeout
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := r.close(planted); !errors.Is(err, sojourn.ErrEnded) {
			t.Errorf("the planted token's change: got %v, want ErrEnded", err)
		}
	})
	<-held
	next, err := r.close(login)
	close(release)
	wg.Wait()
	if err != nil {
		t.Fatalf("the login behind the queue: got %v", err)
	}
	if _, s := r.open(next); s.Subject() != "alice" || !s.Has("cart") {
		t.Errorf("got subject %q with %v, want alice's with the cart", s.Subject(), s.Values())
	}
	if _, s := r.open(token); !s.IsNew() {
		t.Error("the planted token still opens something")
	}
}
