package redisstore

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
)

// The subject's index where it and the sessions are in different slots, so that no script reaches both. See
// docs/adr/0013: a login enters the index before it writes its session; who ends sessions condemns their entries first,
// which is the moment that counts, then ends each so that no write under way can bring it back, and drops the entries
// last. Whoever finds condemned entries ends them too: nobody has to finish for others to be right.

// enter puts a login into the index. It is refused there if login is true and the mark says so.
func (st *Store) enter(ctx context.Context, e entry, login bool) error {
	authenticated := e.authenticated
	if !login {
		authenticated = ""
	}
	r, err := st.eval(ctx, st.scripts.enter, []string{st.names.index(e.digest)}, e.id, e.nonce, e.life, authenticated)
	if err != nil {
		return err
	}
	return r.err()
}

func (st *Store) look(ctx context.Context, digest [digestLen]byte) (index, error) {
	name := st.names.index(digest)
	results, err := st.ask(ctx, func(ctx context.Context, client rueidis.Client) ([]rueidis.RedisResult, error) {
		result := client.Do(ctx, client.B().Hgetall().Key(name).Build())
		return []rueidis.RedisResult{result}, failed(result)
	}, nil)
	if err != nil {
		return index{}, err
	}
	fields, err := results[0].AsStrMap()
	if err != nil {
		return index{}, err
	}
	flat := make([]string, 0, 2*len(fields))
	for field, value := range fields {
		flat = append(flat, field, value)
	}
	return readIndex(flat), nil
}

// listApart looks at the index, then at the sessions. A session that it does not find may have been ended together with
// others, which it has found still: if the index has changed it begins anew.
func (st *Store) listApart(ctx context.Context, digest [digestLen]byte) ([]head, error) {
	for seen, err := st.look(ctx, digest); ; {
		if err != nil {
			return nil, err
		}
		live, condemned := seen.parted()
		if len(condemned) > 0 {
			if err := st.finish(ctx, digest, condemned, nil); err != nil {
				return nil, err
			}
		}
		heads, err := st.heads(ctx, live)
		if err != nil {
			return nil, err
		}
		missing := slices.ContainsFunc(heads, func(h head) bool { return !h.of(digest) })
		if !missing {
			return heads, nil
		}
		again, err := st.look(ctx, digest)
		if err != nil {
			return nil, err
		}
		if again.nonce == seen.nonce {
			return heads, nil
		}
		seen = again
	}
}

func (x index) parted() (live, condemned []indexed) {
	for _, e := range x.entries {
		if e.condemned() {
			condemned = append(condemned, e)
		} else {
			live = append(live, e)
		}
	}
	return live, condemned
}

// of reports whether a head is that of a session that belongs into an index.
func (h head) of(digest [digestLen]byte) bool {
	if h.record == "" || h.left == gone || h.record[0] == formatNone {
		return false
	}
	o, ok := owner(h.record)
	return !ok || o.digest == string(digest[:])
}

func (st *Store) revokeApart(ctx context.Context, digest [digestLen]byte, keep sojourn.ID) (int, error) {
	r, err := st.eval(ctx, st.scripts.condemn, []string{st.names.index(digest)}, "", bytes8(newVersion()), string(keep[:]))
	if err != nil {
		return 0, err
	}
	ended, err := st.finishCondemned(ctx, digest, r)
	return len(ended), err
}

func (st *Store) trimApart(ctx context.Context, digest [digestLen]byte, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	for {
		seen, err := st.look(ctx, digest)
		if err != nil {
			return nil, err
		}
		live, condemned := seen.parted()
		var excess []sojourn.ID
		if len(live) > n {
			heads, err := st.heads(ctx, live)
			if err != nil {
				return nil, err
			}
			excess = oldest(heads, digest, n, spare)
		}
		if len(excess) == 0 {
			return nil, st.finish(ctx, digest, condemned, nil)
		}
		args := []string{seen.nonce, bytes8(newVersion()), ""}
		for _, id := range excess {
			args = append(args, string(id[:]))
		}
		r, err := st.eval(ctx, st.scripts.condemn, []string{st.names.index(digest)}, args...)
		if err != nil {
			return nil, err
		}
		if r[0] != "MOVED" {
			return st.finishCondemned(ctx, digest, r)
		}
	}
}

// authenticated is what sessions are ordered by. Of those that cannot be read one of a later release is the newest, and a
// damaged one the oldest.
func (h head) authenticated() int64 {
	o, ok := owner(h.record)
	switch {
	case ok:
		return o.authenticated
	case h.record[0] > format:
		return math.MaxInt64
	}
	return math.MinInt64
}

// oldest returns the sessions to end so that n are left.
func oldest(heads []head, digest [digestLen]byte, n int, spare sojourn.ID) []sojourn.ID {
	heads = slices.DeleteFunc(heads, func(h head) bool { return !h.of(digest) })
	slices.SortStableFunc(heads, func(a, b head) int { return cmp.Compare(a.authenticated(), b.authenticated()) })
	var ended []sojourn.ID
	for _, h := range heads {
		if len(heads)-len(ended) <= n {
			break
		}
		if h.id != spare {
			ended = append(ended, h.id)
		}
	}
	return ended
}

// finishCondemned takes the answer of the script that condemned: the sessions that it has condemned, and the entries of
// all that are condemned. It returns those of the former that lived.
func (st *Store) finishCondemned(ctx context.Context, digest [digestLen]byte, r reply) ([]sojourn.ID, error) {
	apart := slices.Index(r, "")
	if r[0] != "OK" || apart < 0 {
		return nil, fmt.Errorf("answer %.20q of a script", r[0])
	}
	mine, err := ids(r[1:apart])
	if err != nil {
		return nil, err
	}
	var ended []sojourn.ID
	err = st.finish(ctx, digest, readIndex(r[apart+1:]).entries, func(id sojourn.ID) {
		if slices.Contains(mine, id) {
			ended = append(ended, id)
		}
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// finish ends sessions that are condemned and drops their entries. It tells of those that lived until they were condemned.
func (st *Store) finish(ctx context.Context, digest [digestLen]byte, condemned []indexed, tell func(sojourn.ID)) error {
	if len(condemned) == 0 {
		return nil
	}
	replies, err := st.killAll(ctx, digest, condemned)
	if err != nil {
		return err
	}
	args := make([]string, 0, 2*len(condemned))
	for i, e := range condemned {
		if replies[i] == "ENDED" && tell != nil {
			tell(e.id)
		}
		args = append(args, string(e.id[:]), e.entry)
	}
	_, err = st.eval(ctx, st.scripts.drop, []string{st.names.index(digest)}, args...)
	return err
}

// headBytes is how much of a record is read to have its facts, mostly.
const headBytes = 1024

// heads reads the heads of sessions, together.
func (st *Store) heads(ctx context.Context, entries []indexed) ([]head, error) {
	all := make([]sojourn.ID, len(entries))
	for i, e := range entries {
		all[i] = e.id
	}
	return st.headsOf(ctx, all)
}

func (st *Store) headsOf(ctx context.Context, all []sojourn.ID) ([]head, error) {
	if len(all) == 0 {
		return nil, nil
	}
	heads, err := st.readHeads(ctx, all, headBytes)
	if err != nil {
		return nil, err
	}
	var long []sojourn.ID
	for _, h := range heads {
		if len(h.record) == headBytes {
			if _, _, err := split(h.record); err != nil {
				long = append(long, h.id)
			}
		}
	}
	if len(long) == 0 {
		return heads, nil
	}
	const most = 1 << 17 // more than facts can be long
	whole, err := st.readHeads(ctx, long, most)
	if err != nil {
		return nil, err
	}
	for _, h := range whole {
		heads[slices.Index(all, h.id)] = h
	}
	return heads, nil
}

func (st *Store) readHeads(ctx context.Context, all []sojourn.ID, size int64) ([]head, error) {
	results, err := st.ask(ctx, func(ctx context.Context, client rueidis.Client) ([]rueidis.RedisResult, error) {
		commands := make([]rueidis.Completed, 0, 2*len(all))
		for _, id := range all {
			name := st.names.session(id)
			commands = append(commands, client.B().Getrange().Key(name).Start(0).End(size-1).Build(), client.B().Pttl().Key(name).Build())
		}
		results := client.DoMulti(ctx, commands...)
		return results, failed(results...)
	}, nil)
	if err != nil {
		return nil, err
	}
	heads := make([]head, len(all))
	for i, id := range all {
		record, err := results[2*i].ToString()
		if err != nil {
			return nil, err
		}
		left, err := results[2*i+1].AsInt64()
		if err != nil {
			return nil, err
		}
		heads[i] = head{id, record, left}
	}
	return heads, nil
}
