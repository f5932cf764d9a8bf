package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/sojourn-go/sojourn"
)

// On a server each statement is a round trip, and a transaction is at least four. So a change is first tried by a
// statement that makes all of it, under the right conditions, without a transaction. Where that changes nothing, a look at
// the row mostly tells why. What is still open after that, and what a row's expiry or a crowd of writers makes doubtful, is
// done in a transaction as it is in SQLite: each of these functions then says no.

// alone runs a statement that makes a whole change by itself and returns how many rows it changed.
func (st *Store) alone(ctx context.Context, op string, s statement, args ...any) (int64, error) {
	var n int64
	err := again(ctx, func() (err error) {
		n, err = st.writer.run(ctx, s, args...)
		return err
	})
	if err != nil {
		return 0, failure(ctx, op, err)
	}
	return n, nil
}

func (st *Store) saveAlone(ctx context.Context, id sojourn.ID, c columns, life int64) (bool, error) {
	if !st.grammar.server {
		return false, nil
	}
	if err := st.fits(ctx, "save", c); err != nil {
		return false, err
	}
	args := []any{id[:], life, c.realm, c.subject, c.created, c.authenticated, c.deadline, c.valuesAt, c.record}
	if len(c.subject) == 0 {
		n, err := st.alone(ctx, "save", loneSave, args...)
		return n > 0, err
	}
	args = append(args, c.realm, c.subject, c.authenticated)
	n, err := st.alone(ctx, "save", loneLogin, args...)
	if n > 0 || err != nil {
		return n > 0, err
	}
	// Either the mark refuses it, or there is no row of marks: the subject has not logged in for a day.
	if _, err = st.alone(ctx, "save", loneSubject, c.realm, c.subject); err != nil {
		return false, err
	}
	n, err = st.alone(ctx, "save", loneLogin, args...)
	return n > 0, err
}

func (st *Store) updateAlone(ctx context.Context, id sojourn.ID, version uint64, c columns, life int64) (bool, error) {
	if !st.grammar.server {
		return false, nil
	}
	if err := st.fits(ctx, "update", c); err != nil {
		return false, err
	}
	if version > math.MaxInt64 {
		version = 0 // which is none either
	}
	n, err := st.alone(ctx, "update", loneUpdate, life, c.created, c.deadline, c.valuesAt, c.record,
		id[:], version, c.realm, c.subject, c.authenticated)
	if n > 0 || err != nil {
		return n > 0, err
	}
	enter := func() (bool, error) {
		n, err := st.alone(ctx, "update", loneEnter, life, c.subject, c.created, c.authenticated, c.deadline, c.valuesAt,
			c.record, c.realm, c.subject, c.authenticated, id[:], version, c.realm, c.subject)
		return n > 0, err
	}
	login := len(c.subject) > 0
	if login {
		if done, err := enter(); done || err != nil {
			return done, err
		}
	}
	stored, expired, err := st.look(ctx, "update", id)
	if err != nil || expired {
		return false, err
	}
	if stored.Version != version {
		return false, sojourn.ErrConflict
	}
	if !login || stored.Facts.Subject != "" && stored.Facts.Subject != string(c.subject) {
		return false, nil
	}
	if _, err := st.alone(ctx, "update", loneSubject, c.realm, c.subject); err != nil {
		return false, err
	}
	return enter()
}

func (st *Store) touchAlone(ctx context.Context, id sojourn.ID, life int64) (bool, error) {
	if !st.grammar.server {
		return false, nil
	}
	n, err := st.alone(ctx, "touch", loneTouch, life, id[:])
	if n > 0 || err != nil {
		return n > 0, err
	}
	r, at, err := st.found(ctx, "touch", readRow, id)
	if err != nil {
		return false, err
	}
	// A driver that was not told otherwise (clientFoundRows) counts no row that is as it was.
	return at.now < r.expires && r.expires >= at.now+life, nil
}

func (st *Store) deleteAlone(ctx context.Context, id sojourn.ID) (bool, error) {
	if !st.grammar.server {
		return false, nil
	}
	n, err := st.alone(ctx, "delete", loneDelete, id[:])
	return n > 0 || err == nil && !st.grammar.doubtful, err
}

// patchTries is how often a patch is tried on what was read without a lock.
const patchTries = 2

func (st *Store) patchAlone(ctx context.Context, id sojourn.ID, p sojourn.Patch, life int64) (bool, error) {
	for range patchTries {
		if !st.grammar.server {
			break
		}
		stored, expired, err := st.look(ctx, "patch", id)
		if err != nil || expired {
			return false, err
		}
		patched, err := stored.With(p)
		if err != nil {
			return false, err
		}
		record := recordOf(patched)
		if err := st.fits(ctx, "patch", columns{record: record}); err != nil {
			return false, err
		}
		n, err := st.alone(ctx, "patch", lonePatch, record, life, id[:], stored.Version)
		if n > 0 || err != nil {
			return n > 0, err
		}
	}
	return false, nil
}

// found reads a row on the pool for writing, or says [sojourn.ErrNotFound].
func (st *Store) found(ctx context.Context, op string, s statement, id sojourn.ID) (r row, at answer, err error) {
	err = again(ctx, func() error {
		r, at, err = st.writer.row(ctx, s, id[:])
		return err
	})
	if err != nil {
		return r, at, failure(ctx, op, err)
	}
	return r, at, nil
}

// look reads a session, or reports that it has expired, unless somebody is about to extend it.
func (st *Store) look(ctx context.Context, op string, id sojourn.ID) (state sojourn.State, expired bool, err error) {
	r, at, err := st.found(ctx, op, readRow, id)
	if err != nil {
		return state, false, err
	}
	state, err = r.state(at.now)
	if errors.Is(err, sojourn.ErrNotFound) {
		return state, true, nil
	}
	return state, false, err
}

// longestName is the length of the columns realm and subject on a server, and of what [sojourn.Facts] may hold there.
const longestName = 255

// fits says [sojourn.ErrTooLarge] before a server would, which some do by breaking the connection.
func (st *Store) fits(ctx context.Context, op string, c columns) error {
	ready, err := st.writer.ready(ctx)
	if err != nil {
		return failure(ctx, op, err)
	}
	switch {
	case len(c.realm) > longestName:
		return fmt.Errorf("%w: realm of %d bytes", sojourn.ErrTooLarge, len(c.realm))
	case len(c.subject) > longestName:
		return fmt.Errorf("%w: subject of %d bytes", sojourn.ErrTooLarge, len(c.subject))
	case ready.largest > 0 && len(c.record) > ready.largest:
		return fmt.Errorf("%w: record of %d bytes, the server takes %d", sojourn.ErrTooLarge, len(c.record), ready.largest)
	}
	return nil
}
