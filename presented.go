package sojourn

import (
	"context"
	"errors"
	"strings"
	"time"
)

// maxTokens is how many distinct well-formed tokens of one request are looked at: what one request may cost the store
// (I7).
const maxTokens = 4

type presented struct {
	key    Key
	digest digest
	secret *secretChars // of a client-side store only
}

// presents reads the request's tokens. Whatever is not exactly one of ours is told to the observer and costs nothing more.
func (v *Visit) presents(ctx context.Context, tokens *[maxTokens]presented) (n int, readable bool) {
	forged, opened := false, 0
	take := func(text string) {
		if text == "" {
			return // what a removal leaves behind in clients that keep an empty value
		}
		if v.m.sealer != nil {
			if opened == maxTokens {
				forged = true // opening costs, and a request is not to cost more than a stated bound
				return
			}
			token, tried, ok := v.m.sealer.open(text)
			if tried {
				opened++
			}
			if !ok {
				forged = true
				return
			}
			text = token
		}
		if v.m.backend.parser != nil && v.request == nil {
			text = strings.Clone(text) // its key lasts, and an adapter's text may live in a buffer that is used again
		}
		key, digest, ok := parseToken(text, v.m.backend.parser)
		if !ok {
			forged = true
			return
		}
		for i := range n {
			if tokens[i].key == key && tokens[i].digest == digest {
				return
			}
		}
		if n < maxTokens {
			tokens[n] = presented{key: key, digest: digest}
			if v.m.backend.parser != nil {
				tokens[n].secret = secretIn(text)
			}
			n++
		}
	}
	readable = true
	if v.m.cfg.Header != "" {
		values := v.requestHeader(v.m.cfg.Header)
		if readable = len(values) <= maxCookiePairs; readable {
			for _, text := range values {
				take(text)
			}
		}
	} else {
		readable = cookieValues(v.requestHeader("Cookie"), v.m.cfg.Cookie.Name, take)
	}
	if forged {
		v.m.observe(ctx, Event{Kind: EventForgedKey})
	}
	return n, readable
}

// resolve finds out which session the request presents, and makes s that.
func (v *Visit) resolve(ctx context.Context, s *Session) error {
	var tokens [maxTokens]presented
	n, readable := v.presents(ctx, &tokens)
	if !readable {
		s.status = statusAmbiguous
		v.m.observe(ctx, Event{Kind: EventAmbiguous})
		return nil
	}
	for i := range n {
		token := &tokens[i]
		state := &s.stored // a state is large: mostly there is one, and it is loaded into its place
		if s.status != statusNone {
			var second State
			state = &second
		}
		status, now, err := v.look(ctx, token, state)
		if err != nil {
			return err
		}
		if status == statusNone || status == statusRefused && s.status != statusNone {
			if s.status == statusNone {
				s.stored = State{}
			}
			continue
		}
		same := s.key.id == token.key.id
		if s.status.opens() && status.opens() && !same {
			*s = Session{v: v, status: statusAmbiguous, pending: &v.m.nothing}
			v.m.observe(ctx, Event{Kind: EventAmbiguous})
			return nil
		}
		if same && s.status == statusLive {
			continue // the current secret and the one before, side by side
		}
		s.status, s.key, s.digest, s.secret = status, token.key, token.digest, token.secret
		if state != &s.stored {
			s.stored = *state
		}
		s.loadedAt, s.generation = now, state.Facts.Generation
	}
	if s.status.opens() {
		s.floor = s.stored.Values
	}
	return nil
}

// look loads what one token names into state, and decides what it opens, and when it did so.
func (v *Visit) look(ctx context.Context, token *presented, state *State) (status, time.Time, error) {
	id := token.key.ID()
	if err := v.m.backend.load(ctx, token.key, state); err != nil {
		switch {
		case errors.Is(err, ErrNotFound):
			v.m.observe(ctx, Event{Kind: EventUnknownKey, ID: id})
		case errors.Is(err, ErrCorrupt):
			v.m.observe(ctx, Event{Kind: EventCorrupt, ID: id})
		default:
			return statusNone, time.Time{}, err
		}
		return statusNone, time.Time{}, nil
	}
	now := v.m.now()
	status, kind := v.m.classify(&state.Facts, &token.digest, now)
	if kind != 0 {
		v.m.observe(ctx, Event{Kind: kind, ID: id})
	}
	return status, now, nil
}

// classify is the table of what a token opens. The event, if any, says why it opens nothing.
func (m *Manager) classify(f *Facts, d *digest, now time.Time) (status, EventKind) {
	// Both comparisons always run, in constant time (SEC-53).
	current := sameDigest(&f.Digest, d)
	previous := sameDigest(&f.Previous, d) && f.Previous != digest{}
	switch {
	case f.Realm != m.cfg.Realm:
		return statusNone, EventOtherRealm
	case !current && !previous:
		return statusNone, EventWrongSecret
	case !now.Before(m.deadline(f, now)):
		return statusNone, EventExpire
	case current:
		return statusLive, 0
	case now.Sub(f.Renewed).Abs() > grace:
		if f.Refused {
			return statusNone, EventWrongSecret
		}
		return statusNone, EventReuse
	case f.Refused:
		return statusRefused, 0
	}
	return statusLate, 0
}

// status is what a token opens.
type status int

const (
	statusNone      status = iota // nothing: no token, or an unknown one
	statusAmbiguous               // nothing, and nothing may be kept
	statusLive                    // everything
	statusLate                    // replaced by a periodic renewal a moment ago: values and logout
	statusRefused                 // replaced by a login or Renew a moment ago: nothing, but the client may retry
)

func (s status) opens() bool { return s == statusLive || s == statusLate }

// hides reports whether there may be values that the handler is not shown: to take them away is a change all the same, and
// must not look as if it had happened.
func (s status) hides() bool { return s == statusAmbiguous || s == statusRefused }
