//go:build !race

package sealstore_test

const raceDetector = false
