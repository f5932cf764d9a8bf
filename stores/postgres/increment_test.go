package postgresstore_test

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/sojourn-go/sojourn"
)

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
