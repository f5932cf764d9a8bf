package enginetest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// ErrMissing says that a program is not installed. The error that wraps it names the Debian package.
var ErrMissing = errors.New("enginetest: program not installed")

// Require ends the test if err is not nil: it skips where a program is missing, or fails there too if the environment
// variable SOJOURN_TEST_REQUIRE is "all", as in CI.
func Require(tb testing.TB, err error) {
	tb.Helper()
	switch {
	case err == nil:
	case errors.Is(err, ErrMissing) && os.Getenv("SOJOURN_TEST_REQUIRE") != "all":
		tb.Skip(err)
	default:
		tb.Fatal(err)
	}
}

// program finds a program in the folders that match patterns, the last match first, or else in PATH.
func program(name, debian string, patterns ...string) (string, error) {
	for _, pattern := range patterns {
		folders, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		for _, folder := range slices.Backward(folders) {
			if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
				return path, nil
			}
		}
	}
	for _, name := range []string{name, "/usr/sbin/" + name} { // not everybody's PATH has the servers' folder
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%w: no %s: install the Debian package %s", ErrMissing, name, debian)
}
