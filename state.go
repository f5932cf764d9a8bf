package sojourn

import "time"

// State is what a store keeps for one session.
type State struct {
	Facts  Facts
	Values Values

	// TTL is an answer of Load: the time that remains, by the engine's clock.
	// Save and Update ignore it and take their own argument; the binary form leaves it out.
	TTL time.Duration

	// Version is an answer of Load: a number, never 0, that every change of state changes and that never comes back for
	// the same ID. Update refuses a state whose Version is not the stored one with ErrConflict. The binary form leaves it out.
	Version uint64
}

// Facts is what the manager knows about a session. A store keeps it whole, in the binary form, and reads at most Realm
// and Subject (to index), Authenticated and Deadline (to order and trim the index, and for the mark) and Generation (for
// [Patch]). Facts change only by Save and Update, never by Patch. A subject that is set never changes. Times are UTC in
// milliseconds.
type Facts struct {
	Realm         string    // Config.Realm of the manager that made it; another manager does not open it
	Subject       string    // who the session belongs to; "" for a visitor. UTF-8, at most 255 bytes, no NUL
	Label         string    // the client's device, for lists; at most 255 bytes
	Created       time.Time // first saved
	Authenticated time.Time // when the request of the last login began; zero for a visitor
	Deadline      time.Time // absolute end; only a login moves it
	Remembered    bool      // lives by Config.Remember instead of Config.Lifetime or Visitors

	Generation uint32    // how often the owner or the rights changed: Login and Renew add one, a periodic renewal does not
	Digest     [32]byte  // SHA-256 of the secret
	Renewed    time.Time // when the secret last changed
	Previous   [32]byte  // digest of the secret before, to tell a late request; zero if none
	Refused    bool      // the previous secret opens nothing: it was a Login or Renew, not a periodic renewal
}

// hideDigests is for facts that leave the manager. Digests open nothing, but a list that is rendered whole need not have them
// (SEC-21).
func (f *Facts) hideDigests() { f.Digest, f.Previous = [32]byte{}, [32]byte{} }
