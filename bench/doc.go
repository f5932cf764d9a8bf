// Package bench measures Sojourn and other session libraries side by side, in one process, and writes a report of tables
// and pictures:
//
//	make bench
//
// Package subject has the libraries, each on its stores; [Check] sees that each does its work before anything is measured.
//
// # How it measures
//
// A serial time is processor time of the whole process, garbage collector included, divided by requests: others who use
// the machine disturb it less than they disturb a clock on the wall. Each round measures every subject once at each
// workload, one directly after the other, in an order that changes; what is compared is compared within a round, and
// the median of the rounds is reported. So a time may drift with the machine, and a ratio does not. Allocations and
// round trips are counted and exact.
//
// To add a store, add a file to package subject that returns its subjects. Servers are started by the tests.
package bench
