package subject

import (
	"errors"
	"net/http"
	"slices"
)

// Subject is a session library on a store.
type Subject struct {
	Library string // its name, "" for what is no library
	Store   string // memory, cookie, SQLite, Redis, PostgreSQL
	Variant string // what tells two subjects of one library on one store apart
	Module  string // the library's Go module, "" for our own

	// Lacks says why the library cannot do some work.
	Lacks map[Work]string
	// OldLives says that a token which Renew or Login replaced, or Logout ended, goes on opening the session: all there is of
	// it is in the cookie.
	OldLives bool
	// Fast says that the library's handlers are fasthttp's, not net/http's.
	Fast bool
	// OnServer says that the sessions are in a server, another process.
	OnServer bool
	// Owners says that the chain knows Options.Users and Options.Limited.
	Owners bool
	// Open makes a chain with nothing stored.
	Open func(o Options) (*Chain, error)
}

// Options is how a chain is configured, besides the library's defaults.
type Options struct {
	// Sliding makes a session's time start anew with every request that reads it, as the library does that.
	Sliding bool
	// Eager makes a library that extends a session only now and then do so in every request.
	Eager bool
	// Users makes every session that is created a user's, each another one's.
	Users bool
	// Limited makes a login look whether the user has too many sessions: more than three.
	Limited bool
	// Crowded makes all logins those of one user.
	Crowded bool
}

// Name is the subject's name in tables.
func (s *Subject) Name() string {
	name := s.Library
	if s.Store != "" {
		name += "/" + s.Store
	}
	if s.Variant != "" {
		name += " " + s.Variant
	}
	return name
}

// Ours reports whether the subject is Sojourn.
func (s *Subject) Ours() bool { return s.Library == sojournName }

// Outside reports whether the sessions are neither in this process nor with the client.
func (s *Subject) Outside() bool { return s.OnServer || s.Store == sqlite }

// InMemory reports whether the sessions are in this process.
func (s *Subject) InMemory() bool { return s.Store == memory || s.Store == "" }

// Chain is a subject at work. Serve may be called for any number of kinds of work; all share one store.
type Chain struct {
	// Handler returns the handler of some work, nil if the library lacks it, or is not one of net/http.
	Handler func(Work) http.Handler
	// Serve returns what makes one request of a client, nil if the library lacks that work. What it returns is safe for
	// concurrent use by different clients.
	Serve func(Work) func(*Client)
	// Close frees what the chain holds.
	Close func() error
}

// chain makes a Chain of net/http handlers.
func chain(handler func(Work) http.Handler, closers ...func() error) *Chain {
	return &Chain{
		Handler: handler,
		Serve: func(w Work) func(*Client) {
			h := handler(w)
			if h == nil {
				return nil
			}
			return serve(h)
		},
		Close: func() error {
			var errs []error
			for _, closer := range slices.Backward(closers) {
				errs = append(errs, closer())
			}
			return errors.Join(errs...)
		},
	}
}
