// Package mysqlstore keeps Sojourn's sessions in MySQL or MariaDB: in the database that the application has, or one beside it.
//
//	st, err := mysqlstore.Open(ctx, "mysql://web:secret@db.example:3306/shop?tls=true", mysqlstore.Config{})
//	if err != nil {
//		return err
//	}
//	defer st.Close()
//	if err := st.Migrate(ctx); err != nil { // or hand mysqlstore.Schema(cfg) to your own migrations
//		return err
//	}
//	manager, err := sojourn.New(st, sojourn.Config{})
//
// It is package sqlstore, where the tables and their promises are described, over the driver
// github.com/go-sql-driver/mysql, with connections set as sessions want them, whatever the address says:
//
//   - clientFoundRows is on: a statement that finds a row as it should be has found it. (Without it the store is as
//     right, and slower.)
//   - autocommit is on, and what a server says that is read-only is not believed: after a failover the pool leaves it.
//   - multiStatements, interpolateParams, parseTime and allowAllFiles are off: nothing here needs them.
//   - A connection lives for 4 minutes, so that none is used that the server or a balancer has given up.
//
// Nothing else matters: not the time zones of server, session and driver (loc), nor the character set, the collation, the
// isolation level or sql_mode. Times are the server's, as numbers in UTC; all that is compared is bytes. READ UNCOMMITTED
// as the connections' default is refused at the first use, and so is the server's option sysdate-is-now.
//
// The page docs/mysql.md has the rights that it needs, the servers it was tested with, and what differs between them.
//
// # Licence
//
// This package is under the Apache License 2.0 as all of Sojourn. The driver that it links is under the Mozilla Public License
// 2.0: whoever changes the driver's own files and passes them on does so under that licence; other code is not affected.
package mysqlstore
