package report

import (
	"errors"
	"strings"
)

// Begin and End are the lines around what Splice replaces.
const (
	Begin = "<!-- report: begin -->"
	End   = "<!-- report: end -->"
)

// Splice replaces what is between the lines Begin and End of a page.
func Splice(page, report string) (string, error) {
	before, rest, ok := strings.Cut(page, Begin+"\n")
	_, after, closed := strings.Cut(rest, End+"\n")
	if !ok || !closed {
		return "", errors.New("report: the page has no lines " + Begin + " and " + End)
	}
	return before + Begin + "\n" + strings.TrimSpace(report) + "\n" + End + "\n" + after, nil
}
