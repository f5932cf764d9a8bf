package postgresstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/sojourn-go/sojourn"
)

// List implements [sojourn.Lister], in the order of the IDs. The cursor is the last ID seen. A damaged record opens
// nothing and is not listed; one of a newer release is [sojourn.ErrNewer].
func (st *Store) List(ctx context.Context, cursor string, limit int) (entries []sojourn.Entry, next string, err error) {
	if limit < 1 {
		return nil, "", fmt.Errorf("postgresstore: list: a page of %d", limit)
	}
	var after sojourn.ID // of no session: IDs are random, and zero names none
	if cursor != "" {
		if after, err = sojourn.ParseID(cursor); err != nil {
			return nil, "", fmt.Errorf("postgresstore: list: cursor %q is none of this store's", cursor)
		}
	}
	entries, last, err := st.list(ctx, st.sql.page, uuid(after), int64(limit))
	if err != nil {
		return nil, "", err
	}
	if last.rows == limit { // fewer rows than asked for: the end
		next = last.id.String()
	}
	return entries, next, nil
}

// progress is how far a query came, counted in rows: what was not listed counts.
type progress struct {
	rows int
	id   sojourn.ID // the last one
}

// list runs a query for entries, after one that tells a replica: an empty list says nothing of the server.
func (st *Store) list(ctx context.Context, sql string, args ...any) (entries []sojourn.Entry, last progress, err error) {
	err = st.do(ctx, "list", reading, func() (err error) {
		batch := new(pgx.Batch)
		batch.Queue(st.sql.primary)
		batch.Queue(sql, args...)
		results := st.pool.SendBatch(ctx, batch)
		entries, last, err = readEntries(results)
		if closed := results.Close(); err == nil {
			err = closed
		}
		return err
	})
	if err != nil {
		return nil, progress{}, err
	}
	return entries, last, nil
}

func readEntries(results pgx.BatchResults) (entries []sojourn.Entry, last progress, err error) {
	var replica bool
	if err := results.QueryRow().Scan(&replica); err != nil {
		return nil, last, err
	}
	if replica {
		return nil, last, errReplica
	}
	rows, err := results.Query()
	if err != nil {
		return nil, last, err
	}
	defer rows.Close()
	for rows.Next() {
		var id pgtype.UUID
		var now, expires time.Time
		var facts []byte
		if err := rows.Scan(&id, &now, &expires, &facts); err != nil {
			return nil, last, err
		}
		last.rows++
		last.id = id.Bytes
		entry := sojourn.Entry{ID: id.Bytes, TTL: expires.Sub(now)}
		err := entry.Facts.UnmarshalBinary(facts)
		if errors.Is(err, sojourn.ErrCorrupt) || entry.TTL <= 0 {
			continue
		}
		if err != nil {
			return nil, last, err
		}
		entries = append(entries, entry)
	}
	return entries, last, rows.Err()
}
