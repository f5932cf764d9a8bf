package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/sojourn-go/sojourn"
)

// markLife is how long a not-before mark is kept: longer than any login can be under way.
const markLife = 24 * time.Hour

// ListSubject implements [sojourn.SubjectIndex]. A damaged record opens nothing and is not listed; one of a newer release
// is [sojourn.ErrNewer].
func (st *Store) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	if err := named(subject); err != nil {
		return nil, err
	}
	entries, _, err := st.list(ctx, readSubject, []byte(realm), []byte(subject), st.milliseconds())
	return entries, err
}

// DeleteSubject implements [sojourn.SubjectIndex], also for sessions whose records this release cannot read.
func (st *Store) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	if err := named(subject); err != nil {
		return 0, err
	}
	var n int64
	err := st.write(ctx, "revoke", func(tx *transaction) error {
		_, err := tx.exec(ctx, mark, []byte(realm), []byte(subject), tx.now, tx.now+markLife.Milliseconds())
		if err != nil {
			return err
		}
		n, err = tx.exec(ctx, deleteSubject, []byte(realm), []byte(subject), keep[:], tx.now)
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
	var trimmed []sojourn.ID
	err := st.write(ctx, "trim", func(tx *transaction) error {
		oldest, err := tx.ranked(ctx, realm, subject)
		if err != nil {
			return err
		}
		excess := len(oldest) - max(n, 0)
		for _, id := range oldest {
			if len(trimmed) >= excess {
				break
			}
			if id == spare {
				continue
			}
			if _, err := tx.exec(ctx, deleteRow, id[:]); err != nil {
				return err
			}
			trimmed = append(trimmed, id)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return trimmed, nil
}

// ranked returns the subject's sessions, the oldest first.
func (tx *transaction) ranked(ctx context.Context, realm, subject string) ([]sojourn.ID, error) {
	rows, err := tx.query(ctx, rankSubject, []byte(realm), []byte(subject), tx.now)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []sojourn.ID
	for rows.Next() {
		id, err := scanID(rows)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
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
