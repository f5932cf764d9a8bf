package redisstore

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/sojourn-go/sojourn"
)

// ListSubject implements [sojourn.SubjectIndex]. A damaged record opens nothing and is not listed; one of a newer release
// is [sojourn.ErrNewer].
func (st *Store) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	if err := named(subject); err != nil {
		return nil, err
	}
	list := st.listTogether
	if st.apart {
		list = st.listApart
	}
	all, err := list(ctx, indexOf(realm, subject))
	if err != nil {
		return nil, failure("list", err)
	}
	entries, err := read(all, func(f *sojourn.Facts) bool { return f.Realm == realm && f.Subject == subject })
	if err != nil {
		return nil, failure("list", err)
	}
	slices.SortStableFunc(entries, func(a, b sojourn.Entry) int {
		return b.Facts.Authenticated.Compare(a.Facts.Authenticated)
	})
	return entries, nil
}

// DeleteSubject implements [sojourn.SubjectIndex], also for sessions whose records this release cannot read.
func (st *Store) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	if err := named(subject); err != nil {
		return 0, err
	}
	revoke := st.revokeTogether
	if st.apart {
		revoke = st.revokeApart
	}
	n, err := revoke(ctx, indexOf(realm, subject), keep)
	return n, failure("revoke", err)
}

// TrimSubject implements [sojourn.SubjectIndex].
func (st *Store) TrimSubject(ctx context.Context, realm, subject string, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	if err := named(subject); err != nil {
		return nil, err
	}
	trim := st.trimTogether
	if st.apart {
		trim = st.trimApart
	}
	ended, err := trim(ctx, indexOf(realm, subject), max(n, 0), spare)
	return ended, failure("trim", err)
}

func named(subject string) error {
	if subject == "" {
		return errors.New("redisstore: empty subject")
	}
	return nil
}

// head is the beginning of a session's record, with all its facts, and what remains of its TTL in the engine's terms.
type head struct {
	id     sojourn.ID
	record string
	left   int64
}

// read makes entries of the heads that are sessions and pass a test.
func read(heads []head, wanted func(*sojourn.Facts) bool) ([]sojourn.Entry, error) {
	var entries []sojourn.Entry
	for _, h := range heads {
		if h.record == "" || h.left == gone {
			continue
		}
		state, err := parse(h.record, false)
		switch {
		case errors.Is(err, sojourn.ErrNotFound), errors.Is(err, sojourn.ErrCorrupt):
			continue
		case err != nil:
			return nil, err
		case wanted(&state.Facts):
			entries = append(entries, sojourn.Entry{ID: h.id, Facts: state.Facts, TTL: fromEngine(h.left)})
		}
	}
	return entries, nil
}

// entry is what a login puts into its subject's index, as scripts want it.
type entry struct {
	digest        [digestLen]byte
	id            string // 16 bytes
	nonce         string // 8 bytes
	life          string // milliseconds that the session lives at most, unless it is extended beyond its deadline
	authenticated string
}

func newEntry(id sojourn.ID, f sojourn.Facts, px int64) entry {
	life := px
	if !f.Deadline.IsZero() {
		life = max(life, time.Until(f.Deadline).Milliseconds())
	}
	return entry{
		digest: indexOf(f.Realm, f.Subject), id: string(id[:]), nonce: bytes8(newVersion()),
		life: strconv.FormatInt(life, 10), authenticated: strconv.FormatInt(milliseconds(f.Authenticated), 10),
	}
}

// index is a subject's index as it was at one moment.
type index struct {
	nonce   string // changes with the set of sessions
	entries []indexed
}

type indexed struct {
	id    sojourn.ID
	entry string
}

// condemned reports whether somebody is ending the session.
func (e indexed) condemned() bool { return e.entry[0] == 'x' }

// readIndex reads the fields and values of an index.
func readIndex(fields []string) index {
	var x index
	for i := 0; i+1 < len(fields); i += 2 {
		switch field := fields[i]; {
		case field == "v":
			x.nonce = fields[i+1]
		case len(field) == len(sojourn.ID{}) && fields[i+1] != "":
			x.entries = append(x.entries, indexed{sojourn.ID([]byte(field)), fields[i+1]})
		}
	}
	return x
}

func (st *Store) sessionsOf(entries []indexed) []string {
	keys := make([]string, len(entries))
	for i, e := range entries {
		keys[i] = st.names.session(e.id)
	}
	return keys
}
