package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// checkMySQL looks for settings of a server or a connection under which the promises would not hold, and returns the most
// bytes that a record may have. What may change later, or from connection to connection, the statements look at
// themselves.
func checkMySQL(ctx context.Context, db *sql.DB) (int, error) {
	rows, err := db.QueryContext(ctx, `SHOW SESSION VARIABLES WHERE Variable_name IN
		('tx_isolation', 'transaction_isolation', 'max_allowed_packet')`)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	settings := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return 0, err
		}
		settings[strings.ToLower(name)] = value
	}
	if err := rows.Err(); err != nil {
		return 0, err
	}
	// MariaDB before 11.1 has the one name, MySQL 8 the other.
	for _, name := range [...]string{"tx_isolation", "transaction_isolation"} {
		if strings.EqualFold(settings[name], "READ-UNCOMMITTED") {
			return 0, errors.New("connections read what is not committed (" + name + ")")
		}
	}
	packet, err := strconv.Atoi(settings["max_allowed_packet"])
	if err != nil {
		return 0, fmt.Errorf("max_allowed_packet: %w", err)
	}
	var slept int
	var goesOn bool
	if err := db.QueryRowContext(ctx, `SELECT SLEEP(0.001), SYSDATE(6) > NOW(6)`).Scan(&slept, &goesOn); err != nil {
		return 0, err
	}
	if !goesOn {
		return 0, errors.New("the server's clock stands still while a statement waits (option sysdate-is-now)")
	}
	const others = 4 << 10       // what a statement has beside the record
	const mediumBlob = 1<<24 - 1 // the column's type
	return min(max(packet-others, 1), mediumBlob), nil
}
