package sojourn

// Key is the name under which a store finds a session. Stores make keys, in Save: a server-side store's key is just an
// ID, NewID().Key(); a client-side store's is the sealed state. A key opens nothing.
//
// What the client holds is the token: the key's text and a secret of 256 random bits. The manager makes the secret,
// files its digest in [Facts], and checks it after every Load; no store, log or exported type ever sees it.
type Key struct {
	id     ID
	sealed string
}

// SealedKey returns the key of a client-side store: text is the sealed state, id the session's.
func SealedKey(id ID, text string) Key { return Key{id: id, sealed: text} }

// ID returns the session's public name.
func (k Key) ID() ID { return k.id }

// IsZero reports whether k names no session.
func (k Key) IsZero() bool { return k == Key{} }

// Sealed returns the sealed state, "" for the key of a server-side store.
func (k Key) Sealed() string { return k.sealed }

// String returns the ID's text.
func (k Key) String() string { return k.id.String() }

// GoString returns the ID's text: a sealed state is long and tells a reader nothing.
func (k Key) GoString() string { return "sojourn.Key(" + k.id.String() + ")" }
