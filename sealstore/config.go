package sealstore

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/internal/keyring"
)

// Config configures a [Store]. Secrets are required.
type Config struct {
	// Secrets seal the values: 32 or more random bytes each. The first seals, all open. The package comment says how to
	// rotate them.
	Secrets [][]byte

	// Revoked are secrets that open nothing any more, because they became known. A session with a value under one is
	// [sojourn.ErrCorrupt]: its client is a visitor, who may log in again. A value under a secret that is in neither list
	// is [sojourn.ErrNewer] instead, an outage for this node: it may be one that the node has not been given yet.
	// Default: none.
	Revoked [][]byte

	// Clear says what happens to values in clear, for sealing that begins while sessions live.
	// Default: ClearRefused.
	Clear Clear
}

// Clear says what happens to values in clear.
type Clear int

// To begin sealing without ending sessions, deploy ClearWritten on all nodes, then ClearOpened, and after the longest
// lifetime of a session ClearRefused; to stop, the other way round. Before the last step whoever can write to the database
// can write values.
const (
	ClearRefused Clear = iota // a value in clear is ErrCorrupt
	ClearOpened               // it is read as it is, and sealed with its next change
	ClearWritten              // it is read as it is, and so are values written: what is sealed opens all the same
)

// ErrClientSide is the answer of [New] to a store that keeps sessions at the client: nothing of them is at rest here.
var ErrClientSide = errors.New("sealstore: a client-side store has no values at rest")

// ConfigError is one impossible field of a Config. [New] returns all it finds, joined.
type ConfigError struct {
	Field  string // as written in Go: "Secrets[1]"
	Reason string
}

func (e *ConfigError) Error() string { return "sealstore: Config." + e.Field + ": " + e.Reason }

// use separates the keys that are derived here from those that others derive from the same secret.
const use = "sealstore"

// KeyID returns the name of a secret in the text of errors, and in every value that it sealed: eight hexadecimal digits,
// which tell nothing about it. It is "" for what cannot be a secret.
func KeyID(secret []byte) string {
	ring, faults := keyring.New([][]byte{secret}, use)
	if faults != nil {
		return ""
	}
	return fmt.Sprintf("%x", ring.First().ID())
}

// Format prints c without its secrets, under every verb.
func (c Config) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{Secrets:%d Revoked:%d Clear:%d}", len(c.Secrets), len(c.Revoked), int(c.Clear))
}

// MarshalText is what Format prints, for encoders that would show every field.
func (c Config) MarshalText() ([]byte, error) { return fmt.Append(nil, c), nil }

// Store seals the values of another store. It is safe for concurrent use.
type Store struct {
	inner   sojourn.Store
	ring    *keyring.Ring
	revoked *keyring.Ring
	clear   Clear
	memory  memory

	patcher sojourn.Patcher
	index   sojourn.SubjectIndex
	lister  sojourn.Lister
	sweeper sojourn.Sweeper
	watcher sojourn.Watcher
}

// New returns a store that seals what inner keeps. It checks cfg as a whole and returns a [*ConfigError] for each impossible
// field, joined; a client-side store is [ErrClientSide]. It copies cfg, starts nothing and calls no store.
func New(inner sojourn.Store, cfg Config) (*Store, error) {
	if inner == nil {
		return nil, errors.New("sealstore: no store")
	}
	var errs []error
	if _, ok := sojourn.As[sojourn.KeyParser](inner); ok {
		errs = append(errs, ErrClientSide)
	}
	if len(cfg.Secrets) == 0 {
		errs = append(errs, &ConfigError{"Secrets", "none"})
	}
	_, faults := keyring.New(slices.Concat(cfg.Secrets, cfg.Revoked), use)
	for _, f := range faults {
		field := fmt.Sprintf("Secrets[%d]", f.Index)
		if f.Index >= len(cfg.Secrets) {
			field = fmt.Sprintf("Revoked[%d]", f.Index-len(cfg.Secrets))
		}
		errs = append(errs, &ConfigError{field, f.Reason})
	}
	if cfg.Clear < ClearRefused || cfg.Clear > ClearWritten {
		errs = append(errs, &ConfigError{"Clear", fmt.Sprintf("unknown: %d", int(cfg.Clear))})
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}

	s := &Store{inner: inner, clear: cfg.Clear}
	s.ring, _ = keyring.New(cfg.Secrets, use)
	s.revoked, _ = keyring.New(cfg.Revoked, use)
	s.patcher, _ = sojourn.As[sojourn.Patcher](inner)
	s.index, _ = sojourn.As[sojourn.SubjectIndex](inner)
	s.lister, _ = sojourn.As[sojourn.Lister](inner)
	s.sweeper, _ = sojourn.As[sojourn.Sweeper](inner)
	s.watcher, _ = sojourn.As[sojourn.Watcher](inner)
	return s, nil
}

// Format prints nothing of the store, under every verb: below it are the keys.
func (s *Store) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "sealstore.Store") }

var (
	_ sojourn.Store        = (*Store)(nil)
	_ sojourn.Patcher      = (*Store)(nil)
	_ sojourn.SubjectIndex = (*Store)(nil)
	_ sojourn.Lister       = (*Store)(nil)
	_ sojourn.Sweeper      = (*Store)(nil)
	_ sojourn.Watcher      = (*Store)(nil)
)
