package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// faults is what a browser complains about: errors and warnings of its console and its log, exceptions that nobody caught,
// and the issues it finds, such as violations of the content security policy and cookies that it refused. A test fails on
// each that it did not expect.
type faults struct {
	mu       sync.Mutex
	list     []string
	expected []string
}

func (f *faults) collect(ctx context.Context) error {
	if err := chromedp.Listen(ctx, f.hear); err != nil {
		return err
	}
	for _, enable := range []cdp.Command[cdp.Empty, cdp.Empty]{log.Enable, audits.Enable, runtime.Enable} {
		if _, err := chromedp.Call(ctx, enable, cdp.Empty{}); err != nil {
			return fmt.Errorf("%s: %w", enable.Method, err)
		}
	}
	return nil
}

func (f *faults) hear(event any) {
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		what := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			what += " " + e.ExceptionDetails.Exception.Description
		}
		f.add("exception: %s", what)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning || e.Type == runtime.ConsoleAPICalledTypeAssert {
			var words []string
			for _, a := range e.Args {
				words = append(words, fmt.Sprintf("%s%s", a.Value, a.Description))
			}
			f.add("console: %s", strings.Join(words, " "))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			f.add("log: %s: %s (%s)", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *audits.EventIssueAdded:
		f.add("issue: %s%s", e.Issue.Code, details(e.Issue))
	}
}

// details says of an issue what helps to find it.
func details(issue *audits.InspectorIssue) string {
	switch d := issue.Details; {
	case d == nil:
		return ""
	case d.ContentSecurityPolicyIssueDetails != nil:
		return fmt.Sprintf(" %s %s", d.ContentSecurityPolicyIssueDetails.ViolatedDirective, d.ContentSecurityPolicyIssueDetails.BlockedURL)
	case d.GenericIssueDetails != nil:
		return fmt.Sprintf(" %s", d.GenericIssueDetails.ErrorType)
	case d.CookieIssueDetails != nil:
		return fmt.Sprintf(" %v %v", d.CookieIssueDetails.CookieExclusionReasons, d.CookieIssueDetails.CookieWarningReasons)
	}
	return ""
}

func (f *faults) add(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list = append(f.list, fmt.Sprintf(format, args...))
}

// expect names pieces of faults that are right in a test.
func (f *faults) expect(pieces ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expected = append(f.expected, pieces...)
}

// all returns what has been heard so far.
func (f *faults) all() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.list)
}

func (f *faults) report(t *testing.T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fault := range f.list {
		if !slices.ContainsFunc(f.expected, func(piece string) bool { return strings.Contains(fault, piece) }) {
			t.Errorf("the browser complains: %s", fault)
		}
	}
}

// streams counts the streams of events that the page has begun to hear since it was opened.
type streams struct {
	mu sync.Mutex
	n  int
	on chan struct{} // closed at the next one
}

func (s *streams) collect(ctx context.Context) error {
	s.on = make(chan struct{})
	if err := chromedp.Listen(ctx, func(event any) {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch e := event.(type) {
		case *page.EventFrameNavigated:
			s.n = 0
		case *network.EventResponseReceived:
			if strings.HasSuffix(e.Response.URL, "/events") && e.Response.Status == 200 {
				s.n++
				close(s.on)
				s.on = make(chan struct{})
			}
		}
	}); err != nil {
		return err
	}
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	return err
}

// now is how many there have been.
func (s *streams) now() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// beyond waits until there have been more than n.
func (s *streams) beyond(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		s.mu.Lock()
		got, on := s.n, s.on
		s.mu.Unlock()
		if got > n {
			return
		}
		select {
		case <-on:
		case <-ctx.Done():
			t.Fatalf("the page listens no more: %d streams, want more than %d", got, n)
		}
	}
}
