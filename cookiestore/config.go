package cookiestore

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/internal/cookiename"
)

// Config configures a [Store]. Secrets are required, and either Leases or Irrevocable.
type Config struct {
	// Secrets seal the cookies: 32 or more random bytes each. The first seals, all open. To rotate, add the new one last
	// and deploy, move it to the front and deploy, and remove the old one after one absolute lifetime, the longer one of
	// Lifetime and Remember. A secret that became known is removed at once: whoever has it reads the values of every cookie,
	// and makes values, under Irrevocable whole sessions, as he likes.
	Secrets [][]byte

	// Leases keeps the facts, the TTL and the version of each session, and no value, in a server-side store. Logout,
	// revocation, limits and lists are its work, so it must not evict: what it forgets is logged out, and while it fails
	// nobody gets in. It may be shared with managers of other realms.
	// Default: none; required unless Irrevocable.
	Leases sojourn.Store

	// Irrevocable keeps the facts in the cookie too, and nothing on the server. Then nothing ends a session before its
	// time: Logout and [sojourn.Manager.End] are a request to the client, and a copy of the cookie opens the session until
	// its idle timeout or its deadline. Default: false.
	Irrevocable bool

	// Name is the name of the cookie, or of the header, in which the manager sends the token, as in its Config. It is bound
	// into every seal and counts towards the size. [sojourn.New] refuses a Config with another name. At most 256 bytes.
	// Default: "__Host-id".
	Name string

	// Realm is that of the manager, as in its Config. It is bound into every seal, so that what one manager sealed opens
	// nothing at another that shares the secrets. [sojourn.New] refuses a Config with another realm: each manager has a Store
	// of its own. At most 255 bytes.
	// Default: Name without its prefix, as the manager's.
	Realm string

	// Now is the clock, for Irrevocable only: leases expire by the clock of their store.
	// Default: time.Now.
	Now func() time.Time
}

// Format prints c without its secrets, under every verb.
func (c Config) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{Secrets:%d Irrevocable:%t Name:%s Realm:%s}", len(c.Secrets), c.Irrevocable, c.Name, c.Realm)
}

// MarshalText is what Format prints, for encoders that would show every field.
func (c Config) MarshalText() ([]byte, error) { return fmt.Append(nil, c), nil }

// Store keeps sessions at the client. It is safe for concurrent use.
type Store struct {
	name   string
	realm  string
	ring   *ring
	memo   memo
	leases sojourn.Store // nil if Irrevocable
	time   reckoning     // under Irrevocable

	index   sojourn.SubjectIndex
	lister  sojourn.Lister
	sweeper sojourn.Sweeper
	watcher sojourn.Watcher
}

var (
	_ sojourn.Store        = (*Store)(nil)
	_ sojourn.KeyParser    = (*Store)(nil)
	_ sojourn.SubjectIndex = (*Store)(nil)
	_ sojourn.Lister       = (*Store)(nil)
	_ sojourn.Sweeper      = (*Store)(nil)
	_ sojourn.Watcher      = (*Store)(nil)
)

// New returns a store. It checks cfg as a whole and returns all that is wrong with it, joined; it calls no store.
func New(cfg Config) (*Store, error) {
	var errs []error
	refuse := func(field, reason string, args ...any) {
		errs = append(errs, fmt.Errorf("cookiestore: Config.%s: %s", field, fmt.Sprintf(reason, args...)))
	}
	if cfg.Name == "" {
		cfg.Name = "__Host-id"
	}
	if len(cfg.Name) > 256 {
		refuse("Name", "%d bytes, at most 256", len(cfg.Name))
	}
	if cfg.Realm == "" {
		cfg.Realm = cookiename.WithoutPrefix(cfg.Name)
	}
	if len(cfg.Realm) > 255 {
		refuse("Realm", "%d bytes, at most 255", len(cfg.Realm))
	}
	if len(cfg.Secrets) == 0 {
		refuse("Secrets", "none")
	}
	kind := kindLease
	if cfg.Irrevocable {
		kind = kindWhole
	}
	keys, faults := newRing(cfg.Secrets, kind, cfg.Realm, cfg.Name)
	for _, f := range faults {
		refuse(fmt.Sprintf("Secrets[%d]", f.Index), "%s", f.Reason)
	}
	switch {
	case cfg.Leases == nil && !cfg.Irrevocable:
		refuse("Leases", "none, and not Irrevocable")
	case cfg.Leases != nil && cfg.Irrevocable:
		refuse("Irrevocable", "set together with Leases")
	}
	if _, ok := sojourn.As[sojourn.KeyParser](cfg.Leases); ok {
		refuse("Leases", "a client-side store cannot keep them")
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}

	s := &Store{name: cfg.Name, realm: cfg.Realm, ring: keys, leases: cfg.Leases}
	if s.time.clock = cfg.Now; cfg.Now == nil {
		s.time.clock = time.Now
	}
	s.index, _ = sojourn.As[sojourn.SubjectIndex](cfg.Leases)
	s.lister, _ = sojourn.As[sojourn.Lister](cfg.Leases)
	s.sweeper, _ = sojourn.As[sojourn.Sweeper](cfg.Leases)
	s.watcher, _ = sojourn.As[sojourn.Watcher](cfg.Leases)
	return s, nil
}

// TokenName returns Config.Name, for [sojourn.New] to compare with its own.
func (s *Store) TokenName() string { return s.name }

// TokenRealm returns Config.Realm, for [sojourn.New] to compare with its own.
func (s *Store) TokenRealm() string { return s.realm }

// Format prints nothing of the store but its name, under every verb.
func (s *Store) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "cookiestore.Store("+s.name+")")
}
