package sqlstore

import (
	"time"

	"github.com/sojourn-go/sojourn"
)

// row is what a query answers of a session.
type row struct {
	version int64
	expires int64
	record  string
}

// state reads the row at an instant, in milliseconds.
func (r row) state(now int64) (sojourn.State, error) {
	if now >= r.expires {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	state, err := sojourn.ParseState(r.record)
	if err != nil {
		return sojourn.State{}, err
	}
	state.TTL = time.Duration(r.expires-now) * time.Millisecond
	if state.TTL/time.Millisecond != time.Duration(r.expires-now) {
		state.TTL = 1<<63 - 1 // more than a Duration can say
	}
	state.Version = uint64(r.version)
	return state, nil
}

// columns are the columns of a session that Save and Update write.
type columns struct {
	realm, subject                   []byte
	created, authenticated, deadline int64
	valuesAt                         int
	record                           []byte
}

func columnsOf(state sojourn.State) columns {
	f := state.Facts
	// The facts' own binary form is the beginning of the state's, and a checksum.
	const checksum = 4
	facts, _ := f.AppendBinary(nil) // never fails
	return columns{
		realm:         []byte(f.Realm),
		subject:       []byte(f.Subject),
		created:       f.Created.UnixMilli(),
		authenticated: f.Authenticated.UnixMilli(),
		deadline:      f.Deadline.UnixMilli(),
		valuesAt:      len(facts) - checksum,
		record:        recordOf(state),
	}
}

func recordOf(state sojourn.State) []byte {
	record, _ := state.AppendBinary(nil) // never fails
	return record
}
