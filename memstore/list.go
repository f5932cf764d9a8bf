package memstore

import (
	"context"
	"fmt"
	"strconv"

	"github.com/sojourn-go/sojourn"
)

// listStep is how many slots List looks at under one lock.
const listStep = 256

// List implements [sojourn.Lister]. Sessions come in the order of their places in memory, which never change, so one that
// lives from the first page to the last is listed exactly once. A cursor that List did not make is an error.
func (s *Store) List(ctx context.Context, cursor string, limit int) ([]sojourn.Entry, string, error) {
	if limit < 1 {
		return nil, "", fmt.Errorf("memstore: limit %d is not positive", limit)
	}
	at, err := parsePlace(cursor)
	if err != nil {
		return nil, "", err
	}
	var entries []sojourn.Entry
	for at.shard < shardCount {
		if err := ctx.Err(); err != nil {
			return nil, "", err
		}
		var found []entry
		found, at = s.step(at, limit-len(entries))
		// Records are parsed outside the lock.
		now := s.now()
		for _, e := range found {
			var state sojourn.State
			if open(e.record, e.expires, now, &state) == nil {
				entries = append(entries, sojourn.Entry{ID: e.id, Facts: state.Facts, TTL: state.TTL})
			}
		}
		if len(entries) == limit {
			return entries, at.String(), nil
		}
	}
	return entries, "", nil
}

// step returns at most limit entries from a bounded walk that begins at a place, and the place after it.
func (s *Store) step(at place, limit int) ([]entry, place) {
	sh := &s.shards[at.shard]
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	var found []entry
	for range listStep {
		if at.slot > uint64(sh.entries.used) {
			return found, place{at.shard + 1, 1}
		}
		if e := sh.entries.at(uint32(at.slot)); !e.id.IsZero() {
			found = append(found, *e)
		}
		at.slot++
		if len(found) == limit {
			break
		}
	}
	return found, at
}

// place is where a page begins. Its text is one number.
type place struct{ shard, slot uint64 }

func (p place) String() string { return strconv.FormatUint(p.shard<<40|p.slot, 10) }

func parsePlace(cursor string) (place, error) {
	if cursor == "" {
		return place{0, 1}, nil
	}
	n, err := strconv.ParseUint(cursor, 10, 64)
	p := place{n >> 40, n & (1<<40 - 1)}
	if err != nil || p.slot == 0 || p.shard > shardCount {
		return place{}, fmt.Errorf("memstore: unknown cursor %q", cursor)
	}
	return p, nil
}
