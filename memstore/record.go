package memstore

import (
	"time"

	"github.com/sojourn-go/sojourn"
)

// open makes state what a Load at now answers.
func open(record sojourn.Packed, expires, now int64, state *sojourn.State) error {
	if expires <= now {
		return sojourn.ErrNotFound
	}
	*state = record.State()
	state.TTL = time.Duration(expires-now) * time.Millisecond
	return nil
}
