package subject

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/alexedwards/scs/v2"
	scsmem "github.com/alexedwards/scs/v2/memstore"
	"github.com/gofiber/fiber/v3/middleware/session"

	"github.com/sojourn-go/sojourn"
	sojournmem "github.com/sojourn-go/sojourn/memstore"
)

// Expirer is a library whose store in memory removes what has expired.
type Expirer struct {
	Name string
	Ours bool
	Open func() (*Expiring, error)
	// Wait is how long it takes from the end of Fill until the library has removed what was filled in, where it does so by
	// itself.
	Wait time.Duration
}

// Expiring is a store that gets full of sessions that expire together.
type Expiring struct {
	*Chain
	// Fill puts sessions into the store, straight, as its middleware would.
	Fill func(sessions int) error
	// Expire lets them expire, where time is the test's.
	Expire func()
	// Step removes at most n expired sessions, nil where the library removes all by itself.
	Step func(ctx context.Context, n int) (int, error)
}

// Expirers returns the libraries; cleaner is how often scs removes what has expired. Fiber does so every 10 seconds, and gin
// and gorilla never.
func Expirers(cleaner time.Duration) []Expirer {
	return []Expirer{
		{Name: sojournName + "/" + memory, Ours: true, Open: expiringSojourn},
		{Name: scsName + "/" + memory, Wait: 10 * cleaner, Open: func() (*Expiring, error) { return expiringSCS(cleaner), nil }},
		{Name: fiberName + "/" + memory, Wait: 20 * cleaner, Open: func() (*Expiring, error) { return expiringFiber(cleaner), nil }},
	}
}

func expiringSojourn() (*Expiring, error) {
	var ahead atomic.Int64
	st := sojournmem.New(sojournmem.Config{
		MaxSessions: 2_000_000,
		Now:         func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
	})
	chain, err := sojournChain(st, Options{})
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	return &Expiring{
		Chain: chain,
		Fill: func(sessions int) error {
			entries, _, err := st.List(ctx, "", 1)
			if err != nil {
				return err
			}
			state, err := st.Load(ctx, entries[0].ID.Key())
			for i := 0; i < sessions && err == nil; i++ {
				_, err = st.Save(ctx, state, time.Minute+time.Duration(i%1000)*time.Millisecond)
			}
			return err
		},
		Expire: func() { ahead.Add(int64(time.Hour)) },
		Step:   sojourn.Sweeper(st).Sweep,
	}, nil
}

func expiringSCS(cleaner time.Duration) *Expiring {
	st := scsmem.NewWithCleanupInterval(cleaner) // for good: stopping it is a data race (its StopCleanup, v2.9.0)
	return &Expiring{
		Chain: scsChain(st, Options{}),
		Fill: func(sessions int) error {
			expiry := time.Now().Add(8 * cleaner)
			b, err := (scs.GobCodec{}).Encode(expiry, scsValues())
			if err != nil {
				return err
			}
			for i := 0; i < sessions && err == nil; i++ {
				err = st.Commit("0123456789012345678901234567890"+strconv.Itoa(1e11+i), append([]byte(nil), b...), expiry)
			}
			return err
		},
	}
}

func scsValues() map[string]any {
	values := map[string]any{numberName: firstNumber}
	for _, v := range small {
		values[v.name] = v.text
	}
	return values
}

func expiringFiber(cleaner time.Duration) *Expiring {
	st := session.NewStore()
	return &Expiring{
		Chain: fiberChain(st, st.Storage.Close),
		Fill: func(sessions int) error {
			b, err := (scs.GobCodec{}).Encode(time.Now(), scsValues()) // as long as its own
			for i := 0; i < sessions && err == nil; i++ {
				err = st.Storage.Set("0123456789012345678901234567890"+strconv.Itoa(1e11+i), b, max(8*cleaner, time.Second))
			}
			return err
		},
	}
}
