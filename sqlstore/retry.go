package sqlstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"time"
)

// How long a call waits before it begins anew: anywhere between half and the whole of a time that doubles up to a bound.
const (
	firstPause = time.Millisecond
	lastPause  = 64 * time.Millisecond
)

// again runs do until it is not taken back by the database, or the context ends. It is the one place where anything is
// tried twice.
func again(ctx context.Context, do func() error) error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := do()
		if err == nil || !takenBack(err) {
			return err
		}
		select {
		case <-time.After(pause/2 + rand.N(pause/2)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// takenBack reports whether err is the database's word that a statement outside of a transaction, or a transaction, did
// nothing because others were in its way. A lock that was not had in time takes back only the statement in MySQL; the
// transaction around it is then rolled back by us.
func takenBack(err error) bool {
	switch state, number := code(err); {
	case state != "":
		switch state {
		case "40001", // serialization_failure
			"40P01", // deadlock_detected
			"55P03": // lock_not_available
			return true
		}
	case number != 0:
		switch number {
		case 1213, // ER_LOCK_DEADLOCK
			1205, // ER_LOCK_WAIT_TIMEOUT
			1020: // ER_CHECKREAD: MariaDB's, where a row is not the one of the snapshot
			return true
		}
	}
	return false
}

// code finds what a server calls its error: the SQLSTATE of drivers for PostgreSQL, which have a method for it (pgx,
// lib/pq), or the number of MySQL's errors, a field in the driver's (github.com/go-sql-driver/mysql). This package imports
// no driver, so it knows them by these names. With a driver that has others nothing is tried twice, and a deadlock is an
// error that the caller sees.
func code(err error) (state string, number uint64) {
	var named interface{ SQLState() string }
	if errors.As(err, &named) {
		return named.SQLState(), 0
	}
	return "", numberOf(err)
}

func numberOf(err error) uint64 {
	if v := reflect.Indirect(reflect.ValueOf(err)); v.Kind() == reflect.Struct {
		if field := v.FieldByName("Number"); field.IsValid() && field.Kind() == reflect.Uint16 {
			return field.Uint()
		}
	}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		return numberOf(wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		for _, err := range wrapper.Unwrap() {
			if n := numberOf(err); n != 0 {
				return n
			}
		}
	}
	return 0
}
