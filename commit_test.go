package sojourn_test

import (
	"errors"
	"testing"

	"github.com/sojourn-go/sojourn"
)

func TestCommit_refusedByALoginElsewhere_seesNothingOfIt(t *testing.T) {
	onEachKind(t, sojourn.Config{}, func(t *testing.T, _ *rigStore, r rig) {
		token := r.do("", func(s *sojourn.Session) { s.Set("cart", 1) })
		v, s := r.open(token)
		r.do(token, func(s *sojourn.Session) {
			s.Login("alice")
			s.Set("private", true)
		})
		for range 2 {
			s.Set("cart", 2)
			if err := s.Commit(t.Context()); !errors.Is(err, sojourn.ErrRenewed) {
				t.Fatalf("got %v, want ErrRenewed", err)
			}
			if s.Subject() != "" || s.Facts().Subject != "" || s.Has("private") {
				t.Fatalf("the visitor's request sees subject %q and values %v", s.Subject(), s.Values())
			}
		}
		if next, err := r.close(v); next != "" || err != nil {
			t.Errorf("got token %q, error %v, want none", next, err)
		}
	})
}
