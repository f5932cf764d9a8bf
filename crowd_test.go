package sojourn_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
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
			id := s.ID()
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
			next, err := r.close(v)
			if err != nil {
				t.Errorf("got %v, want it to be done while somebody else writes before each attempt", err)
			}
			thief.Wait()
			st.before = nil
			r.do(next, func(s *sojourn.Session) { s.Set("n", "the owner's") }) // nobody has to wait any more
			if _, s := r.open(token); s.Subject() != "" {
				t.Errorf("the token before still opens the session of %q", s.Subject())
			}
			if _, s := r.open(next); s.ID() != id {
				t.Errorf("the session is %v, and was %v", s.ID(), id)
			}
		})
	}
}

// A new secret waits for those who write the session before it, but not for a crowd that somebody sends with the old one.
func TestCrowd_inTheQueue_delaysANewSecretAndNoMore(t *testing.T) {
	for name, tt := range map[string]struct{ begin, change func(s *sojourn.Session) }{
		"Login": {func(s *sojourn.Session) {}, func(s *sojourn.Session) { s.Login("alice", "cart") }},
		"Renew": {func(s *sojourn.Session) { s.Login("alice") }, func(s *sojourn.Session) { s.Renew() }},
	} {
		t.Run(name, func(t *testing.T) {
			st := newRigStore()
			r := newRig(t, rigPatcher{st}, sojourn.Config{Timeout: 500 * time.Millisecond})
			token := r.do("", func(s *sojourn.Session) { tt.begin(s); s.Set("n", 1); s.Set("cart", "full") })
			crowd, s := r.open(token)
			sojourn.Field[int]("n").Update(s, func(n int) int { return n + 1 })
			owner, s := r.open(token)
			tt.change(s)
			r.do(token, func(s *sojourn.Session) { s.Set("n", 10) }) // the two are in conflict now

			held, release := make(chan struct{}), make(chan struct{})
			patches := 0
			st.before = func(ctx context.Context, op string) error {
				if op == "patch" {
					if patches++; patches == 2 { // with the lock, as the first one was in conflict
						close(held)
						<-release
						return nil
					}
				}
				return ctx.Err() // as a driver does: the new secret has no more than its Timeout
			}
			var wg sync.WaitGroup
			wg.Go(func() {
				if _, err := r.close(crowd); !errors.Is(err, sojourn.ErrRenewed) {
					t.Errorf("the crowd's change: got %v, want ErrRenewed", err)
				}
			})
			<-held
			next, err := r.close(owner)
			close(release)
			wg.Wait()
			if err != nil {
				t.Fatalf("behind the queue: got %v", err)
			}
			if _, s := r.open(next); s.Subject() != "alice" || !s.Has("cart") {
				t.Errorf("got subject %q with %v, want alice's with the cart", s.Subject(), s.Values())
			}
			if _, s := r.open(token); !s.IsNew() {
				t.Error("the token before still opens something")
			}
		})
	}
}

// A login that gives its record up, because others win every race, is one only if the new record was stored.
func TestLogin_besideWhoseSaveFails_isAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := newRigStore()
		r := newRig(t, rigPatcher{st}, sojourn.Config{})
		token := r.do("", func(s *sojourn.Session) { s.Set("n", 1) })
		v, s := r.open(token)
		s.Login("alice")
		st.before = func(_ context.Context, op string) error {
			switch op {
			case "update":
				return sojourn.ErrConflict // somebody on another node was faster
			case "save":
				return errDriver
			}
			return nil
		}
		next, err := r.close(v)
		if failure := (*sojourn.StoreError)(nil); !errors.As(err, &failure) || next != "" {
			t.Errorf("got %v and the token %q, want a StoreError and none", err, next)
		}
		if n := st.count("update"); n != 10 {
			t.Errorf("it tried %d times to keep its record, want 10", n)
		}
	})
}
