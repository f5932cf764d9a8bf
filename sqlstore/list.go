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
	page, last, err := st.list(ctx, readPage, after, moment{}, limit)
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
	var entries []sojourn.Entry
	var last progress
	err := again(ctx, func() (err error) {
		entries, last, err = st.tryList(ctx, s, args...)
		return err
	})
	if err != nil {
		return nil, progress{}, failure(ctx, "list", err)
	}
	return entries, last, nil
}

func (st *Store) tryList(ctx context.Context, s statement, args ...any) (entries []sojourn.Entry, last progress, err error) {
	rows, err := st.reader.query(ctx, s, args...)
	if err != nil {
		return nil, last, err
	}
	defer rows.Close()
	var at answer
	if !st.grammar.server {
		at.now = st.reader.milliseconds() // again: the query may have waited for a connection
	}
	for rows.Next() {
		var r row
		rest := []any{&r.version, &r.expires, &r.record}
		if st.grammar.server {
			rest = append(rest, &at.now, &at.trouble)
		}
		id, err := scanID(rows, rest...)
		if err == nil {
			err = at.trouble.err()
		}
		if err != nil {
			return nil, last, err
		}
		last.rows++
		last.id = id
		state, err := r.state(at.now)
		if errors.Is(err, sojourn.ErrNotFound) || errors.Is(err, sojourn.ErrCorrupt) {
			continue
		}
		if err != nil {
			return nil, last, err
		}
		entries = append(entries, sojourn.Entry{ID: id, Facts: state.Facts, TTL: state.TTL})
	}
	if err := rows.Err(); err != nil || last.rows > 0 || !st.grammar.server {
		return entries, last, err
	}
	// No row, and so no answer: a replica that is behind has none either.
	return nil, last, st.check(ctx)
}

// check returns what is wrong with the server that the pool for reading leads to.
func (st *Store) check(ctx context.Context) error {
	rows, err := st.reader.query(ctx, readClock)
	if err != nil {
		return err
	}
	defer rows.Close()
	var at answer
	for rows.Next() {
		if err := rows.Scan(&at.now, &at.trouble); err != nil {
			return err
		}
	}
	return errors.Join(rows.Err(), at.trouble.err())
}
