package storetest_test

import (
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest"
	"github.com/sojourn-go/sojourn/storetest/internal/reference"
)

func BenchmarkReference(b *testing.B) {
	storetest.Bench(b, func(testing.TB) sojourn.Store { return reference.New(time.Now) })
}
