package sojourn

import (
	"fmt"
	"log/slog"
)

// Event is something that an operator may want to count or see. It carries no secret, no token and no value.
type Event struct {
	Kind EventKind
	ID   ID    // zero if there is none
	Err  error // the cause, if one
}

// LogValue makes an event one slog attribute: kind, id and err, where it has them.
func (e Event) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", e.Kind.String())}
	if !e.ID.IsZero() {
		attrs = append(attrs, slog.String("id", e.ID.String()))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("err", e.Err.Error()))
	}
	return slog.GroupValue(attrs...)
}

// EventKind is a kind of [Event].
type EventKind int

const (
	EventCreate        EventKind = iota + 1
	EventLogin                   // a subject became the owner
	EventRenew                   // a new secret, by Renew or by time
	EventEnd                     // logout or revocation, or ended by a limit
	EventExpire                  // a deadline found passed
	EventUnknownKey              // presented, well-formed, not in the store
	EventForgedKey               // presented, not a token
	EventAmbiguous               // several live tokens, or a Cookie header that cannot be read: no session, no cookie change
	EventOtherRealm              // presented, of another realm
	EventCorrupt                 // the record cannot be read
	EventWrongSecret             // a live ID with a secret that never was, or is no longer, its own
	EventReuse                   // the secret before a periodic renewal, after the grace: stolen, or its response was lost
	EventBadValue                // a Field found a value of another type
	EventLost                    // a change was not kept: its session was gone, or it came too late for a cookie
	EventForeignCookie           // a handler or an upstream set the session's cookie: dropped
	EventError                   // a store call failed
)

var _ fmt.Stringer = EventKind(0)

// Level is Info for the life of a session, Warn for suspicious, Error for failed.
func (k EventKind) Level() slog.Level {
	switch k {
	case EventCreate, EventLogin, EventRenew, EventEnd, EventExpire, EventUnknownKey:
		return slog.LevelInfo
	case EventError:
		return slog.LevelError
	}
	return slog.LevelWarn
}

// String returns the kind in lower case: "wrong secret".
func (k EventKind) String() string {
	switch k {
	case EventCreate:
		return "create"
	case EventLogin:
		return "login"
	case EventRenew:
		return "renew"
	case EventEnd:
		return "end"
	case EventExpire:
		return "expire"
	case EventUnknownKey:
		return "unknown key"
	case EventForgedKey:
		return "forged key"
	case EventAmbiguous:
		return "ambiguous"
	case EventOtherRealm:
		return "other realm"
	case EventCorrupt:
		return "corrupt"
	case EventWrongSecret:
		return "wrong secret"
	case EventReuse:
		return "reuse"
	case EventBadValue:
		return "bad value"
	case EventLost:
		return "lost"
	case EventForeignCookie:
		return "foreign cookie"
	case EventError:
		return "error"
	}
	return fmt.Sprintf("EventKind(%d)", int(k))
}
