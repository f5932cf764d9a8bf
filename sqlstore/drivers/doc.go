// Package drivers tests package sqlstore on servers, with drivers that the core does not require. It is not released.
//
// PostgreSQL is here, through pgx's driver for database/sql; MySQL and MariaDB are tested in stores/mysql, SQLite in
// stores/sqlite.
package drivers
