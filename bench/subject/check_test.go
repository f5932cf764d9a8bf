package subject_test

import (
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn/bench/subject"
)

// A check that passes whatever a library does would let one win that does nothing.
func TestCheck_catchesWhatDoesNotWork(t *testing.T) {
	for _, tt := range []struct {
		name string
		bent func(subject.Subject) subject.Subject
		want string
	}{
		{"changes get lost", instead(subject.Change, subject.Read), "after three changes"},
		{"nothing is stored", instead(subject.Create, subject.Untouched), "change: the request failed"},
		{"a read reads nothing", instead(subject.Read, subject.Logout), "change: the request failed"},
		{"a renewal keeps the token", instead(subject.Renew, subject.Change), "a renewal keeps the token"},
		{"a logout does nothing", instead(subject.Logout, subject.Untouched), "a logout keeps the cookie"},
		{"a big session is a small one", instead(subject.CreateBig, subject.Create), "read big"},
		{"a replaced token lives on", func(subject.Subject) subject.Subject {
			s := named(subject.Cookie(), "Sojourn/cookie irrevocable")
			s.OldLives = false
			return s
		}, "the token before a renewal"},
		{"it says that it cannot, and can", func(s subject.Subject) subject.Subject {
			s.Lacks = map[subject.Work]string{subject.Renew: "so it says"}
			return s
		}, `lacks "renew"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.bent(named(subject.Memory(), "Sojourn/memory"))
			err := subject.Check(&s, subject.Options{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error about %q", err, tt.want)
			}
		})
	}
}

// instead makes a subject do other work than it is asked for.
func instead(asked, done subject.Work) func(subject.Subject) subject.Subject {
	return func(s subject.Subject) subject.Subject {
		open := s.Open
		s.Open = func(o subject.Options) (*subject.Chain, error) {
			c, err := open(o)
			if err != nil {
				return nil, err
			}
			serve := c.Serve
			c.Serve = func(w subject.Work) func(*subject.Client) {
				if w == asked {
					w = done
				}
				return serve(w)
			}
			return c, nil
		}
		return s
	}
}

func named(all []subject.Subject, name string) subject.Subject {
	for _, s := range all {
		if s.Name() == name {
			return s
		}
	}
	panic("no subject " + name)
}
