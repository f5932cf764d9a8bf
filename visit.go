package sojourn

import (
	"context"
	"crypto/subtle"
	"errors"
	"iter"
	"net/http"
	"sync"
	"time"
)

// Visit is one request's stay, free of net/http: adapters for other frameworks and protocols begin one, run the handler,
// commit, and send the reply. [Manager.Handler] does so for net/http.
type Visit struct {
	m      *Manager
	header func(name string) []string
	// request is what Config.Label sees; nil where an adapter began the visit.
	request  *http.Request
	response *response // nil where an adapter began the visit
	began    time.Time

	io      sync.Mutex // one load or commit at a time
	loaded  bool
	loadErr error
	session Session

	mu    sync.Mutex
	reply func() string // the header that the client must be sent, nil if none; a function shows nothing to whoever prints it
	sent  bool
	read  bool

	loadCtx, commitCtx callContext
	committed          bool // commitCtx has been used
}

// Reply is what the client must be told about its token: usually nothing.
type Reply struct {
	headers func(yield func(name, value string) bool)
}

// Headers iterates over header names and values to add to the response: the token, or its removal, and what keeps caches
// from passing on a response that depends on a session.
func (r Reply) Headers() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		if r.headers != nil {
			r.headers(yield)
		}
	}
}

// Begin starts a visit. header returns the values of a request header: http.Header.Values, metadata.MD.Get. Begin does no
// I/O; Load does, once, if asked. Config.Label sees a request with no more than a User-Agent.
func (m *Manager) Begin(header func(name string) []string) *Visit {
	v := new(Visit)
	v.begin(m, header)
	return v
}

func (v *Visit) begin(m *Manager, header func(name string) []string) {
	v.m, v.header, v.began = m, header, m.now()
	v.session.v = v
}

// Context returns ctx carrying v, for [Load] and [Manager.Load].
func (v *Visit) Context(ctx context.Context) context.Context { return &visitContext{ctx, v} }

// Load returns the session, from the store the first time, within Config.LoadTimeout. The error, if any, is a
// [*StoreError] and stays.
func (v *Visit) Load(ctx context.Context) (*Session, error) {
	v.io.Lock()
	defer v.io.Unlock()
	v.mu.Lock()
	v.read = true
	v.mu.Unlock()
	if err := v.load(ctx); err != nil {
		return nil, err
	}
	return &v.session, nil
}

// load runs under v.io. A store that panics leaves the visit unloaded: whoever recovers and asks again shall not get an
// empty session.
func (v *Visit) load(ctx context.Context) error {
	if v.loaded {
		return v.loadErr
	}
	call := v.loadCtx.begin(ctx, v.m.cfg.LoadTimeout, true)
	defer call.end()
	v.loadErr = v.resolve(call)
	v.loaded = true
	return v.loadErr
}

// Sent tells v that the reply has left: changes that need another one are [ErrSent] from now on.
func (v *Visit) Sent() {
	// A commit under way that another goroutine of the request made, and that may still set a cookie, finishes first: the
	// headers that are read after this tell of it.
	v.io.Lock()
	defer v.io.Unlock()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sent = true
}

// Commit stores what the session collected, within Config.Timeout and even if ctx has ended, and returns what the client
// must be told. On an error the handler's response must not be sent; the reply still must: it then removes a cookie, or
// sets that of an earlier commit. Commit may be called again; a call without changes costs nothing and returns the same
// reply.
func (v *Visit) Commit(ctx context.Context) (Reply, error) {
	err := v.commit(ctx, true)
	return Reply{func(yield func(name, value string) bool) { v.headers(err != nil, yield) }}, err
}

// Abandon ends a visit whose response will not be sent, because the handler panicked or its framework took over: a logout
// holds all the same, everything else that was not committed is dropped. After Sent it has nothing to do, so an adapter
// defers it.
func (v *Visit) Abandon() {
	s := &v.session
	s.mu.Lock()
	logout := s.pending.logout
	s.pending = plan{logout: logout, target: s.pending.target}
	s.mu.Unlock()
	if logout {
		v.Sent()
		_ = v.commit(context.Background(), false) // a failure is an event
	}
}

// headers yields what the final header must carry.
func (v *Visit) headers(failed bool, yield func(name, value string) bool) {
	v.mu.Lock()
	reply, read := v.reply, v.read
	v.mu.Unlock()
	name, vary := "Set-Cookie", "Cookie"
	if v.m.cfg.Header != "" {
		name, vary = v.m.cfg.Header, v.m.cfg.Header
	}
	if reply != nil && !yield(name, reply()) {
		return
	}
	switch {
	case reply != nil || failed:
		if !yield("Cache-Control", "no-store") {
			return
		}
	case read:
		if !yield("Cache-Control", "private") {
			return
		}
	}
	if read || reply != nil {
		yield("Vary", vary)
	}
}

// setReply prepares what the client is told. Sealing cannot fail with the secrets that New checked.
func (v *Visit) setReply(token string, age time.Duration) error {
	header := token
	if v.m.sealer != nil && token != "" {
		sealed, err := v.m.sealer.seal(token)
		if err != nil {
			return err
		}
		header = sealed
	}
	switch {
	case v.m.cfg.Header != "":
	case token == "":
		header = v.m.cookie.remove()
	default:
		header = v.m.cookie.set(header, age)
	}
	v.mu.Lock()
	v.reply = func() string { return header }
	v.mu.Unlock()
	return nil
}

// dropReply forgets a token that must not reach the client.
func (v *Visit) dropReply() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.reply = nil
}

func (v *Visit) isSent() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.sent
}

// label names the client's device.
func (v *Visit) label() string {
	if v.m.cfg.Label == nil {
		return ""
	}
	r := v.request
	if r == nil {
		r = &http.Request{Header: http.Header{"User-Agent": v.header("User-Agent")}}
	}
	return cleanLabel(v.m.cfg.Label(r))
}

// maxTokens is how many distinct well-formed tokens of one request are looked at: what one request may cost the store
// (I7).
const maxTokens = 4

type presented struct {
	key    Key
	digest digest
	secret func() [secretLen]byte // of a client-side store only
}

// presents reads the request's tokens. Whatever is not exactly one of ours is told to the observer and costs nothing more.
func (v *Visit) presents(ctx context.Context) (tokens [maxTokens]presented, n int, readable bool) {
	forged := false
	take := func(text string) {
		if text == "" {
			return // what a removal leaves behind in clients that keep an empty value
		}
		if v.m.sealer != nil {
			opened, ok := v.m.sealer.open(text)
			if !ok {
				forged = true
				return
			}
			text = opened
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
				tokens[n].secret = keepSecret(text)
			}
			n++
		}
	}
	readable = true
	if v.m.cfg.Header != "" {
		values := v.header(v.m.cfg.Header)
		if readable = len(values) <= maxCookiePairs; readable {
			for _, text := range values {
				take(text)
			}
		}
	} else {
		readable = cookieValues(v.header("Cookie"), v.m.cfg.Cookie.Name, take)
	}
	if forged {
		v.m.observe(ctx, Event{Kind: EventForgedKey})
	}
	return tokens, n, readable
}

// keepSecret keeps the secret of a client-side store's token for as long as the request lives, because its next key goes
// out with the same one. A function shows nothing to whoever prints it.
func keepSecret(text string) func() [secretLen]byte {
	var secret [secretLen]byte
	decodeText(secret[:], text[:secretText])
	return func() [secretLen]byte { return secret }
}

// resolve finds out which session the request presents.
func (v *Visit) resolve(ctx context.Context) error {
	tokens, n, readable := v.presents(ctx)
	s := &v.session
	if !readable {
		s.status = statusAmbiguous
		v.m.observe(ctx, Event{Kind: EventAmbiguous})
		return nil
	}
	for i := range n {
		state, status, err := v.look(ctx, tokens[i])
		if err != nil {
			return err
		}
		if status == statusNone || status == statusRefused && s.status != statusNone {
			continue
		}
		same := s.key.id == tokens[i].key.id
		if s.status.opens() && status.opens() && !same {
			*s = Session{v: v, status: statusAmbiguous}
			v.m.observe(ctx, Event{Kind: EventAmbiguous})
			return nil
		}
		if same && s.status == statusLive {
			continue // the current secret and the one before, side by side
		}
		s.status, s.key, s.stored, s.digest, s.secret = status, tokens[i].key, state, tokens[i].digest, tokens[i].secret
		s.loadedAt = v.m.now()
		s.generation = state.Facts.Generation
	}
	if s.status.opens() {
		s.floor = s.stored.Values
	}
	return nil
}

// look loads what one token names and decides what it opens.
func (v *Visit) look(ctx context.Context, token presented) (State, status, error) {
	id := token.key.ID()
	state, err := v.m.backend.load(ctx, token.key)
	switch {
	case errors.Is(err, ErrNotFound):
		v.m.observe(ctx, Event{Kind: EventUnknownKey, ID: id})
		return State{}, statusNone, nil
	case errors.Is(err, ErrCorrupt):
		v.m.observe(ctx, Event{Kind: EventCorrupt, ID: id})
		return State{}, statusNone, nil
	case err != nil:
		return State{}, statusNone, err
	}
	status, kind := v.m.classify(&state.Facts, token.digest, v.m.now())
	if kind != 0 {
		v.m.observe(ctx, Event{Kind: kind, ID: id})
	}
	if status == statusNone {
		state = State{}
	}
	return state, status, nil
}

// classify is the table of what a token opens. The event, if any, says why it opens nothing.
func (m *Manager) classify(f *Facts, d digest, now time.Time) (status, EventKind) {
	// Both comparisons always run, in constant time (SEC-53).
	current := subtle.ConstantTimeCompare(f.Digest[:], d[:]) == 1
	previous := subtle.ConstantTimeCompare(f.Previous[:], d[:]) == 1 && f.Previous != digest{}
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
