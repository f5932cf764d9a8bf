package sojourn

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// response is the http.ResponseWriter that handlers see. It commits at the commit point: the first of final WriteHeader,
// Write, ReadFrom, Flush, Hijack and return. If the commit fails, nothing that the handler wrote reaches the client.
//
// Cookie and caching headers enter the header map only then: an informational response would send them early, and
// http.ServeContent removes Cache-Control on its error path.
type response struct {
	visit *Visit
	w     http.ResponseWriter
	next  *http.Request
	outer *response // of another manager around, nil if there is none
	// header is the map of w, and before what was in it when the request came in, nil if nothing was.
	header, before http.Header

	begun     bool  // the commit point has passed
	failed    bool  // the answer is an error
	answering bool  // OnError is writing
	err       error // of the commit: the handler's own writes are dropped
	done      bool  // the handler returned, and did not panic
	hijacked  bool

	told bool // cookie has what the client is told, which may be nothing

	// inner is what managers inside have told the client about sessions of theirs that were stored. If it has reached our
	// header it goes out even if our own commit fails. They may run on while http.TimeoutHandler has answered for them.
	innerMu sync.Mutex
	inner   []pair

	cookie, cacheControl, vary [1]string // one allocation less each
}

func (x *response) begin(v *Visit, w http.ResponseWriter, next *http.Request) {
	x.visit, x.w, x.next, x.header = v, w, next, w.Header()
	if len(x.header) > 0 {
		x.before = x.header.Clone()
	}
}

// reaches reports whether what is put into w's header gets straight into ours. It does not where a writer between, such as
// that of http.TimeoutHandler, collects the response: what is written there is none of ours yet, and somebody else may be
// answering at this moment.
func (x *response) reaches(w http.ResponseWriter) bool {
	return reflect.ValueOf(w.Header()).Pointer() == reflect.ValueOf(x.header).Pointer()
}

// finish is the commit point of a handler that wrote nothing; of one that did, it stores what came later.
func (x *response) finish() {
	if !x.begun {
		if x.commit() && x.failed {
			x.w.WriteHeader(http.StatusServiceUnavailable) // OnError wrote nothing, and this is no 200
		}
		return
	}
	_ = x.visit.commit(x.next.Context(), false) // too late to tell the client; a failure is an event
}

// commit reports whether the handler's response may go on.
func (x *response) commit() bool {
	if x.answering {
		x.settle()
		return true
	}
	if err := x.visit.commit(x.next.Context(), true); err != nil {
		x.answer(err)
		return false
	}
	x.settle()
	return true
}

// settle makes the header final.
func (x *response) settle() {
	if x.begun {
		return
	}
	x.begun = true
	x.visit.Sent()
	x.dropForeign()
	x.visit.headers(x.failed, x.add)
}

// answer has OnError answer instead of the handler.
func (x *response) answer(err error) {
	x.fail()
	x.err, x.answering = err, true
	x.visit.m.cfg.OnError(x.writer(), x.next, err)
	if !x.begun {
		x.writeHeader(http.StatusServiceUnavailable)
	}
	x.answering = false
}

// fail drops what the handler put into the header: a cacheable 503 with somebody's Location and a wrong length harms more
// than the failure (attacks, item 7).
func (x *response) fail() {
	if x.begun {
		return
	}
	x.failed = true
	header := x.w.Header()
	inner := x.innerTold(header)
	clear(header)
	for name, values := range x.before {
		header[name] = slices.Clone(values)
	}
	for _, told := range inner {
		header.Add(told.name, told.text)
	}
}

// innerTold returns what managers inside have put into the header.
func (x *response) innerTold(header http.Header) []pair {
	x.innerMu.Lock()
	defer x.innerMu.Unlock()
	return slices.DeleteFunc(slices.Clone(x.inner), func(told pair) bool { return !slices.Contains(header[told.name], told.text) })
}

// note keeps what a manager inside tells the client.
func (x *response) note(told pair) {
	x.innerMu.Lock()
	defer x.innerMu.Unlock()
	x.inner = append(x.inner, told)
}

// add puts a header of ours beside the handler's.
func (x *response) add(name, value string) bool {
	header := x.w.Header()
	switch name {
	case "Cache-Control":
		if value == "private" && len(header[name]) > 0 {
			return true // the handler knows better what its own page may
		}
		if value == "no-store" {
			dropTargeted(header)
		}
		x.cacheControl[0] = value
		header[name] = x.cacheControl[:1:1]
	case "Vary":
		for _, line := range header[name] {
			for field := range strings.SplitSeq(line, ",") {
				if field = strings.TrimSpace(field); field == "*" || strings.EqualFold(field, value) {
					return true
				}
			}
		}
		if len(header[name]) == 0 {
			x.vary[0] = value
			header[name] = x.vary[:1:1]
			return true
		}
		header[name] = append(header[name], value)
	default:
		for outer := x.outer; outer != nil; outer = outer.outer {
			outer.note(pair{name, value})
		}
		x.cookie[0], x.told = value, true
		if name == "Set-Cookie" && len(header[name]) > 0 {
			header[name] = append(header[name], value)
			return true
		}
		header[name] = x.cookie[:1:1]
	}
	return true
}

// dropTargeted removes what shared caches would heed instead of Cache-Control (RFC 9213 §2.2): the field of all of them, those
// of one that end like it, and those from before there was a standard.
func dropTargeted(header http.Header) {
	for name := range header {
		switch {
		case strings.HasSuffix(name, "-Cache-Control"), name == "Surrogate-Control", name == "Edge-Control", name == "X-Accel-Expires":
			delete(header, name)
		}
	}
}

// dropForeign removes a cookie of our name that a handler or an upstream server set: it could only be a fixation, or a
// second one (RFC 6265bis §4.1.1, SEC-37). What we have told the client ourselves stays.
func (x *response) dropForeign() {
	m, header := x.visit.m, x.w.Header()
	ours := m.cfg.Header
	if ours == "" {
		ours = "Set-Cookie"
	}
	dropped := false
	for name, values := range header {
		if len(name) != len(ours) || !strings.EqualFold(name, ours) { // whoever bypasses Header.Set may spell it otherwise
			continue
		}
		if !slices.ContainsFunc(values, x.isForeign) {
			continue
		}
		values = slices.DeleteFunc(values, x.isForeign)
		dropped = true
		if header[name] = values; len(values) == 0 {
			delete(header, name)
		}
	}
	if dropped {
		m.observe(x.next.Context(), Event{Kind: EventForeignCookie})
	}
}

// isForeign reports whether a field's value takes the place of our token and is none of ours.
func (x *response) isForeign(value string) bool {
	if x.told && value == x.cookie[0] {
		return false
	}
	m := x.visit.m
	return m.cfg.Header != "" || m.cookie.isOurs(value)
}

// Header is that of the writer below. After a Hijack nothing of ours comes between it and the client any more, and it can be
// filled only now: httputil.ReverseProxy puts the header of an upstream server that switches protocols into it, asks for it
// once more, and writes that.
func (x *response) Header() http.Header {
	if x.hijacked {
		x.dropForeign()
	}
	return x.w.Header()
}

// Format prints nothing of the response: its header may hold a token.
func (x *response) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "sojourn.ResponseWriter") }

// Unwrap is for http.ResponseController: deadlines and full duplex are none of our business.
func (x *response) Unwrap() http.ResponseWriter { return x.w }

func (x *response) WriteHeader(code int) {
	if 100 <= code && code < 200 && code != http.StatusSwitchingProtocols {
		if !x.begun {
			x.dropForeign()
			x.w.WriteHeader(code) // informational: not final, and without a cookie
		}
		return
	}
	x.writeHeader(code)
}

func (x *response) writeHeader(code int) {
	if x.begun {
		if x.err == nil {
			x.w.WriteHeader(code) // superfluous: net/http says where
		}
		return
	}
	if x.commit() {
		x.w.WriteHeader(code)
	}
}

// ready passes the commit point and returns the error that forbids to write, if any.
func (x *response) ready() error {
	if !x.begun {
		x.commit()
	}
	if x.err != nil && !x.answering {
		return x.err
	}
	return nil
}

func (x *response) Write(b []byte) (int, error) {
	if err := x.ready(); err != nil {
		return 0, err
	}
	return x.w.Write(b)
}

func (x *response) WriteString(text string) (int, error) {
	if err := x.ready(); err != nil {
		return 0, err
	}
	return io.WriteString(x.w, text)
}

// ReadFrom keeps the server's way of sending a file without copying it.
func (x *response) ReadFrom(src io.Reader) (int64, error) {
	if err := x.ready(); err != nil {
		return 0, err
	}
	return io.Copy(x.w, src)
}

func (x *response) flush() error {
	if err := x.ready(); err != nil {
		return err
	}
	return http.NewResponseController(x.w).Flush()
}

// hijack commits first. Whoever takes the connection writes the response himself, so no cookie of ours can be in it.
func (x *response) hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !x.begun {
		x.visit.markSent()
	}
	if err := x.ready(); err != nil {
		return nil, nil, err
	}
	x.hijacked = true
	return http.NewResponseController(x.w).Hijack()
}

func (x *response) push(target string, opts *http.PushOptions) error {
	if pusher, ok := x.w.(http.Pusher); ok {
		return pusher.Push(target, opts)
	}
	return http.ErrNotSupported
}

// writer returns x as a type that offers what the writer below can do, and no more. Each is one pointer, so none costs an
// allocation.
func (x *response) writer() http.ResponseWriter {
	_, pushes := x.w.(http.Pusher)
	flushes := offers[http.Flusher](x.w) || offers[interface{ FlushError() error }](x.w)
	hijacks := offers[http.Hijacker](x.w)
	switch {
	case flushes && hijacks && pushes:
		return flushHijackPushWriter{x}
	case flushes && hijacks:
		return flushHijackWriter{x}
	case flushes && pushes:
		return flushPushWriter{x}
	case hijacks && pushes:
		return hijackPushWriter{x}
	case flushes:
		return flushWriter{x}
	case hijacks:
		return hijackWriter{x}
	case pushes:
		return pushWriter{x}
	}
	return x
}

// offers reports whether w, or a writer below it, is a T: an http.ResponseController would find that one, past us.
func offers[T any](w http.ResponseWriter) bool {
	for {
		if _, ok := w.(T); ok {
			return true
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return false
		}
		w = wrapper.Unwrap()
	}
}

type (
	flushWriter           struct{ *response }
	hijackWriter          struct{ *response }
	pushWriter            struct{ *response }
	flushHijackWriter     struct{ *response }
	flushPushWriter       struct{ *response }
	hijackPushWriter      struct{ *response }
	flushHijackPushWriter struct{ *response }
)

func (w flushWriter) Flush()                      { _ = w.flush() }
func (w flushWriter) FlushError() error           { return w.flush() }
func (w flushHijackWriter) Flush()                { _ = w.flush() }
func (w flushHijackWriter) FlushError() error     { return w.flush() }
func (w flushPushWriter) Flush()                  { _ = w.flush() }
func (w flushPushWriter) FlushError() error       { return w.flush() }
func (w flushHijackPushWriter) Flush()            { _ = w.flush() }
func (w flushHijackPushWriter) FlushError() error { return w.flush() }

func (w hijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error)          { return w.hijack() }
func (w flushHijackWriter) Hijack() (net.Conn, *bufio.ReadWriter, error)     { return w.hijack() }
func (w hijackPushWriter) Hijack() (net.Conn, *bufio.ReadWriter, error)      { return w.hijack() }
func (w flushHijackPushWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

func (w pushWriter) Push(target string, opts *http.PushOptions) error { return w.push(target, opts) }
func (w flushPushWriter) Push(target string, opts *http.PushOptions) error {
	return w.push(target, opts)
}
func (w hijackPushWriter) Push(target string, opts *http.PushOptions) error {
	return w.push(target, opts)
}
func (w flushHijackPushWriter) Push(target string, opts *http.PushOptions) error {
	return w.push(target, opts)
}
