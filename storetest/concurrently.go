package storetest

import (
	"sync"
	"testing"
)

// subtest is one of several that may run at once.
type subtest struct {
	name string
	run  func(t *testing.T)
}

// width is how many subtests run at once where they wait for an engine more than they work.
const width = 8

// concurrently runs subtests, at most n at once, and returns when all have ended. [testing.T.Parallel] would let the
// caller return before, with its engine, and go by the number of processors, which says nothing about waiting.
func concurrently(t *testing.T, n int, tests []subtest) {
	t.Helper()
	slots := make(chan struct{}, n)
	var all sync.WaitGroup
	for _, test := range tests {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			t.Run(test.name, test.run)
		})
	}
	all.Wait()
}
