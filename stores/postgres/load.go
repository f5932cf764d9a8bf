package postgresstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/sojourn-go/sojourn"
)

// load is a call of Load: whose session it reads, and what it found.
type load struct {
	id    pgtype.UUID
	found row
}

func (l *load) row() pgtype.UUID { return pgtype.UUID{} }
func (l *load) size() int        { return 0 }

// Load implements [sojourn.Store]. It is an error of its own, and never [sojourn.ErrNotFound], if a read replica answers.
// Many at once share round trips.
func (st *Store) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	l := &load{id: uuid(key.ID())}
	err := st.do(ctx, "load", reading, func() error {
		err := st.loads.do(ctx, l)
		if err == errApart || err == nil && l.found.large {
			err = st.load(ctx, l)
		}
		return err
	})
	if err != nil {
		return sojourn.State{}, err
	}
	return l.found.state()
}

func (st *Store) load(ctx context.Context, l *load) error {
	rows, err := st.pool.Query(ctx, st.sql.load, l.id)
	if err != nil {
		return err
	}
	defer rows.Close()
	if rows.Next() {
		err = l.found.read(rows)
	}
	rows.Close() // tells of what went wrong last
	return errors.Join(err, rows.Err())
}

// loadTogether reads all sessions by one statement, which answers a row for each.
func (st *Store) loadTogether(ctx context.Context, loads []*load) error {
	ids := make([]pgtype.UUID, len(loads))
	for i, l := range loads {
		ids[i] = l.id
	}
	rows, err := st.pool.Query(ctx, st.sql.loadTogether, ids)
	if err != nil {
		return apart(err)
	}
	defer rows.Close()
	n := 0
	for ; err == nil && rows.Next(); n++ {
		var r row
		if err = r.read(rows); err == nil && (r.place < 1 || r.place > int64(len(loads))) {
			err = fmt.Errorf("a row in place %d for %d sessions", r.place, len(loads))
		}
		if err == nil {
			loads[r.place-1].found = r
		}
	}
	rows.Close()
	if err = errors.Join(err, rows.Err()); err == nil && n != len(loads) {
		err = fmt.Errorf("%d rows for %d sessions", n, len(loads))
	}
	return apart(err)
}
