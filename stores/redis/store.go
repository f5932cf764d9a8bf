package redisstore

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
)

// Store keeps sessions in Redis or Valkey. It is safe for concurrent use, by any number of goroutines and processes.
type Store struct {
	client  rueidis.Client
	owns    bool // the client is ours to close
	cfg     Config
	names   names
	scripts scripts
	apart   bool // a session and its subject's index may be on different servers
	entered entered
}

var (
	_ sojourn.Store        = (*Store)(nil)
	_ sojourn.Patcher      = (*Store)(nil)
	_ sojourn.SubjectIndex = (*Store)(nil)
)

// New returns a store over a client: of one server, of Sentinel or of Redis Cluster. It asks the server nothing: see
// [Store.Check]. It does not close the client. What is wrong with cfg comes as [sojourn.ConfigError]s, joined.
//
// The client must read from primaries (no SendToReplicas, no ReplicaOnly) and must not retire connections by age
// (no ConnLifetime: rueidis then repeats what was under way on them, writes too).
func New(client rueidis.Client, cfg Config) (*Store, error) {
	cfg, err := cfg.complete()
	if client == nil {
		err = errors.Join(errors.New("redisstore: no client"), err)
	}
	if err != nil {
		return nil, err
	}
	return &Store{
		client: client, cfg: cfg, names: names{cfg.Prefix}, scripts: newScripts(),
		apart: cfg.Sharded || client.Mode() == rueidis.ClientModeCluster,
	}, nil
}

// Load implements [sojourn.Store].
func (st *Store) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	name := st.names.session(key.ID())
	results, err := st.ask(ctx, func(ctx context.Context, client rueidis.Client) ([]rueidis.RedisResult, error) {
		b := client.B()
		results := client.DoMulti(ctx, b.Get().Key(name).Build(), b.Pttl().Key(name).Build())
		return results, failed(results...)
	}, nil)
	if err != nil {
		return sojourn.State{}, failure("load", err)
	}
	record, err := results[0].ToString()
	if rueidis.IsRedisNil(err) {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	if err != nil {
		return sojourn.State{}, failure("load", err)
	}
	left, err := results[1].AsInt64()
	if err != nil {
		return sojourn.State{}, failure("load", err)
	}
	if left == gone { // since the first of the two commands
		return sojourn.State{}, sojourn.ErrNotFound
	}
	state, err := parse(record, true)
	state.TTL = fromEngine(left)
	return state, err
}

// gone is what PTTL says of a key that is not there.
const gone = -2

// Save implements [sojourn.Store].
func (st *Store) Save(ctx context.Context, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	px, err := toEngine(ttl)
	if err != nil {
		return sojourn.Key{}, err
	}
	record, err := newRecord(state, newVersion())
	if err != nil {
		return sojourn.Key{}, err
	}
	for {
		id := sojourn.NewID()
		if state.Facts.Subject == "" {
			err = st.saveVisitor(ctx, id, record, px)
		} else {
			err = st.saveLogin(ctx, id, state.Facts, record, px)
		}
		switch {
		case err == nil:
			return id.Key(), nil
		case err != errTaken: // which is the note that this login was ended before it was there
			return sojourn.Key{}, failure("save", err)
		}
	}
}

func (st *Store) saveVisitor(ctx context.Context, id sojourn.ID, record string, px int64) error {
	name := st.names.session(id)
	results, err := st.ask(ctx, func(ctx context.Context, client rueidis.Client) ([]rueidis.RedisResult, error) {
		result := client.Do(ctx, client.B().Set().Key(name).Value(record).Nx().PxMilliseconds(px).Build())
		return []rueidis.RedisResult{result}, failed(result)
	}, nil)
	if err == nil && rueidis.IsRedisNil(results[0].Error()) {
		err = errTaken
	}
	return err
}

func (st *Store) saveLogin(ctx context.Context, id sojourn.ID, f sojourn.Facts, record string, px int64) error {
	e := newEntry(id, f, px)
	keys := []string{st.names.session(id)}
	if st.apart {
		if err := st.enter(ctx, e, true); err != nil {
			return err
		}
	} else {
		keys = append(keys, st.names.index(e.digest))
	}
	r, err := st.eval(ctx, st.scripts.save, keys, record, strconv.FormatInt(px, 10), e.life, e.id, e.nonce, e.authenticated,
		st.entered.ask())
	if err != nil {
		return err
	}
	st.entered.put(e.digest, r)
	return r.err()
}

// Update implements [sojourn.Store]. A record that this release cannot read is not overwritten: [sojourn.ErrCorrupt],
// [sojourn.ErrNewer]. It is an error to change a subject that is set.
func (st *Store) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	px, err := toEngine(ttl)
	if err != nil {
		return sojourn.Key{}, err
	}
	if err := st.update(ctx, key.ID(), state, px); err != nil {
		return sojourn.Key{}, failure("update", err)
	}
	return key.ID().Key(), nil
}

func (st *Store) update(ctx context.Context, id sojourn.ID, state sojourn.State, px int64) error {
	record, err := newRecord(state, newVersion())
	if err != nil {
		return err
	}
	keys := []string{st.names.session(id)}
	args := []string{bytes8(state.Version), record, strconv.FormatInt(px, 10)}
	var e entry
	if state.Facts.Subject != "" {
		e = newEntry(id, state.Facts, px)
		args = append(args, e.life, e.id, e.nonce, e.authenticated)
		if !st.apart {
			keys = append(keys, st.names.index(e.digest))
		}
	}
	for entered := ""; ; {
		r, err := st.eval(ctx, st.scripts.update, keys, append(args, entered, st.entered.ask())...)
		if err != nil {
			return err
		}
		if r[0] != "ENTER" && r[0] != "KEEP" {
			st.entered.put(e.digest, r)
			return r.err()
		}
		// Apart: the index first, then again with the proof of it.
		if err := st.enter(ctx, e, r[0] == "ENTER"); err != nil {
			return err
		}
		entered = r[1]
	}
}

// UpdateTTL implements [sojourn.Store].
func (st *Store) UpdateTTL(ctx context.Context, key sojourn.Key, ttl time.Duration) error {
	px, err := toEngine(ttl)
	if err != nil {
		return err
	}
	return failure("touch", st.extend(ctx, st.scripts.touch, key.ID(), px))
}

// Patch implements [sojourn.Patcher]: only what changes is sent, and the engine changes it in one step.
func (st *Store) Patch(ctx context.Context, key sojourn.Key, p sojourn.Patch, ttl time.Duration) error {
	px, err := toEngine(ttl)
	if err != nil {
		return err
	}
	args := []string{
		bytes8(newVersion()) + bytes4(p.Generation), strconv.Itoa(p.MaxSize), strconv.Itoa(p.MaxNames), packed(p.Set),
	}
	if p.Expect != (sojourn.Values{}) || p.Clear || len(p.Remove) > 0 { // mostly not
		clear := "0"
		if p.Clear {
			clear = "1"
		}
		args = append(args, packed(p.Expect), packedNames(p.Remove), packedNames(p.Keep), clear)
	}
	return failure("patch", st.extend(ctx, st.scripts.patch, key.ID(), px, args...))
}

// extend runs a script that may extend the life of a session. Where that would go beyond the life of the subject's index,
// which no deadline of a manager does, the index is extended first.
func (st *Store) extend(ctx context.Context, s *script, id sojourn.ID, px int64, more ...string) error {
	keys := []string{st.names.session(id)}
	args := append([]string{strconv.FormatInt(px, 10), ""}, more...)
	r, err := st.eval(ctx, s, keys, args...)
	if err != nil {
		return err
	}
	if r[0] == "KEEP" && len(r) == 2 && len(r[1]) == digestLen {
		index := []string{st.names.index([digestLen]byte([]byte(r[1])))}
		if _, err := st.eval(ctx, st.scripts.keep, index, string(id[:]), args[0]); err != nil {
			return err
		}
		args[1] = "1"
		if r, err = st.eval(ctx, s, keys, args...); err != nil {
			return err
		}
	}
	return r.err()
}

func packed(v sojourn.Values) string {
	b, _ := v.AppendBinary(nil) // never fails
	return string(b)
}

// packedNames packs names like values without texts.
func packedNames(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return packed(sojourn.CollectValues(func(yield func(name, text string) bool) {
		for _, name := range names {
			if !yield(name, "") {
				return
			}
		}
	}))
}
