package demo

import (
	"fmt"
	"time"

	"github.com/sojourn-go/sojourn"
)

// facts are what a session knows about itself, for the curious. All of it is public to its owner; the secret is in none
// of it, nor could it be.
type facts struct {
	Short   string // the beginning of the ID
	Created time.Time
	Renewed time.Time
	Left    string   // until the deadline
	Values  []string // names and sizes
}

// factsOf returns nil where there is no session.
func factsOf(s *sojourn.Session, now time.Time) *facts {
	if s.IsNew() {
		return nil
	}
	known := s.Facts()
	f := &facts{
		Short:   s.ID().String()[:8],
		Created: known.Created,
		Renewed: known.Renewed,
		Left:    span(known.Deadline.Sub(now)),
	}
	for name, text := range s.Values().All() {
		if name == string(notice) {
			continue // the page that shows this takes it
		}
		f.Values = append(f.Values, fmt.Sprintf("%s, %d bytes", name, len(text)))
	}
	return f
}
