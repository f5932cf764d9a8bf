//go:build race

package sealstore_test

// The race detector allocates.
const raceDetector = true
