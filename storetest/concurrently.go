package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// subtest is one of several that may run at once.
type subtest struct {
	name string
	run  func(t *testing.T)
}

// width is how many subtests run at once where they wait more than they work.
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

// gainfulWidth returns width for an engine that answers many calls in the time of a few, as one across a network does, and 1
// for one that works as long as it is asked, or lets one writer in at a time: subtests would only hold each other up.
func gainfulWidth(tb testing.TB, st sojourn.Store) int {
	tb.Helper()
	const each = 4
	save := func() {
		for range each {
			_, _ = st.Save(tb.Context(), sojourn.State{}, time.Second)
		}
	}
	inParallel(width, func(int) { save() }) // connections are made
	began := time.Now()
	for range width {
		save()
	}
	alone := time.Since(began)
	began = time.Now()
	inParallel(width, func(int) { save() })
	if time.Since(began) < alone/3 {
		return width
	}
	return 1
}
