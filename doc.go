// Package sojourn manages HTTP sessions.
package sojourn
