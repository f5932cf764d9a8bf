// Package recorder keeps what a test says instead of failing, for tests of tests.
package recorder

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Recorder is a testing.TB on which a test may fail. It embeds one for what it does not keep itself.
type Recorder struct {
	testing.TB
	ctx context.Context

	mu       sync.Mutex
	failed   bool
	skipped  bool
	log      strings.Builder
	cleanups []func()
}

// Run runs f to its end, its cleanups included, and returns what came of it.
func Run(tb testing.TB, f func(tb testing.TB)) *Recorder {
	ctx, cancel := context.WithCancel(tb.Context())
	r := &Recorder{TB: tb, ctx: ctx}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	cancel()
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
	return r
}

// Text returns what was logged.
func (r *Recorder) Text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

// The methods of testing.TB that matter to it.

func (r *Recorder) Helper()                  {}
func (r *Recorder) Context() context.Context { return r.ctx }
func (r *Recorder) Log(args ...any)          { r.print(fmt.Sprintln(args...)) }
func (r *Recorder) Logf(f string, a ...any)  { r.print(fmt.Sprintf(f, a...)) }
func (r *Recorder) Fail()                    { r.mu.Lock(); r.failed = true; r.mu.Unlock() }
func (r *Recorder) FailNow()                 { r.Fail(); runtime.Goexit() }
func (r *Recorder) Error(args ...any)        { r.Log(args...); r.Fail() }
func (r *Recorder) Errorf(f string, a ...any) {
	r.Logf(f, a...)
	r.Fail()
}
func (r *Recorder) Fatal(args ...any)         { r.Log(args...); r.FailNow() }
func (r *Recorder) Fatalf(f string, a ...any) { r.Logf(f, a...); r.FailNow() }
func (r *Recorder) SkipNow()                  { r.mu.Lock(); r.skipped = true; r.mu.Unlock(); runtime.Goexit() }
func (r *Recorder) Skip(args ...any)          { r.Log(args...); r.SkipNow() }
func (r *Recorder) Skipf(f string, a ...any)  { r.Logf(f, a...); r.SkipNow() }

func (r *Recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *Recorder) Skipped() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.skipped
}

func (r *Recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *Recorder) print(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log.WriteString(strings.TrimSuffix(text, "\n") + "\n")
}
