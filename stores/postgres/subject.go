package postgresstore

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/sojourn-go/sojourn"
)

// ListSubject implements [sojourn.SubjectIndex]. A damaged record opens nothing and is not listed; one of a newer release
// is [sojourn.ErrNewer].
func (st *Store) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	if err := named(realm, subject); err != nil {
		return nil, err
	}
	entries, _, err := st.list(ctx, st.sql.listSubject, realm, subject)
	return entries, err
}

// DeleteSubject implements [sojourn.SubjectIndex], also for sessions whose records this release cannot read.
func (st *Store) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	if err := named(realm, subject); err != nil {
		return 0, err
	}
	var n int
	err := st.do(ctx, "revoke", writing, func() error {
		var v verdict
		err := st.locked(ctx, st.sql.lock, realm, subject, st.sql.deleteSubject,
			[]any{realm, subject, uuid(keep)}, &v, &n, nil, nil)
		return v.orElse(err)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// TrimSubject implements [sojourn.SubjectIndex].
func (st *Store) TrimSubject(ctx context.Context, realm, subject string, n int, spare sojourn.ID) ([]sojourn.ID, error) {
	if err := named(realm, subject); err != nil {
		return nil, err
	}
	var trimmed []pgtype.UUID
	err := st.do(ctx, "trim", writing, func() error {
		var v verdict
		err := st.locked(ctx, st.sql.lock, realm, subject, st.sql.trimSubject,
			[]any{realm, subject, uuid(spare), int64(n)}, &v, &trimmed, nil, nil)
		return v.orElse(err)
	})
	if err != nil {
		return nil, err
	}
	ids := make([]sojourn.ID, len(trimmed))
	for i, id := range trimmed {
		ids[i] = id.Bytes
	}
	return ids, nil
}

// named refuses the subject of visitors and names that no session can have.
func named(realm, subject string) error {
	if subject == "" {
		return errors.New("postgresstore: empty subject")
	}
	if !isText(realm) || !isText(subject) {
		return errNoText
	}
	return nil
}
