package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/sojourn-go/sojourn"
)

// List implements [sojourn.Lister], in the order of the IDs. The cursor is the last ID seen. A damaged record opens
// nothing and is not listed; one of a newer release is [sojourn.ErrNewer].
func (st *Store) List(ctx context.Context, cursor string, limit int) (entries []sojourn.Entry, next string, err error) {
	if limit < 1 {
		return nil, "", fmt.Errorf("sqlstore: list: a page of %d", limit)
	}
	after := []byte{}
	if cursor != "" {
		id, err := sojourn.ParseID(cursor)
		if err != nil {
			return nil, "", fmt.Errorf("sqlstore: list: cursor %q is none of this store's", cursor)
		}
		after = id[:]
	}
	page, last, err := st.list(ctx, readPage, after, st.milliseconds(), limit)
	if err != nil {
		return nil, "", err
	}
	if last.rows == limit { // fewer rows than asked for: the end
		next = last.id.String()
	}
	return page, next, nil
}

// progress is how far a query came, counted in rows: what was not listed counts.
type progress struct {
	rows int
	id   sojourn.ID // the last one
}

// list runs a query for IDs and rows.
func (st *Store) list(ctx context.Context, s statement, args ...any) ([]sojourn.Entry, progress, error) {
	entries, last, err := st.tryList(ctx, s, args...)
	if err != nil {
		return nil, progress{}, failure(ctx, "list", err)
	}
	return entries, last, nil
}

func (st *Store) tryList(ctx context.Context, s statement, args ...any) (entries []sojourn.Entry, last progress, err error) {
	prepared, err := st.reader.prepared(ctx)
	if err != nil {
		return nil, last, err
	}
	rows, err := prepared[s].QueryContext(ctx, args...)
	if err != nil {
		return nil, last, err
	}
	defer rows.Close()
	now := st.milliseconds() // again: the query may have waited for a connection
	for rows.Next() {
		var r row
		id, err := scanID(rows, &r.version, &r.expires, &r.record)
		if err != nil {
			return nil, last, err
		}
		last.rows++
		last.id = id
		state, err := r.state(now)
		if errors.Is(err, sojourn.ErrNotFound) || errors.Is(err, sojourn.ErrCorrupt) {
			continue
		}
		if err != nil {
			return nil, last, err
		}
		entries = append(entries, sojourn.Entry{ID: id, Facts: state.Facts, TTL: state.TTL})
	}
	return entries, last, rows.Err()
}
