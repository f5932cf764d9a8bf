package sojourn

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Store keeps sessions. These five methods are all that a store must have; capabilities ([Patcher], [SubjectIndex],
// [Lister], [Sweeper], [Watcher], [KeyParser]) are extra.
//
// A server-side store files under key.ID(). A record whose TTL has run out does not exist, swept or not, from the
// instant now >= expiry by the engine's clock; that holds for a write too that waited across it. Each method is one
// round trip, returns a cancelled context's error without an effect, and is safe for concurrent use. Names, subjects and
// texts come back byte for byte, compare byte for byte, and never reach the engine as path, pattern or identifier. A
// record that cannot be read is [ErrCorrupt] or [ErrNewer] and stays as it is; one that the engine cannot hold is
// [ErrTooLarge]. A ttl <= 0 is an error and never "for ever": [RoundTTL] checks and rounds it. A write whose
// acknowledgement was lost is not retried by the store.
//
// A store takes an existing client and does not close it; its constructor starts, dials and creates nothing.
type Store interface {
	// Load returns the state, the TTL that remains by the engine's clock, and the version. It sees every change
	// acknowledged before it began. Absent or expired: ErrNotFound.
	Load(ctx context.Context, key Key) (State, error)

	// Save files a new session under a key that the store makes, NewID().Key(), and returns it. It never overwrites.
	Save(ctx context.Context, state State, ttl time.Duration) (Key, error)

	// Update replaces state and TTL and returns the key: the same one, except for client-side stores. It never creates:
	// absent, expired or deleted meanwhile is ErrNotFound. A state whose Version is not the stored one, 0 included, is
	// ErrConflict, and nothing changed. It loses against a Delete that was acknowledged.
	Update(ctx context.Context, key Key, state State, ttl time.Duration) (Key, error)

	// UpdateTTL extends the TTL, never shortens it, and leaves the state and its version alone. Absent or expired:
	// ErrNotFound. A client-side store whose TTL is in its key answers errors.ErrUnsupported: the manager then uses Update.
	UpdateTTL(ctx context.Context, key Key, ttl time.Duration) error

	// Delete ends the session: once it returns, every later call on this key is ErrNotFound, and so is every call under
	// way that has not been acknowledged. Absent is not an error.
	Delete(ctx context.Context, key Key) error
}

// RoundTTL returns ttl rounded up to a multiple of unit, and an error if ttl is not positive. A TTL too large to round
// is returned as it is.
func RoundTTL(ttl, unit time.Duration) (time.Duration, error) {
	if ttl <= 0 {
		return 0, fmt.Errorf("sojourn: TTL %v is not positive", ttl)
	}
	if unit <= 0 {
		return ttl, nil
	}
	rest := ttl % unit
	if rest == 0 || ttl-rest > math.MaxInt64-unit {
		return ttl, nil
	}
	return ttl - rest + unit, nil
}
