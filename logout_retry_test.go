package sojourn_test

import (
	"context"
	"errors"
	"testing"

	"github.com/sojourn-go/sojourn"
)

func TestLogout_afterOneThatTheStoreFailed_triesAgain(t *testing.T) {
	st := newRigStore()
	r := newRig(t, st, sojourn.Config{})
	token := r.do("", func(s *sojourn.Session) { s.Set("a", 1) })
	v, s := r.open(token)
	st.before = func(context.Context, string) error { return errors.New("down") }
	s.Logout()
	if err := s.Commit(t.Context()); err == nil {
		t.Fatal("got no error of a Logout that the store failed")
	}
	st.before = nil
	s.Logout()
	if _, err := r.close(v); err != nil {
		t.Fatal(err)
	}
	if _, s := r.open(token); !s.IsNew() {
		t.Error("the second Logout succeeded, and the token still opens the session")
	}
}
