package redisstore

import (
	"context"
	"errors"
	"sync"

	"github.com/redis/rueidis"
)

// evalEnding is eval for scripts that end sessions: it waits for replicas, if the configuration says so.
func (st *Store) evalEnding(ctx context.Context, s *script, keys []string, args ...string) (reply, error) {
	results, err := st.ask(ctx, st.ending(s, keys, args), nil)
	if err != nil {
		return nil, err
	}
	return readReply(results[0])
}

func (st *Store) ending(s *script, keys, args []string) work {
	if st.cfg.Replicas == 0 {
		return st.script(s, keys, args)
	}
	return func(ctx context.Context, client rueidis.Client) ([]rueidis.RedisResult, error) {
		results := st.awaited(ctx, client, s, false, keys, args)
		if noScript(results[0].Error()) {
			results = st.awaited(ctx, client, s, true, keys, args)
		}
		if err := failed(results...); err != nil {
			return nil, err
		}
		n, err := results[1].AsInt64()
		if err == nil && n < int64(st.cfg.Replicas) {
			err = ErrReplicas
		}
		return results, err
	}
}

// awaited runs a script and WAIT on one connection, which rueidis gives to commands that block: WAIT counts the replicas
// that have what its own connection wrote.
func (st *Store) awaited(ctx context.Context, client rueidis.Client, s *script, whole bool, keys, args []string) []rueidis.RedisResult {
	wait := client.B().Wait().Numreplicas(int64(st.cfg.Replicas)).Timeout(st.cfg.ReplicaTimeout.Milliseconds()).Build()
	return client.DoMulti(ctx, s.command(client.B(), whole, keys, args), wait)
}

// killers is how many sessions are ended at once where replicas are waited for, each on a connection of its own.
const killers = 16

// killAll ends sessions where they are, all together.
func (st *Store) killAll(ctx context.Context, digest [digestLen]byte, sessions []indexed) ([]string, error) {
	if st.cfg.Replicas > 0 {
		return st.killAwaited(ctx, digest, sessions)
	}
	script, keys := st.scripts.kill, st.sessionsOf(sessions)
	args := []string{string(digest[:]), bytes8(newVersion())}
	results, err := st.ask(ctx, func(ctx context.Context, client rueidis.Client) ([]rueidis.RedisResult, error) {
		commands := make([]rueidis.Completed, len(keys))
		for i := range keys {
			commands[i] = script.command(client.B(), false, keys[i:i+1], args)
		}
		results := client.DoMulti(ctx, commands...)
		for i, result := range results { // some servers may know the script and others not
			if noScript(result.Error()) {
				results[i] = client.Do(ctx, script.command(client.B(), true, keys[i:i+1], args))
			}
		}
		return results, failed(results...)
	}, nil)
	if err != nil {
		return nil, err
	}
	answers := make([]string, len(results))
	for i, result := range results {
		if answers[i], err = result.ToString(); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

func (st *Store) killAwaited(ctx context.Context, digest [digestLen]byte, sessions []indexed) ([]string, error) {
	answers, errs := make([]string, len(sessions)), make([]error, len(sessions))
	var wg sync.WaitGroup
	room := make(chan struct{}, killers)
	for i := range sessions {
		room <- struct{}{}
		wg.Go(func() {
			defer func() { <-room }()
			keys := st.sessionsOf(sessions[i : i+1])
			r, err := st.evalEnding(ctx, st.scripts.kill, keys, string(digest[:]), bytes8(newVersion()))
			if errs[i] = err; err == nil {
				answers[i] = r[0]
			}
		})
	}
	wg.Wait()
	return answers, errors.Join(errs...)
}
