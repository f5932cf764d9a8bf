package memstore

import (
	"context"
	"runtime"
)

// Sweep implements [sojourn.Sweeper]. It holds a lock for one session at a time, and looks at none that is live. Marks of
// revocations that are older than a day go too, and do not count.
func (s *Store) Sweep(ctx context.Context, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.sweepMarks()
	removed := 0
	// The next sweep begins where this one reached its limit: a busy shard keeps no other waiting.
	for range shardCount {
		at := s.swept.Load()
		sh := &s.shards[at%shardCount]
		for {
			if removed >= limit {
				return removed, nil
			}
			if err := ctx.Err(); err != nil {
				return removed, err
			}
			now := s.now()
			id, ok := sh.expired(now)
			if !ok {
				break
			}
			if s.remove(id, now) { // else it was extended or removed meanwhile
				removed++
			}
		}
		s.swept.CompareAndSwap(at, at+1)
	}
	return removed, nil
}

func (s *Store) sweepMarks() {
	for i := range s.indexes {
		ix := &s.indexes[i]
		now := s.now()
		if oldest := ix.oldest.Load(); oldest == 0 || oldest > now {
			continue
		}
		ix.mu.Lock()
		ix.pruneMarks(now)
		ix.mu.Unlock()
	}
}

// reserve counts one session more, and makes room for it if the store is full.
func (s *Store) reserve(ctx context.Context) error {
	for {
		n := s.sessions.Load()
		if n < s.limit {
			if s.sessions.CompareAndSwap(n, n+1) {
				return nil
			}
			continue
		}
		if s.makeRoom() {
			continue
		}
		if s.members.Load() >= s.limit {
			return ErrFull
		}
		// Some of the places are reserved by calls that are about to fill them or give them back.
		if err := ctx.Err(); err != nil {
			return err
		}
		runtime.Gosched()
	}
}

// makeRoom removes one session, and reports whether it found one: an expired one, else of all visitors' sessions the one
// that expires first, which is the one that was idle longest.
func (s *Store) makeRoom() bool {
	now := s.now()
	var victim *shard
	first := int64(never)
	for i := range s.shards {
		sh := &s.shards[i]
		if id, ok := sh.expired(now); ok {
			s.remove(id, now)
			return true
		}
		if at := sh.firstVisitor.Load(); at < first {
			victim, first = sh, at
		}
	}
	if victim == nil {
		return false
	}
	s.removeVisitor(victim)
	return true
}

// removeVisitor removes the first visitor's session of sh, if one is left there. It decides under the lock: the session
// that was first a moment ago may have logged in.
func (s *Store) removeVisitor(sh *shard) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if q := &sh.visitors; len(q.slots) > 0 {
		s.drop(sh, q.at(&sh.entries, 0))
	}
}
