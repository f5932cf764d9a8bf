package redisstore

import (
	"context"
	"errors"

	"github.com/redis/rueidis"
	"github.com/sojourn-go/sojourn"
)

// ErrReplicas says that fewer replicas than [Config].Replicas have the end of a session: it has ended on the primary, and
// may be back if that fails now.
var ErrReplicas = errors.New("redisstore: too few replicas have it")

// Delete implements [sojourn.Store]. The entry in the subject's index, which is never believed without a look at the
// session, is removed when Delete has returned.
func (st *Store) Delete(ctx context.Context, key sojourn.Key) error {
	id := key.ID()
	keys := []string{st.names.session(id)}
	_, err := st.ask(ctx, st.ending(st.scripts.delete, keys, nil), func(results []rueidis.RedisResult) {
		if r, err := readReply(results[0]); err == nil && len(r[0]) == digestLen {
			st.tidy(ctx, [digestLen]byte([]byte(r[0])), id)
		}
	})
	return failure("delete", err)
}

// tidy removes a session's entry from its subject's index. Nobody waits for it, and nothing depends on it.
func (st *Store) tidy(ctx context.Context, digest [digestLen]byte, id sojourn.ID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), st.cfg.Timeout)
	defer cancel()
	st.client.Do(ctx, st.client.B().Hdel().Key(st.names.index(digest)).Field(string(id[:])).Build())
}
