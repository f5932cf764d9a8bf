package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// causes are the errors of a store that are no answers of the contract. A [sojourn.StoreError] and an answer with status 503
// leave out what the driver said, for clients must not read it; the author of the store must.
type causes struct {
	mu    sync.Mutex
	texts []string // in the order in which they came
	times map[string]int
}

// note keeps an error that the store returned from op, if it needs an explanation.
func (c *causes) note(ctx context.Context, op string, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	for _, answer := range []error{
		sojourn.ErrNotFound, sojourn.ErrConflict, sojourn.ErrTooLarge, sojourn.ErrEnded, errors.ErrUnsupported,
	} {
		if errors.Is(err, answer) {
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times == nil {
		c.times = make(map[string]int)
	}
	text := op + ": " + err.Error()
	if c.times[text]++; c.times[text] == 1 {
		c.texts = append(c.texts, text)
	}
}

// mostCauses is how many different ones are printed: errors with an ID or an address in them are all different.
const mostCauses = 10

// explain prints them beside the failures of a test.
func (c *causes) explain(tb testing.TB) {
	tb.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !tb.Failed() || len(c.texts) == 0 {
		return
	}
	var b strings.Builder
	for _, text := range c.texts[:min(len(c.texts), mostCauses)] {
		fmt.Fprintf(&b, "\n\t%s", text)
		if n := c.times[text]; n > 1 {
			fmt.Fprintf(&b, " (%d times)", n)
		}
	}
	if more := len(c.texts) - mostCauses; more > 0 {
		fmt.Fprintf(&b, "\n\tand %d others", more)
	}
	tb.Logf("the store's own errors, which a manager does not show:%s", b.String())
}

// withCause is the text of err and of the store's own error in it.
func withCause(err error) string {
	var failed *sojourn.StoreError
	if !errors.As(err, &failed) {
		return fmt.Sprint(err)
	}
	return fmt.Sprintf("%v; the store's own error: %v", err, failed.Err)
}
