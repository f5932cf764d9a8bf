package sojourn

import (
	"errors"
	"net/http"
)

// exchange is a visit over net/http, in one allocation with all it needs.
type exchange struct {
	visit    Visit
	ctx      visitContext
	response response
	next     *http.Request
}

// Handler wraps next so that [Load] works under it, and commits before the response's first byte. The session is loaded
// only if somebody asks for it. Under another Handler of the same manager it does nothing.
//
// Put http.MaxBytesHandler outside, which needs the server's own ResponseWriter, and http.TimeoutHandler inside: outside it
// would throw away the cookie of a session that was stored. Login, logout and every other change of state belong behind
// [http.CrossOriginProtection].
func (m *Manager) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, again := m.exchange(w, r)
		if x == nil {
			again(next)
			return
		}
		defer x.end()
		next.ServeHTTP(x.response.writer(), x.next)
		x.finish()
	})
}

// HandlerFunc is a handler that takes its session as an argument. The session is loaded before f runs; if that fails f
// does not run and Config.OnError answers. It needs no Handler around it, and shares the session with one that is.
func (m *Manager) HandlerFunc(f func(w http.ResponseWriter, r *http.Request, s *Session)) http.Handler {
	load := func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Load(r.Context())
		if err != nil {
			Error(w, r, err)
			return
		}
		f(w, r, s)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x, again := m.exchange(w, r)
		if x == nil {
			again(http.HandlerFunc(load))
			return
		}
		defer x.end()
		load(x.response.writer(), x.next)
		x.finish()
	})
}

var errSameName = errors.New("sojourn: two nested managers use the same cookie or header")

// exchange begins a visit. If there is none to begin, because the request is under this manager already or under another
// one of the same cookie, it returns nil and what to do instead.
func (m *Manager) exchange(w http.ResponseWriter, r *http.Request) (*exchange, func(http.Handler)) {
	ctx := r.Context()
	if outer, ok := ctx.Value(visitKey{m}).(*Visit); ok && outer != nil {
		return nil, func(next http.Handler) { next.ServeHTTP(w, r) }
	}
	outer, _ := ctx.Value(visitKey{}).(*Visit)
	if m.clashes(outer) {
		return nil, func(http.Handler) { m.cfg.OnError(w, r, errSameName) }
	}
	x := new(exchange)
	if outer != nil {
		x.response.outer = outer.response
	}
	x.visit.begin(m)
	x.visit.request = r
	x.ctx = visitContext{ctx, &x.visit}
	x.visit.response = &x.response
	x.next = r.WithContext(&x.ctx)
	x.response.begin(&x.visit, w, x.next)
	return x, nil
}

// clashes reports whether a manager around uses the same name: the two would take each other's token for their own.
func (m *Manager) clashes(outer *Visit) bool {
	for outer != nil {
		if outer.m.cfg.Header == m.cfg.Header && outer.m.transport() == m.transport() {
			return true
		}
		if outer.request == nil {
			return false
		}
		outer, _ = outer.request.Context().Value(visitKey{}).(*Visit)
	}
	return false
}

// finish commits what the handler left, if the response has not begun yet, and what came after its beginning.
func (x *exchange) finish() {
	x.response.finish()
	x.response.done = true
}

// end runs also when the handler panics: a logout holds, everything else is dropped. A handler that aborts, as a reverse
// proxy does, because its response was not the one that went out, must not cut off the answer that did; an OnError that
// aborts gave none.
func (x *exchange) end() {
	if !x.response.done {
		x.visit.Abandon()
	}
	if x.response.err != nil && !x.response.answering {
		if value := recover(); value != nil && value != http.ErrAbortHandler {
			panic(value)
		}
	}
}

// Error answers a request as Config.OnError of the innermost manager does: for handlers whose Load failed. What the
// handler put into the response header is dropped, and the answer is not cached. Without a manager it answers with an
// empty 500.
func Error(w http.ResponseWriter, r *http.Request, err error) {
	v, ok := r.Context().Value(visitKey{}).(*Visit)
	if !ok {
		answerError(w, r, err)
		return
	}
	switch x := v.response; {
	case x == nil:
	case !x.reaches(w):
		clear(w.Header())
		w.Header().Set("Cache-Control", "no-store")
		noted := &notingWriter{ResponseWriter: w}
		v.m.cfg.OnError(noted, r, err)
		if !noted.wrote {
			w.WriteHeader(http.StatusServiceUnavailable) // as response.finish has it
		}
		return
	default:
		if x.answering { // OnError itself asks for an answer
			answerError(w, r, err)
			return
		}
		x.fail()
	}
	v.m.cfg.OnError(w, r, err)
}

// notingWriter notes whether anything was written.
type notingWriter struct {
	http.ResponseWriter
	wrote bool
}

func (w *notingWriter) WriteHeader(code int) {
	w.wrote = w.wrote || code >= 200
	w.ResponseWriter.WriteHeader(code)
}

func (w *notingWriter) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}
