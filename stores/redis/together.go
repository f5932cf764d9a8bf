package redisstore

import (
	"context"
	"fmt"
	"strconv"

	"github.com/sojourn-go/sojourn"
)

// The subject's index where one script reaches all keys. A script must be told the keys that it touches, and only the
// index knows them: so the first call tells what is in the index, and the second one does the work if that is still true.
// Of a subject without sessions the first call is the only one.

func (st *Store) listTogether(ctx context.Context, digest [digestLen]byte) ([]head, error) {
	var seen index
	for {
		keys := append([]string{st.names.index(digest)}, st.sessionsOf(seen.entries)...)
		r, err := st.eval(ctx, st.scripts.list, keys, seen.nonce)
		if err != nil {
			return nil, err
		}
		if r[0] == "MOVED" {
			seen = readIndex(r[1:])
			continue
		}
		if len(r) != 1+2*len(seen.entries) {
			return nil, fmt.Errorf("%d answers of a script for %d sessions", len(r), len(seen.entries))
		}
		heads := make([]head, len(seen.entries))
		for i, e := range seen.entries {
			left, err := strconv.ParseInt(r[1+2*i], 10, 64)
			if err != nil {
				return nil, err
			}
			heads[i] = head{e.id, r[2+2*i], left}
		}
		return heads, nil
	}
}

func (st *Store) revokeTogether(ctx context.Context, digest [digestLen]byte, keep sojourn.ID) (int, error) {
	ended, err := st.endTogether(ctx, digest, index{}, string(keep[:]), "", "")
	return len(ended), err
}

func (st *Store) trimTogether(ctx context.Context, digest [digestLen]byte, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	seen := st.entered.take(digest)
	if len(seen.entries) <= n {
		seen = index{} // then the script needs no look at the records
	}
	return st.endTogether(ctx, digest, seen, "", strconv.Itoa(n), string(spare[:]))
}

// endTogether ends sessions, of which some were seen in the index before, perhaps.
func (st *Store) endTogether(ctx context.Context, digest [digestLen]byte, seen index, keep, most, spare string) ([]sojourn.ID, error) {
	for {
		keys := append([]string{st.names.index(digest)}, st.sessionsOf(seen.entries)...)
		args := []string{seen.nonce, bytes8(newVersion()), string(digest[:]), keep, most, spare}
		for _, e := range seen.entries {
			args = append(args, string(e.id[:]))
		}
		r, err := st.evalEnding(ctx, st.scripts.end, keys, args...)
		if err != nil {
			return nil, err
		}
		if r[0] != "MOVED" {
			return ids(r[1:])
		}
		seen = readIndex(r[1:])
	}
}

func ids(texts []string) ([]sojourn.ID, error) {
	var all []sojourn.ID
	for _, text := range texts {
		if len(text) != len(sojourn.ID{}) {
			return nil, fmt.Errorf("an ID of %d bytes in the index", len(text))
		}
		all = append(all, sojourn.ID([]byte(text)))
	}
	return all, nil
}
