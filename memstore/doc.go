// Package memstore keeps sessions in the memory of one process: for a single node, for development, and as the fake in
// tests. It needs no server, starts nothing, and forgets everything when the process ends.
//
//	m, err := sojourn.New(memstore.New(memstore.Config{}), sojourn.Config{})
//
// It has all capabilities of a server-side store: [sojourn.Patcher], [sojourn.SubjectIndex], [sojourn.Lister],
// [sojourn.Sweeper] and [sojourn.Watcher].
//
// # Memory
//
// A session is one immutable string, a [sojourn.Packed], and about 60 bytes of index, about 30 more if it has a subject; the
// garbage collector follows one pointer for each. Load shares the string and allocates nothing. [Config.MaxSessions] bounds
// the number of sessions: when the store is full, a Save removes an expired session, else the visitor's session that would
// expire first, and never a live one with a subject, so that robots cannot log users out. If only those are left it answers
// [ErrFull]. Expired sessions go when [Store.Sweep] is called, which the manager's Run does, or when room is needed. The
// index keeps the size of its peak until a part of it is empty; records are freed at once.
//
// # Guarantees
//
// Every method takes effect at one moment. A Delete, an expiry and a revocation beat every call that has not returned.
// "End all of this subject" and "at most n sessions" are exact against any number of parallel logins. No method does
// I/O, so a context matters only if it has ended before the call.
//
// The resolution of a TTL is one millisecond. Time is measured by the clock's monotonic reading where it has one, as
// [time.Now] does: a step of the wall clock neither ends sessions nor brings them back.
package memstore
