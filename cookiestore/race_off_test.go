//go:build !race

package cookiestore_test

// raceDetector reports whether the tests run under the race detector, which allocates.
const raceDetector = false
