package sojourn

import (
	"context"
	"iter"
	"time"
)

// A capability is something that a store may do beyond [Store]. It is declared only where its races are closed: a weaker
// one is absent. [As] finds it.

// Patcher applies a change to the stored values atomically and extends the TTL (never shortens it), in one round trip and
// without the conflicts that parallel Updates have. Absent: [ErrNotFound]. Otherwise see [Patch]; on an error nothing
// changed. A patch changes the version, and no fact.
//
// Without it the manager applies the change itself and calls Update, again on [ErrConflict].
type Patcher interface {
	Patch(ctx context.Context, key Key, p Patch, ttl time.Duration) error
}

// SubjectIndex finds sessions by [Facts].Realm and [Facts].Subject, compared byte for byte. Each method takes effect at
// one moment: a concurrent login lies wholly before or after it. Save and Update keep the index; it never answers a
// session that is gone. Sessions without a subject are in no index.
type SubjectIndex interface {
	// ListSubject returns the subject's sessions, newest first by Authenticated.
	ListSubject(ctx context.Context, realm, subject string) ([]Entry, error)

	// DeleteSubject deletes the subject's sessions but the one named keep, and says how many. A zero keep keeps none. It
	// also leaves a mark for a day, the instant of the call by the engine's clock: a Save with this subject, or an Update
	// that changes Subject or Authenticated, is refused with ErrEnded if the new Authenticated is not later than the mark.
	// So a login that was under way does not survive it. A mark never moves back.
	DeleteSubject(ctx context.Context, realm, subject string, keep ID) (int, error)

	// TrimSubject deletes the subject's oldest sessions other than spare until at most n are left, and returns them.
	// The oldest is the one with the earliest Authenticated; of equal ones, any.
	TrimSubject(ctx context.Context, realm, subject string, n int, spare ID) ([]ID, error)
}

// Lister pages through all sessions, in an order of its own. A session that lives from the first page to the last is
// listed at least once.
type Lister interface {
	// List returns up to limit entries after cursor ("" at first) and the next cursor, "" at the end.
	List(ctx context.Context, cursor string, limit int) (entries []Entry, next string, err error)
}

// Sweeper removes expired records, for engines that do not do so themselves. It deletes at most limit, says how many, and
// never one that was extended meanwhile. Many nodes may sweep at once.
type Sweeper interface {
	Sweep(ctx context.Context, limit int) (int, error)
}

// Watcher tells of sessions that changed or died, on any node.
type Watcher interface {
	// Watch calls notify, from one goroutine, until ctx ends or the connection is lost, and returns why. It calls notify
	// with the zero ID once it listens: anything before may have been missed. notify does not block.
	Watch(ctx context.Context, notify func(ID)) error
}

// KeyParser is for client-side stores, whose keys are sealed states. ParseKey checks the form, without I/O; [ErrNotFound]
// for a text that this store cannot have made.
//
// Such a store may also have TokenName() string and TokenRealm() string, the cookie or header and the realm that it seals
// for, which [New] compares with its Config; and LoadLease(ctx, ID) (State, error), which finds a session's facts by its ID
// alone, for [Manager.Revoke] and [Manager.End].
type KeyParser interface {
	ParseKey(text string) (Key, error)
}

// Entry is one session in a list.
type Entry struct {
	ID    ID
	Facts Facts
	TTL   time.Duration // remaining; 0 if unknown
	Seen  time.Time     // last use, no later than it was; filled in by the manager, zero if unknown
}

// As finds a capability: st itself, or the first store below it through Unwrap() Store, that is a T.
//
// A decorator that looks at or changes what passes (cache, encryption) must not have Unwrap, or As would go round it; it
// implements the capabilities itself and answers [errors.ErrUnsupported] where the inner store lacks one. The manager
// treats that answer like a missing capability. See [HasSubjectIndex] too.
func As[T any](st Store) (T, bool) {
	for layer := range layers(st) {
		if t, ok := layer.(T); ok {
			return t, true
		}
	}
	var none T
	return none, false
}

// HasSubjectIndex reports whether st, or a store below it, has a [SubjectIndex]: [New] takes a Config.MaxSessions for no
// other. A decorator that has one only where its inner store does also has HasSubjectIndex() bool, which this asks; mostly it
// returns what this function says of the inner store.
func HasSubjectIndex(st Store) bool {
	for layer := range layers(st) {
		if told, ok := layer.(interface{ HasSubjectIndex() bool }); ok {
			return told.HasSubjectIndex()
		}
		if _, ok := layer.(SubjectIndex); ok {
			return true
		}
	}
	return false
}

// layers are st and the stores below it.
func layers(st Store) iter.Seq[Store] {
	return func(yield func(Store) bool) {
		for st := st; st != nil && yield(st); {
			wrapper, ok := st.(interface{ Unwrap() Store })
			if !ok {
				return
			}
			st = wrapper.Unwrap()
		}
	}
}
