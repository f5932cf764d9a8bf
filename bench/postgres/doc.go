// Package postgres compares Sojourn on PostgreSQL with scs on its pgxstore, side by side on one server in one run: whole
// middleware chains, 64 clients, turn by turn. See the benchmark.
package postgres
