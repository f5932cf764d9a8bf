package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// ServerError is something about a server that the store's promises do not hold with.
type ServerError struct {
	Addr   string // as the client knows it
	Reason string
}

func (e *ServerError) Error() string { return "redisstore: server " + e.Addr + ": " + e.Reason }

// Check asks the servers whether they are what the store needs, and returns a [*ServerError] for each thing that is not
// so, joined, and why a server could not be asked: a release before 7.0; memory that is limited, with a policy that evicts keys when it is full, so that
// revocations would forget sessions; a replica in place of a primary, or a client that reads from replicas. It changes
// nothing, and needs no CONFIG. Call it when the application starts, and decide whether that is a reason not to.
func (st *Store) Check(ctx context.Context) error {
	var wrong []error
	for addr, node := range st.client.Nodes() {
		found, err := st.checkNode(ctx, addr, node)
		if err != nil {
			err = failure("check", fmt.Errorf("%s: %w", addr, err))
		}
		wrong = append(append(wrong, found...), err)
	}
	return errors.Join(append(wrong, st.checkReads(ctx))...)
}

func (st *Store) checkNode(ctx context.Context, addr string, node rueidis.Client) (wrong []error, err error) {
	results, err := st.askNode(ctx, node, func(ctx context.Context, node rueidis.Client) ([]rueidis.RedisResult, error) {
		result := node.Do(ctx, node.B().Info().Build())
		return []rueidis.RedisResult{result}, failed(result)
	}, nil)
	if err != nil {
		return nil, err
	}
	text, err := results[0].ToString()
	if err != nil {
		return nil, err
	}
	info := readInfo(text)
	refuse := func(format string, args ...any) {
		wrong = append(wrong, &ServerError{addr, fmt.Sprintf(format, args...)})
	}
	major, _, _ := strings.Cut(info["redis_version"], ".")
	if n, err := strconv.Atoi(major); err != nil || n < 7 {
		refuse("release %.20q, want 7.0 or later", info["redis_version"])
	}
	if policy := info["maxmemory_policy"]; info["maxmemory"] != "0" && policy != "noeviction" {
		refuse("maxmemory-policy is %s: a full memory would drop sessions and what revocations know of them; set noeviction",
			policy)
	}
	if st.client.Mode() != rueidis.ClientModeCluster && info["role"] != "master" {
		refuse("it is a replica")
	}
	return wrong, nil
}

// checkReads asks where a command goes that clients may send to replicas.
func (st *Store) checkReads(ctx context.Context) error {
	name := st.names.sessions() + "check"
	results, err := st.ask(ctx, func(ctx context.Context, client rueidis.Client) ([]rueidis.RedisResult, error) {
		result := client.Do(ctx, client.B().EvalRo().Script("return redis.call('INFO', 'replication')").Numkeys(1).Key(name).Build())
		return []rueidis.RedisResult{result}, failed(result)
	}, nil)
	if err != nil {
		return failure("check", err)
	}
	text, err := results[0].ToString()
	if err != nil {
		return failure("check", err)
	}
	if readInfo(text)["role"] != "master" {
		return &ServerError{"of the reads", "it is a replica: the client must read from primaries"}
	}
	return nil
}

// readInfo reads the answer of INFO.
func readInfo(text string) map[string]string {
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}
