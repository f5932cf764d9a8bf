package sojourn_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// Whatever a handler does in whatever order, the next request sees what the handler saw last.
func TestSession_anyOrderOfChanges_isStoredAsSeen(t *testing.T) {
	onEachKind(t, sojourn.Config{}, func(t *testing.T, _ *rigStore, r rig) {
		for seed := range uint64(400) {
			random := rand.New(rand.NewPCG(seed, 1))
			token, trace := "", []string{}
			for range 4 {
				var values sojourn.Values
				var subject string
				v, s := r.open(token)
				for range random.IntN(8) {
					trace = append(trace, randomChange(random, s))
				}
				values, subject = s.Values(), s.Subject()
				next, err := r.close(v)
				if err != nil {
					t.Fatalf("seed %d: %v after %s", seed, err, strings.Join(trace, "; "))
				}
				if s.Values() != values || s.Subject() != subject {
					t.Fatalf("seed %d: the commit turned %s of %q into %s of %q after %s",
						seed, dump(values), subject, dump(s.Values()), s.Subject(), strings.Join(trace, "; "))
				}
				if next != "" {
					token = next
				}
				trace = append(trace, "|")
				if _, s := r.open(token); s.Values() != values || s.Subject() != subject {
					t.Fatalf("seed %d: the handler saw %s of %q, the next request %s of %q after %s",
						seed, dump(values), subject, dump(s.Values()), s.Subject(), strings.Join(trace, "; "))
				}
			}
		}
	})
}

func dump(values sojourn.Values) string {
	b, err := values.MarshalJSON()
	return fmt.Sprint(string(b), err)
}

// randomChange makes one change of s and says which.
func randomChange(random *rand.Rand, s *sojourn.Session) string {
	name := []string{"a", "b", "c"}[random.IntN(3)]
	field, n := sojourn.Field[int](name), random.IntN(3)
	subject := []string{"alice", "bob"}[random.IntN(2)]
	switch random.IntN(12) {
	case 0, 1:
		field.Set(s, n)
		return fmt.Sprintf("Set(%s, %d)", name, n)
	case 2, 3:
		field.Update(s, func(old int) int { return (old + 1) % 3 })
		return fmt.Sprintf("Update(%s)", name)
	case 4:
		s.Remove(name)
		return fmt.Sprintf("Remove(%s)", name)
	case 5:
		field.Take(s)
		return fmt.Sprintf("Take(%s)", name)
	case 6:
		s.Clear()
		return "Clear"
	case 7:
		keep := slices.Repeat([]string{name}, random.IntN(2))
		s.Login(subject, keep...)
		return fmt.Sprintf("Login(%s, %v)", subject, keep)
	case 8:
		s.Logout()
		return "Logout"
	case 9:
		s.Renew()
		return "Renew"
	case 10:
		s.Remember(n == 0)
		return "Remember"
	}
	if err := s.Commit(context.Background()); err != nil {
		return fmt.Sprintf("Commit = %v", err)
	}
	return "Commit"
}
