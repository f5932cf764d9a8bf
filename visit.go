package sojourn

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
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
	session Session
	logouts atomic.Bool // there was one: most visits need not look further

	mu      sync.Mutex
	loaded  bool // it and loadErr change under both locks
	loadErr error
	reply   func() string // the header that the client must be sent, nil if none; a function shows nothing to whoever prints it
	sent    bool
	read    bool

	loadCtx callContext
}

// Format prints nothing of the visit but its session's ID, under every verb.
func (v *Visit) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "sojourn.Visit("+v.session.ID().String()+")")
}

// Begin starts a visit. header returns the values of a request header: http.Header.Values, metadata.MD.Get. Begin does no
// I/O; Load does, once, if asked. Config.Label sees a request with no more than a User-Agent.
func (m *Manager) Begin(header func(name string) []string) *Visit {
	v := &Visit{header: header}
	v.begin(m)
	return v
}

func (v *Visit) begin(m *Manager) {
	v.m, v.began = m, m.now()
	v.session.v, v.session.pending = v, &m.nothing
}

// requestHeader returns the values of a request header; name is in its canonical form.
func (v *Visit) requestHeader(name string) []string {
	if v.request != nil {
		return v.request.Header[name] // not as a method value: it would cost each request an allocation
	}
	return v.header(name)
}

// Context returns ctx carrying v, for [Load] and [Manager.Load].
func (v *Visit) Context(ctx context.Context) context.Context { return &visitContext{ctx, v} }

// Load returns the session, from the store the first time, within Config.LoadTimeout. The error, if any, is a
// [*StoreError] and stays.
func (v *Visit) Load(ctx context.Context) (*Session, error) {
	v.mu.Lock()
	v.read = true
	loaded, err := v.loaded, v.loadErr
	v.mu.Unlock()
	if !loaded { // else a commit under way does not matter; it may even be waiting for us, in a Field's function
		v.io.Lock()
		defer v.io.Unlock()
		err = v.load(ctx)
	}
	if err != nil {
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
	err := v.resolve(call, &v.session)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.loaded, v.loadErr = true, err
	return err
}

// Sent tells v that the reply has left: changes that need another one are [ErrSent] from now on, and a Logout that another
// goroutine of the request has called since the last commit is stored.
func (v *Visit) Sent() {
	v.commitLogout() // while the client can still be told
	v.markSent()
	v.commitLogout()
}

func (v *Visit) markSent() {
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
	if s := v.held(); s != nil {
		s.mu.Lock()
		if s.pending.logout {
			s.pending = &plan{logout: true, target: s.pending.target}
		} else {
			s.pending = &v.m.nothing
		}
		s.mu.Unlock()
	}
	v.Sent()
}

// commitLogout stores a logout that nobody else would commit before the handler returns, and that may be hours.
func (v *Visit) commitLogout() {
	if !v.logouts.Load() {
		return
	}
	s := &v.session
	s.mu.Lock()
	logout := s.pending.logout
	s.mu.Unlock()
	if logout {
		_ = v.commit(v.context(), false) // a failure is an event
	}
}

// held is the session if it has been loaded; until then it belongs to the load that may be under way.
func (v *Visit) held() *Session {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.loaded {
		return nil
	}
	return &v.session
}

// context has the request's values, for work that nobody handed a context for.
func (v *Visit) context() context.Context {
	if v.request == nil {
		return context.Background()
	}
	return v.request.Context()
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
		r = &http.Request{Header: http.Header{"User-Agent": v.requestHeader("User-Agent")}}
	}
	return cleanLabel(v.m.cfg.Label(r))
}
