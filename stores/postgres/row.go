package postgresstore

import (
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	"github.com/sojourn-go/sojourn"
)

// row is what Load reads of a session, and the engine's time when it did. Where there is none, all but the time is null.
type row struct {
	now     time.Time
	version pgtype.Int8
	expires pgtype.Timestamptz
	facts   []byte
	values  pgtype.Text
}

func (r *row) state() (sojourn.State, error) {
	if !r.version.Valid || !r.now.Before(r.expires.Time) {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	var state sojourn.State
	if err := state.Facts.UnmarshalBinary(r.facts); err != nil {
		return sojourn.State{}, err
	}
	values, err := decodeValues(r.values.String)
	if err != nil {
		return sojourn.State{}, err
	}
	state.Values = values
	state.TTL = r.expires.Time.Sub(r.now) // the longest Duration if it is more
	state.Version = uint64(r.version.Int64)
	return state, nil
}
