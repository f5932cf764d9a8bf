package sojourn_test

import (
	"errors"
	"testing"
	"time"

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

func TestCommit_overtakenByTheSameChange_showsWhatIsStored(t *testing.T) {
	onEachKind(t, sojourn.Config{}, func(t *testing.T, _ *rigStore, r rig) {
		const n = sojourn.Field[int]("n")
		token := r.do("", func(s *sojourn.Session) { n.Set(s, 9) })
		_, s := r.open(token)
		n.Update(s, func(n int) int { return min(n+1, 12) })
		r.do(token, func(s *sojourn.Session) { n.Set(s, 12) })
		if err := s.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, _ := n.Get(s); got != 12 {
			t.Errorf("got %d, want the stored 12", got)
		}
	})
}

func TestCommit_extendsTheIdleTimeoutOnce(t *testing.T) {
	for name, test := range map[string]struct {
		request func(v *sojourn.Visit, s *sojourn.Session) error
		touches int
	}{
		"changes that come to nothing": {func(_ *sojourn.Visit, s *sojourn.Session) error {
			s.Set("a", 2)
			s.Set("a", 1)
			return nil
		}, 1},
		"a change committed early": {func(v *sojourn.Visit, s *sojourn.Session) error {
			s.Set("a", 2)
			return s.Commit(t.Context())
		}, 0},
		"two final commits": {func(v *sojourn.Visit, s *sojourn.Session) error {
			_, err := v.Commit(t.Context())
			return err
		}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			onEachKind(t, sojourn.Config{}, func(t *testing.T, st *rigStore, r rig) {
				token := r.do("", func(s *sojourn.Session) { s.Set("a", 1) })
				_, s := r.open(token)
				st.age(s.ID(), time.Hour)
				v, s := r.open(token)
				if err := test.request(v, s); err != nil {
					t.Fatal(err)
				}
				if _, err := r.close(v); err != nil {
					t.Fatal(err)
				}
				if got := st.count("touch"); got != test.touches {
					t.Errorf("got %d calls of UpdateTTL, want %d", got, test.touches)
				}
			})
		})
	}
}
