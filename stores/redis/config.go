package redisstore

import (
	"errors"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Config says how a [Store] uses its database. The zero Config is a good one.
type Config struct {
	// Prefix begins all keys of the store, so that others find room in the same database. Two applications that shall not
	// share sessions need prefixes of their own. It may not hold braces, with which Redis Cluster would put all keys into
	// one slot.
	//
	// Default: "sojourn:".
	Prefix string

	// Sharded says that the keys are spread over servers although the client is none of Redis Cluster: behind a proxy that
	// refuses commands on keys of different servers, as Redis Enterprise without the OSS Cluster API does. With a client
	// of Redis Cluster it is so without saying. All processes that share sessions must say the same.
	//
	// Default: false.
	Sharded bool

	// Replicas is how many replicas must have the end of a session before it is acknowledged: Delete, DeleteSubject and
	// TrimSubject then wait for them (the command WAIT), on a connection of their own. If there are too few in time, the
	// session has ended all the same and the answer is [ErrReplicas]. It makes it unlikely that a failover brings an ended
	// session back, and not impossible.
	//
	// Default: 0, the primary's word.
	Replicas int

	// ReplicaTimeout is how long to wait for them.
	//
	// Default: 1 s.
	ReplicaTimeout time.Duration

	// Timeout is the limit of a call whose context has no earlier deadline.
	//
	// Default: 5 s.
	Timeout time.Duration
}

const (
	defaultPrefix         = "sojourn:"
	defaultReplicaTimeout = time.Second
	defaultTimeout        = 5 * time.Second
)

// complete returns the configuration with its defaults, or every field that is wrong, as [sojourn.ConfigError]s.
func (cfg Config) complete() (Config, error) {
	var wrong []error
	refuse := func(field, reason string) {
		wrong = append(wrong, &sojourn.ConfigError{Field: field, Reason: reason})
	}
	if cfg.Prefix == "" {
		cfg.Prefix = defaultPrefix
	}
	if strings.ContainsAny(cfg.Prefix, "{}") {
		refuse("Prefix", "must not hold braces: Redis Cluster would put all keys into one slot")
	}
	if len(cfg.Prefix) > 255 {
		refuse("Prefix", "must not be longer than 255 bytes: it is part of every key")
	}
	if cfg.Replicas < 0 {
		refuse("Replicas", "must not be negative")
	}
	if cfg.ReplicaTimeout < 0 {
		refuse("ReplicaTimeout", "must not be negative")
	}
	if cfg.Timeout < 0 {
		refuse("Timeout", "must not be negative")
	}
	if cfg.ReplicaTimeout == 0 {
		cfg.ReplicaTimeout = defaultReplicaTimeout
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	return cfg, errors.Join(wrong...)
}
