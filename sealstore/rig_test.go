package sealstore_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/sealstore"
)

const hour = time.Hour

// randomSecret returns 32 bytes that look random and are the same in each run.
func randomSecret(seed byte) []byte {
	sum := sha256.Sum256([]byte{seed, 's', 'e', 'a', 'l'})
	return sum[:]
}

func newStore(tb testing.TB, inner sojourn.Store, cfg sealstore.Config) *sealstore.Store {
	tb.Helper()
	if cfg.Secrets == nil {
		cfg.Secrets = [][]byte{randomSecret(1)}
	}
	st, err := sealstore.New(inner, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return st
}

// values packs names and texts, given in turn.
func values(pairs ...string) sojourn.Values {
	return sojourn.CollectValues(func(yield func(name, text string) bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if !yield(pairs[i], pairs[i+1]) {
				return
			}
		}
	})
}

// state returns a session of generation 1 with a digest of its own.
func state(pairs ...string) sojourn.State {
	id := sojourn.NewID()
	return sojourn.State{
		Facts:  sojourn.Facts{Realm: "shop", Subject: "42", Generation: 1, Digest: sha256.Sum256(id[:])},
		Values: values(pairs...),
	}
}

func save(tb testing.TB, st sojourn.Store, s sojourn.State) sojourn.Key {
	tb.Helper()
	key, err := st.Save(context.Background(), s, hour)
	if err != nil {
		tb.Fatalf("Save: %v", err)
	}
	return key
}

func load(tb testing.TB, st sojourn.Store, key sojourn.Key) sojourn.State {
	tb.Helper()
	s, err := st.Load(context.Background(), key)
	if err != nil {
		tb.Fatalf("Load: %v", err)
	}
	return s
}

func update(tb testing.TB, st sojourn.Store, key sojourn.Key, s sojourn.State) {
	tb.Helper()
	if _, err := st.Update(context.Background(), key, s, hour); err != nil {
		tb.Fatalf("Update: %v", err)
	}
}

func patch(tb testing.TB, st sojourn.Patcher, key sojourn.Key, p sojourn.Patch) {
	tb.Helper()
	if err := st.Patch(context.Background(), key, p, hour); err != nil {
		tb.Fatalf("Patch: %v", err)
	}
}

// plain is a store of five methods over records in their binary form, which tests can read and rewrite.
type plain struct {
	now func() time.Time

	mu      sync.Mutex
	records map[sojourn.ID]plainRecord
}

var errTTL = errors.New("plain: TTL is not positive")

type plainRecord struct {
	bytes   string
	version uint64
	end     time.Time
}

func newPlain(now func() time.Time) *plain {
	return &plain{now: now, records: make(map[sojourn.ID]plainRecord)}
}

func (s *plain) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, state, err := s.live(ctx, key)
	return state, err
}

func (s *plain) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sojourn.NewID().Key()
	return key, s.put(ctx, key, state, 1, ttl)
}

func (s *plain) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ttl <= 0 {
		return key, errTTL
	}
	r, _, err := s.live(ctx, key)
	if err != nil {
		return key, err
	}
	if state.Version != r.version {
		return key, sojourn.ErrConflict
	}
	return key, s.put(ctx, key, state, r.version+1, ttl)
}

func (s *plain) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ttl <= 0 {
		return errTTL
	}
	r, state, err := s.live(ctx, key)
	if err != nil {
		return err
	}
	return s.put(ctx, key, state, r.version, max(ttl, state.TTL))
}

func (s *plain) Delete(ctx context.Context, key sojourn.Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	delete(s.records, key.ID())
	return nil
}

// live and put run under s.mu.

func (s *plain) live(ctx context.Context, key sojourn.Key) (plainRecord, sojourn.State, error) {
	if err := ctx.Err(); err != nil {
		return plainRecord{}, sojourn.State{}, err
	}
	r, ok := s.records[key.ID()]
	left := r.end.Sub(s.now())
	if !ok || left <= 0 {
		return r, sojourn.State{}, sojourn.ErrNotFound
	}
	state, err := sojourn.ParseState(r.bytes)
	state.TTL, state.Version = left, r.version
	return r, state, err
}

func (s *plain) put(ctx context.Context, key sojourn.Key, state sojourn.State, version uint64, ttl time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ttl, err := sojourn.RoundTTL(ttl, time.Millisecond)
	if err != nil {
		return err
	}
	b, err := state.AppendBinary(nil)
	s.records[key.ID()] = plainRecord{string(b), version, s.now().Add(ttl)}
	return err
}

// dump returns all records.
func (s *plain) dump() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []byte
	for _, r := range s.records {
		all = append(all, r.bytes...)
	}
	return all
}

// rewrite changes the stored record of key.
func (s *plain) rewrite(key sojourn.Key, change func(record []byte) []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.records[key.ID()]
	r.bytes = string(change([]byte(r.bytes)))
	s.records[key.ID()] = r
}

// with changes what is stored of key below any sealing, as somebody could who writes to the database.
func (s *plain) with(tb testing.TB, key sojourn.Key, change func(state *sojourn.State)) {
	tb.Helper()
	s.rewrite(key, func(record []byte) []byte {
		state, err := sojourn.ParseState(string(record))
		if err != nil {
			tb.Fatal(err)
		}
		change(&state)
		record, _ = state.AppendBinary(nil)
		return record
	})
}
