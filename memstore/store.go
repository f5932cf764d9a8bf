package memstore

import (
	"context"
	"errors"
	"hash/maphash"
	"math"
	"sync/atomic"
	"time"

	"github.com/sojourn-go/sojourn"
)

// ErrFull is the answer of Save when [Config.MaxSessions] sessions are stored and all of them are live and have a subject.
var ErrFull = errors.New("memstore: full of logged-in sessions")

var (
	errOwner   = errors.New("memstore: an update cannot change a realm, or a subject that is set")
	errSubject = errors.New("memstore: empty subject")
)

const (
	shardCount      = 256 // one value of an ID's first byte each, and of a subject's hash
	defaultSessions = 1_000_000
	never           = math.MaxInt64
)

// Config is a store's configuration. Its zero value is ready to use.
type Config struct {
	// Now is the store's clock. It is called while locks are held, so it must be quick and must not call the store. A
	// clock without a monotonic reading must not go back.
	// Default: time.Now.
	Now func() time.Time

	// MaxSessions is the largest number of sessions that are stored, expired ones that no sweep has removed included.
	// What happens then is in the package's comment. Numbers below 1 mean the default.
	// Default: 1,000,000.
	MaxSessions int
}

// Store keeps sessions in memory. It is safe for concurrent use.
//
// Locks are taken in one order: one index, then one shard, never two of a kind. A session with a subject enters and leaves
// under the lock of its subject's index, so whoever holds that sees all of the subject's sessions at one moment.
// Visitors' sessions know only their shard.
type Store struct {
	clock    func() time.Time
	ownClock bool // clock is not time.Now
	born     time.Time
	limit    int64
	seed     maphash.Seed
	sessions atomic.Int64
	members  atomic.Int64  // of sessions, those with a subject
	swept    atomic.Uint32 // the shard at which the next sweep begins
	watchers watchers
	shards   [shardCount]shard
	indexes  [shardCount]index
}

var (
	_ sojourn.Store        = (*Store)(nil)
	_ sojourn.Patcher      = (*Store)(nil)
	_ sojourn.SubjectIndex = (*Store)(nil)
	_ sojourn.Lister       = (*Store)(nil)
	_ sojourn.Sweeper      = (*Store)(nil)
	_ sojourn.Watcher      = (*Store)(nil)
)

// New returns an empty store.
func New(config Config) *Store {
	s := &Store{clock: config.Now, limit: int64(config.MaxSessions), seed: maphash.MakeSeed()}
	s.ownClock = s.clock != nil
	if !s.ownClock {
		s.clock = time.Now
	}
	if s.limit < 1 {
		s.limit = defaultSessions
	}
	s.born = s.clock()
	for i := range s.shards {
		s.shards[i].publish()
	}
	return s
}

// Len returns how many sessions are stored, expired ones that have not been removed included.
func (s *Store) Len() int { return int(s.sessions.Load()) }

// Load implements [sojourn.Store]. The state shares the stored record.
func (s *Store) Load(ctx context.Context, key sojourn.Key) (state sojourn.State, err error) {
	if err = ctx.Err(); err == nil {
		err = s.load(key.ID(), &state)
	}
	return state, err
}

// load reads the clock after the record, so that no wait for the lock shows a session after its expiry.
func (s *Store) load(id sojourn.ID, state *sojourn.State) error {
	record, expires := s.record(id)
	return open(record, expires, s.now(), state)
}

// record returns what is stored, and an expiry long past if nothing is.
func (s *Store) record(id sojourn.ID) (record sojourn.Packed, expires int64) {
	sh := s.shardOf(id)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	e := sh.find(id)
	if e == nil {
		return sojourn.Packed{}, math.MinInt64
	}
	return e.record, e.expires
}

// Save implements [sojourn.Store]. It answers [sojourn.ErrEnded] for a login that a DeleteSubject has overtaken, and
// [ErrFull].
func (s *Store) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	ttl, err := s.begin(ctx, ttl)
	if err != nil {
		return sojourn.Key{}, err
	}
	if err := s.reserve(ctx); err != nil {
		return sojourn.Key{}, err
	}
	id := sojourn.NewID()
	if err := s.insert(id, &state.Facts, state.Pack(1), ttl); err != nil {
		s.sessions.Add(-1)
		return sojourn.Key{}, err
	}
	return id.Key(), nil
}

func (s *Store) insert(id sojourn.ID, facts *sojourn.Facts, record sojourn.Packed, ttl time.Duration) error {
	var node uint32
	if facts.Subject != "" {
		who := owner{facts.Realm, facts.Subject}
		ix, hash := s.lookup(who)
		ix.mu.Lock()
		defer ix.mu.Unlock()
		if ix.refuses(who, facts.Authenticated, s.now()) {
			return sojourn.ErrEnded
		}
		node = ix.add(hash, id)
		s.members.Add(1)
	}
	sh := s.shardOf(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.insert(entry{id: id, record: record, expires: s.now() + ttl.Milliseconds(), node: node})
	return nil
}

// Update implements [sojourn.Store]. It answers [sojourn.ErrEnded] for a login that a DeleteSubject has overtaken. A new
// realm, or another subject than the one that is set, is an error.
func (s *Store) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	ttl, err := s.begin(ctx, ttl)
	if err != nil {
		return sojourn.Key{}, err
	}
	id := key.ID()
	var old sojourn.State
	if err := s.load(id, &old); err != nil {
		return sojourn.Key{}, err
	}
	if old.Version != state.Version {
		return sojourn.Key{}, sojourn.ErrConflict
	}
	if old.Facts.Realm != state.Facts.Realm || old.Facts.Subject != "" && old.Facts.Subject != state.Facts.Subject {
		return sojourn.Key{}, errOwner
	}
	if err := s.replace(id, &old.Facts, &state, ttl); err != nil {
		return sojourn.Key{}, err
	}
	s.watchers.tell(id)
	return key, nil
}

// replace is Update's second look, under the locks: old are the facts at the version that must still be there.
func (s *Store) replace(id sojourn.ID, old *sojourn.Facts, state *sojourn.State, ttl time.Duration) error {
	record := state.Pack(state.Version + 1)
	who := owner{state.Facts.Realm, state.Facts.Subject}
	login := who.subject != "" &&
		(old.Subject == "" || old.Authenticated.UnixMilli() != state.Facts.Authenticated.UnixMilli())
	var ix *index
	var hash uint32
	if login {
		ix, hash = s.lookup(who)
		ix.mu.Lock()
		defer ix.mu.Unlock()
	}
	sh := s.shardOf(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := s.now()
	e, err := sh.live(id, now)
	if err != nil {
		return err
	}
	if e.record.Version() != state.Version {
		return sojourn.ErrConflict
	}
	if login && ix.refuses(who, state.Facts.Authenticated, now) {
		return sojourn.ErrEnded
	}
	e.record = record
	if login && old.Subject == "" {
		sh.join(e, ix.add(hash, id))
		s.members.Add(1)
	}
	sh.expire(e, now+ttl.Milliseconds())
	return nil
}

// UpdateTTL implements [sojourn.Store].
func (s *Store) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	ttl, err := s.begin(ctx, ttl)
	if err != nil {
		return err
	}
	sh := s.shardOf(key.ID())
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := s.now()
	e, err := sh.live(key.ID(), now)
	if err != nil {
		return err
	}
	sh.expire(e, max(e.expires, now+ttl.Milliseconds()))
	return nil
}

// Patch implements [sojourn.Patcher].
func (s *Store) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	ttl, err := s.begin(ctx, ttl)
	if err != nil {
		return err
	}
	if err := s.patch(key.ID(), p, ttl); err != nil {
		return err
	}
	s.watchers.tell(key.ID())
	return nil
}

// patch works under the lock from reading to writing, so that no number of parallel patches makes one fail.
func (s *Store) patch(id sojourn.ID, p sojourn.Patch, ttl time.Duration) error {
	sh := s.shardOf(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := s.now()
	e, err := sh.live(id, now)
	if err != nil {
		return err
	}
	record, err := e.record.With(p, e.record.Version()+1)
	if err != nil {
		return err
	}
	e.record = record
	sh.expire(e, max(e.expires, now+ttl.Milliseconds()))
	return nil
}

// Delete implements [sojourn.Store].
func (s *Store) Delete(ctx context.Context, key sojourn.Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.remove(key.ID(), never)
	return nil
}

// begin is what every write checks first.
func (s *Store) begin(ctx context.Context, ttl time.Duration) (time.Duration, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	return sojourn.RoundTTL(ttl, time.Millisecond)
}

// remove takes the session out of shard and index if its expiry is not after by, and reports whether it did.
func (s *Store) remove(id sojourn.ID, by int64) bool {
	sh := s.shardOf(id)
	sh.mu.Lock()
	e := sh.find(id)
	if e == nil || e.expires > by {
		sh.mu.Unlock()
		return false
	}
	if e.node == 0 {
		s.drop(sh, e)
		sh.mu.Unlock()
		return true
	}
	record := e.record
	sh.mu.Unlock()

	// The index comes before the shard. Meanwhile the session may go, but its subject cannot change.
	facts := record.State().Facts
	ix, _ := s.lookup(owner{facts.Realm, facts.Subject})
	ix.mu.Lock()
	defer ix.mu.Unlock()
	return s.removeMember(ix, id, by)
}

// removeMember is remove for a session with a subject, whose index is locked.
func (s *Store) removeMember(ix *index, id sojourn.ID, by int64) bool {
	sh := s.shardOf(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	e := sh.find(id)
	if e == nil || e.expires > by {
		return false
	}
	ix.remove(e.node)
	s.members.Add(-1)
	s.drop(sh, e)
	return true
}

// drop removes e from sh, which is locked, and tells the watchers.
func (s *Store) drop(sh *shard, e *entry) {
	id := e.id
	sh.remove(e)
	s.sessions.Add(-1)
	s.watchers.tell(id)
}

func (s *Store) shardOf(id sojourn.ID) *shard { return &s.shards[id[0]] }

// now is the time since the store was made, in milliseconds.
func (s *Store) now() int64 {
	if !s.ownClock {
		return time.Since(s.born).Milliseconds() // looks at the monotonic clock only, which is half the work
	}
	return s.clock().Sub(s.born).Milliseconds()
}
