package sqlstore

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/sojourn-go/sojourn"
)

// markLife is how long a not-before mark is kept: longer than any login can be under way.
const markLife = 24 * time.Hour

// noMark is the instant of a row of marks that is there only to be locked: it refuses nobody.
const noMark = -1 << 62

// ListSubject implements [sojourn.SubjectIndex]. A damaged record opens nothing and is not listed; one of a newer release
// is [sojourn.ErrNewer].
func (st *Store) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	if err := named(subject); err != nil {
		return nil, err
	}
	entries, _, err := st.list(ctx, readSubject, []byte(realm), []byte(subject), moment{})
	return entries, err
}

// DeleteSubject implements [sojourn.SubjectIndex], also for sessions whose records this release cannot read.
func (st *Store) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	if err := named(subject); err != nil {
		return 0, err
	}
	if err := st.fits(ctx, "revoke", columns{realm: []byte(realm), subject: []byte(subject)}); err != nil {
		return 0, err
	}
	var n int64
	err := st.write(ctx, "revoke", func(tx *transaction) error {
		_, err := tx.exec(ctx, mark, []byte(realm), []byte(subject), moment{}, moment{markLife.Milliseconds()})
		if err != nil {
			return err
		}
		ids, err := tx.ranked(ctx, realm, subject)
		if err != nil {
			return err
		}
		n, err = tx.delete(ctx, slices.DeleteFunc(ids, func(id sojourn.ID) bool { return id == keep }))
		return err
	})
	if err != nil {
		return 0, err
	}
	return int(n), nil
}

// TrimSubject implements [sojourn.SubjectIndex].
func (st *Store) TrimSubject(ctx context.Context, realm, subject string, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	if err := named(subject); err != nil {
		return nil, err
	}
	if few, err := st.fewer(ctx, realm, subject, n); err != nil || few {
		return nil, err
	}
	var trimmed []sojourn.ID
	err := st.write(ctx, "trim", func(tx *transaction) error {
		if err := tx.hold(ctx, columns{realm: []byte(realm), subject: []byte(subject)}); err != nil {
			return err
		}
		oldest, err := tx.ranked(ctx, realm, subject)
		if err != nil {
			return err
		}
		excess := max(len(oldest)-max(n, 0), 0)
		oldest = slices.DeleteFunc(oldest, func(id sojourn.ID) bool { return id == spare })
		trimmed = oldest[:min(excess, len(oldest))]
		_, err = tx.delete(ctx, trimmed)
		return err
	})
	if err != nil || len(trimmed) == 0 {
		return nil, err
	}
	return trimmed, nil
}

// fewer reports, on a server, whether the subject has at most n sessions. Those that have expired and are not swept count:
// one of them may be about to be extended.
func (st *Store) fewer(ctx context.Context, realm, subject string, n int) (bool, error) {
	if !st.grammar.has(countSubject) {
		return false, nil
	}
	var count int64
	err := again(ctx, func() error {
		rows, err := st.writer.query(ctx, countSubject, []byte(realm), []byte(subject))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(&count); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	if err != nil {
		return false, failure(ctx, "trim", err)
	}
	return count <= int64(n), nil
}

// candidate is a session that may have to go.
type candidate struct {
	id                     sojourn.ID
	expires, authenticated int64
}

// ranked returns the subject's sessions, the oldest first. Nobody else can change them until the transaction ends. The
// subject is held.
func (tx *transaction) ranked(ctx context.Context, realm, subject string) ([]sojourn.ID, error) {
	rows, err := tx.query(ctx, rankSubject, []byte(realm), []byte(subject))
	if err != nil {
		return nil, err
	}
	all, err := tx.candidates(ctx, rows, nil)
	if err == nil && tx.grammar.rankRows != nil {
		all, err = tx.locked(ctx, all)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(a.authenticated, b.authenticated) })
	var ids []sojourn.ID
	for _, c := range all {
		if tx.now < c.expires {
			ids = append(ids, c.id)
		}
	}
	return ids, nil
}

// locked locks the candidates in the order of their IDs and reads them again. Who is gone is left out.
func (tx *transaction) locked(ctx context.Context, all []candidate) (locked []candidate, err error) {
	ids := make([]sojourn.ID, len(all))
	for i, c := range all {
		ids[i] = c.id
	}
	slices.SortFunc(ids, func(a, b sojourn.ID) int { return bytes.Compare(a[:], b[:]) })
	for some := range slices.Chunk(ids, mostInList) {
		rows, err := tx.tx.QueryContext(ctx, tx.grammar.rankRows(len(some)), idArgs(some)...)
		if err != nil {
			return nil, err
		}
		if locked, err = tx.candidates(ctx, rows, locked); err != nil {
			return nil, err
		}
	}
	return locked, nil
}

// candidates reads rows and closes them.
func (tx *transaction) candidates(ctx context.Context, rows *sql.Rows, all []candidate) ([]candidate, error) {
	defer rows.Close()
	for rows.Next() {
		var c candidate
		var at answer
		rest := []any{&c.expires, &c.authenticated}
		if tx.grammar.server {
			rest = append(rest, &at.now, &at.trouble)
		}
		id, err := scanID(rows, rest...)
		if err == nil {
			err = tx.at(at)
		}
		if err != nil {
			return nil, err
		}
		c.id = id
		all = append(all, c)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, err
	}
	if len(all) == 0 { // and so no answer
		return nil, tx.clock(ctx)
	}
	return all, nil
}

// scanID reads a row's first column, which holds an ID, and the others into rest.
func scanID(rows *sql.Rows, rest ...any) (sojourn.ID, error) {
	var id sojourn.ID
	var raw sql.RawBytes
	if err := rows.Scan(append([]any{&raw}, rest...)...); err != nil {
		return id, err
	}
	if copy(id[:], raw) != len(id) || len(raw) != len(id) {
		return id, sojourn.ErrCorrupt
	}
	return id, nil
}

func named(subject string) error {
	if subject == "" {
		return errors.New("sqlstore: empty subject")
	}
	return nil
}
