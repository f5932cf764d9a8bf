package sojourn_test

import (
	"context"
	"testing"

	"github.com/sojourn-go/sojourn"
)

func TestLogin_overARecordThatOthersKeepChanging_endsEveryEarlierToken(t *testing.T) {
	for _, subject := range []string{"", "alice"} {
		st := newRigStore()
		r := newRig(t, st, sojourn.Config{})
		token := r.do("", func(s *sojourn.Session) {
			if subject != "" {
				s.Login(subject)
			}
			s.Set("cart", 1)
		})
		st.before = func(_ context.Context, op string) error {
			if op == "update" {
				return sojourn.ErrConflict
			}
			return nil
		}
		next := r.do(token, func(s *sojourn.Session) { s.Login("alice", "cart") })
		st.before = nil
		if _, s := r.open(token); !s.IsNew() {
			t.Errorf("from subject %q: the earlier token still opens a session of %q", subject, s.Subject())
		}
		if _, s := r.open(next); s.Subject() != "alice" || !s.Has("cart") {
			t.Errorf("from subject %q: the new token opens subject %q with %v", subject, s.Subject(), s.Values())
		}
	}
}
