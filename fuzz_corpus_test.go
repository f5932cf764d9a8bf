package sojourn_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every fuzz target of every module has inputs beside it that ordinary tests run, of which some are no seeds of its own.
func TestFuzz_everyTargetHasACorpus(t *testing.T) {
	needRepository(t)
	target := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`)
	count := 0
	eachGoFile(t, func(path string, text []byte) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, m := range target.FindAllSubmatch(text, -1) {
			count++
			folder := filepath.Join(filepath.Dir(path), "testdata", "fuzz", string(m[1]))
			if inputs, err := os.ReadDir(folder); err != nil || len(inputs) == 0 {
				t.Errorf("%s: %s has no input in %s", path, m[1], folder)
			}
		}
	})
	if count < 20 {
		t.Errorf("got %d targets, want all of them", count)
	}
}
