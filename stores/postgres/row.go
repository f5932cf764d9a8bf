package postgresstore

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/sojourn-go/sojourn"
)

// row is what Load reads of a session, with the engine's time when it did. Times are microseconds since 2000.
type row struct {
	there   bool
	large   bool // and its values were left out
	now     int64
	version int64
	expires int64
	facts   string
	values  string
	place   int64 // among those that were asked for, from 1
}

// read reads the row that a query is at. It is the hottest path there is, so it takes what the server sent as it is where
// pgx asked for it as usual: jsonb as text, the rest binary.
func (r *row) read(rows pgx.Rows) error {
	columns := rows.FieldDescriptions()
	if columns[0].Format != pgtype.BinaryFormatCode || columns[4].Format != pgtype.TextFormatCode {
		return r.scan(rows)
	}
	raw := rows.RawValues()
	if raw[0] == nil {
		return errReplica
	}
	if len(raw[0]) != 8 || len(raw[5]) != 8 {
		return errors.New("the server answers a statement of another kind")
	}
	r.place = int64(binary.BigEndian.Uint64(raw[5]))
	if r.there = raw[1] != nil; !r.there {
		return nil
	}
	if len(raw[1]) != 8 || len(raw[2]) != 8 {
		return sojourn.ErrCorrupt // not the table that Migrate made
	}
	r.now = int64(binary.BigEndian.Uint64(raw[0]))
	r.version = int64(binary.BigEndian.Uint64(raw[1]))
	r.expires = int64(binary.BigEndian.Uint64(raw[2]))
	r.facts = string(raw[3])
	r.values = string(raw[4])
	r.large = raw[4] == nil
	return nil
}

func (r *row) scan(rows pgx.Rows) error {
	var now, expires pgtype.Timestamptz
	var version pgtype.Int8
	var facts []byte
	var values pgtype.Text
	var place int64
	if err := rows.Scan(&now, &version, &expires, &facts, &values, &place); err != nil {
		return err
	}
	if !now.Valid {
		return errReplica
	}
	*r = row{
		version.Valid, version.Valid && !values.Valid, microseconds(now.Time), version.Int64, microseconds(expires.Time), string(facts), values.String, place,
	}
	return nil
}

func microseconds(t time.Time) int64 {
	return t.UnixMicro() - time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
}

func (r *row) state() (sojourn.State, error) {
	if !r.there || r.now >= r.expires {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	facts, err := sojourn.ParseFacts(r.facts)
	if err != nil {
		return sojourn.State{}, err
	}
	values, err := decodeValues(r.values)
	if err != nil {
		return sojourn.State{}, err
	}
	ttl := time.Duration(math.MaxInt64) // what a Duration cannot say
	if left := r.expires - r.now; left <= math.MaxInt64/int64(time.Microsecond) {
		ttl = time.Duration(left) * time.Microsecond
	}
	return sojourn.State{Facts: facts, Values: values, TTL: ttl, Version: uint64(r.version)}, nil
}
