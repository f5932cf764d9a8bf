package drivers_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// now is the present time in the precision of facts.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// realm is a new one: what others do to the table is of no matter then.
func realm() string { return "realm-" + sojourn.NewID().String()[:12] }

// visitor is a state of nobody's.
func visitor(realm string, pairs ...string) sojourn.State {
	return sojourn.State{
		Facts: sojourn.Facts{
			Realm: realm, Created: now(), Renewed: now(), Deadline: now().Add(24 * time.Hour), Digest: [32]byte{1},
		},
		Values: values(pairs...),
	}
}

// member is a state of a subject's, logged in at an instant.
func member(realm, subject string, at time.Time) sojourn.State {
	s := visitor(realm, "n", "0")
	s.Facts.Subject, s.Facts.Authenticated, s.Facts.Generation = subject, at, 1
	return s
}

// values makes values of names and texts in turn.
func values(pairs ...string) sojourn.Values {
	return sojourn.CollectValues(func(yield func(string, string) bool) {
		for i := 0; i < len(pairs); i += 2 {
			if !yield(pairs[i], pairs[i+1]) {
				return
			}
		}
	})
}

func save(tb testing.TB, st sojourn.Store, s sojourn.State, ttl time.Duration) sojourn.Key {
	tb.Helper()
	key, err := st.Save(context.Background(), s, ttl)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func load(tb testing.TB, st sojourn.Store, key sojourn.Key) sojourn.State {
	tb.Helper()
	s, err := st.Load(context.Background(), key)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func is(tb testing.TB, what string, got, want error) {
	tb.Helper()
	if !errors.Is(got, want) {
		tb.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

// increment adds one to "n" as the manager would: expecting what it read, until it is met.
func increment(ctx context.Context, st sojourn.Store, key sojourn.Key) error {
	for {
		s, err := st.Load(ctx, key)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(s.Values.Get("n"))
		if err != nil {
			return err
		}
		err = st.(sojourn.Patcher).Patch(ctx, key, sojourn.Patch{
			Generation: s.Facts.Generation,
			Expect:     values("n", strconv.Itoa(n)),
			Set:        values("n", strconv.Itoa(n+1)),
		}, time.Hour)
		if !errors.Is(err, sojourn.ErrConflict) {
			return err
		}
	}
}
