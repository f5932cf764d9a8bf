package sojourn

import (
	"errors"
	"strings"
)

// Answers of stores.
var (
	ErrNotFound = errors.New("sojourn: no such session")           // absent, expired or deleted
	ErrConflict = errors.New("sojourn: conflicting change")        // an expected value, version or generation differs
	ErrCorrupt  = errors.New("sojourn: unreadable record")         // damaged: the visitor is anonymous, the record stays
	ErrNewer    = errors.New("sojourn: record of a newer version") // an outage for this node: never overwritten or swept
	ErrTooLarge = errors.New("sojourn: session too large")         // over the store's or Config.MaxSize's limit
)

// Answers of sessions.
var (
	ErrEnded     = errors.New("sojourn: session has ended")             // revoked, expired or logged out elsewhere
	ErrRenewed   = errors.New("sojourn: session has a new secret")      // a write with a token that a login just replaced: the client retries
	ErrSent      = errors.New("sojourn: response headers are sent")     // a change that needs a cookie came too late
	ErrNoManager = errors.New("sojourn: no session manager in context") // the handler is not wrapped
)

// StoreError is a failed store call. Its text names the operation and the session, never a key, a value, or what the
// driver said: that is for logs, through Unwrap, and never for clients.
type StoreError struct {
	Op  string // load, save, update, touch, delete, patch, list, revoke, trim
	ID  ID     // zero if there is none
	Err error
}

// Error names the operation and the session only.
func (e *StoreError) Error() string {
	text := "sojourn: store call " + e.Op
	if !e.ID.IsZero() {
		text += " of " + e.ID.String()
	}
	for _, known := range [...]error{ErrNotFound, ErrConflict, ErrCorrupt, ErrNewer, ErrTooLarge, ErrEnded, errors.ErrUnsupported} {
		if errors.Is(e.Err, known) {
			return text + ": " + strings.TrimPrefix(known.Error(), "sojourn: ")
		}
	}
	return text + ": store unavailable"
}

// Unwrap returns the store's own error.
func (e *StoreError) Unwrap() error { return e.Err }

// ConfigError is one impossible or unsafe field of a Config. [New] returns all it finds, joined.
type ConfigError struct {
	Field  string // as written in Go: "Cookie.Name"
	Reason string
}

func (e *ConfigError) Error() string { return "sojourn: Config." + e.Field + ": " + e.Reason }
