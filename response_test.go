package sojourn_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// The ResponseWriter that handlers see: it offers what the server's does and no more, and commits at the right moment.

type (
	plainWriter struct{ http.ResponseWriter }
	flushing    struct{}
	flushErring struct{}
	hijacking   struct{}
	pushing     struct{}
	wrapping    struct{ inner http.ResponseWriter }
	onlyFlush   struct {
		plainWriter
		flushing
	}
	onlyFlushErr struct {
		plainWriter
		flushErring
	}
	onlyHijack struct {
		plainWriter
		hijacking
	}
	onlyPush struct {
		plainWriter
		pushing
	}
	flushHijack struct {
		plainWriter
		flushing
		hijacking
	}
	flushPush struct {
		plainWriter
		flushing
		pushing
	}
	hijackPush struct {
		plainWriter
		hijacking
		pushing
	}
	everything struct {
		plainWriter
		flushing
		hijacking
		pushing
	}
	wrapped struct {
		plainWriter
		wrapping
	}
)

func (flushing) Flush()               {}
func (flushErring) FlushError() error { return errDriver }
func (hijacking) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, errDriver
}
func (pushing) Push(string, *http.PushOptions) error { return errDriver }
func (w wrapping) Unwrap() http.ResponseWriter       { return w.inner }

func TestWriter_offersWhatTheServerDoes(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	for _, tt := range []struct {
		name                   string
		wrap                   func(w http.ResponseWriter) http.ResponseWriter
		flush, hijacks, pushes bool
	}{
		{"nothing", func(w http.ResponseWriter) http.ResponseWriter { return plainWriter{w} }, false, false, false},
		{"Flush", func(w http.ResponseWriter) http.ResponseWriter { return onlyFlush{plainWriter: plainWriter{w}} }, true, false, false},
		{"FlushError", func(w http.ResponseWriter) http.ResponseWriter { return onlyFlushErr{plainWriter: plainWriter{w}} }, true, false, false},
		{"Hijack", func(w http.ResponseWriter) http.ResponseWriter { return onlyHijack{plainWriter: plainWriter{w}} }, false, true, false},
		{"Push", func(w http.ResponseWriter) http.ResponseWriter { return onlyPush{plainWriter: plainWriter{w}} }, false, false, true},
		{"Flush, Hijack", func(w http.ResponseWriter) http.ResponseWriter { return flushHijack{plainWriter: plainWriter{w}} }, true, true, false},
		{"Flush, Push", func(w http.ResponseWriter) http.ResponseWriter { return flushPush{plainWriter: plainWriter{w}} }, true, false, true},
		{"Hijack, Push", func(w http.ResponseWriter) http.ResponseWriter { return hijackPush{plainWriter: plainWriter{w}} }, false, true, true},
		{"all", func(w http.ResponseWriter) http.ResponseWriter { return everything{plainWriter: plainWriter{w}} }, true, true, true},
		{"all, below two wrappers", func(w http.ResponseWriter) http.ResponseWriter {
			inner := everything{plainWriter: plainWriter{w}}
			return wrapped{plainWriter{w}, wrapping{wrapped{plainWriter{w}, wrapping{inner}}}}
		}, true, true, false}, // a Push is not looked for below: net/http has no controller for it
		{"nothing, below a wrapper", func(w http.ResponseWriter) http.ResponseWriter {
			return wrapped{plainWriter{w}, wrapping{plainWriter{w}}}
		}, false, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := a.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, flush := w.(http.Flusher)
				_, flushErr := w.(interface{ FlushError() error })
				_, hijacks := w.(http.Hijacker)
				_, pushes := w.(http.Pusher)
				if flush != tt.flush || flushErr != tt.flush || hijacks != tt.hijacks || pushes != tt.pushes {
					t.Errorf("got Flush %v, FlushError %v, Hijack %v, Push %v", flush, flushErr, hijacks, pushes)
				}
				if p, ok := w.(http.Pusher); ok && p.Push("/a.css", nil) != errDriver {
					t.Error("Push did not reach the server's writer")
				}
				rc := http.NewResponseController(w)
				if _, _, err := rc.Hijack(); errors.Is(err, http.ErrNotSupported) == tt.hijacks {
					t.Errorf("controller: Hijack: got %v", err)
				}
				if err := rc.Flush(); errors.Is(err, http.ErrNotSupported) == tt.flush {
					t.Errorf("controller: Flush: got %v", err)
				}
				if err := rc.SetReadDeadline(time.Now()); !errors.Is(err, http.ErrNotSupported) {
					t.Errorf("controller: SetReadDeadline: got %v", err)
				}
			}))
			h.ServeHTTP(tt.wrap(httptest.NewRecorder()), httptest.NewRequest("GET", "/", nil))
		})
	}
}

// The commit point is the first of final WriteHeader, Write, WriteString, ReadFrom, Flush and return: before it no store
// call and no header, after it the cookie is there and changes that need one come too late.
func TestWriter_commitPoint(t *testing.T) {
	for name, write := range map[string]func(w http.ResponseWriter){
		"WriteHeader": func(w http.ResponseWriter) { w.WriteHeader(201) },
		"Write":       func(w http.ResponseWriter) { w.Write([]byte("x")) },
		"empty Write": func(w http.ResponseWriter) { w.Write(nil) },
		"WriteString": func(w http.ResponseWriter) { io.WriteString(w, "x") },
		"ReadFrom":    func(w http.ResponseWriter) { io.Copy(w, io.LimitReader(strings.NewReader("x"), 1)) },
		"Flush":       func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"FlushError":  func(w http.ResponseWriter) { http.NewResponseController(w).Flush() },
		"return":      nil,
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, sojourn.Config{})
			a.on("/", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
				s.Set("x", 1)
				a.spy.wantCalls(t)
				if len(w.Header()) > 0 {
					t.Errorf("got header %v before the commit point", w.Header())
				}
				if write == nil {
					return
				}
				write(w)
				a.spy.wantCalls(t, "save")
				s.Set("y", 1) // needs no cookie: kept
				s.Renew()     // needs one
				if err := s.Commit(r.Context()); err != sojourn.ErrSent {
					t.Errorf("got %v, want ErrSent", err)
				}
				s.Set("z", 1)
			})
			a.on("/show", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { fmt.Fprint(w, s.Values()) })
			b := a.browser(t)
			got := b.get("/")
			if len(got.setCookies()) != 1 {
				t.Fatalf("got Set-Cookie %q, want one", got.setCookies())
			}
			want := "[x z]"
			if write == nil {
				want = "[x]"
			}
			b.get("/show").want(t, 200, want)
		})
	}
}

// A failed commit: neither the handler's status nor a byte of its body gets out, by whichever way it writes.
func TestWriter_failedCommit(t *testing.T) {
	for name, write := range map[string]func(w http.ResponseWriter) error{
		"WriteHeader": func(w http.ResponseWriter) error { w.WriteHeader(201); w.WriteHeader(202); return errDriver },
		"Write":       func(w http.ResponseWriter) error { _, err := w.Write([]byte("secret")); return err },
		"WriteString": func(w http.ResponseWriter) error { _, err := io.WriteString(w, "secret"); return err },
		"ReadFrom": func(w http.ResponseWriter) error {
			_, err := io.Copy(w, io.LimitReader(strings.NewReader("secret"), 6))
			return err
		},
		"FlushError": func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
		"Flush":      func(w http.ResponseWriter) error { w.(http.Flusher).Flush(); return errDriver },
		"1xx after":  func(w http.ResponseWriter) error { w.Write(nil); w.WriteHeader(103); return errDriver },
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			a := newApp(t, sojourn.Config{OnError: func(w http.ResponseWriter, r *http.Request, err error) {
				asked++
				w.Header().Set("X-Custom", "yes")
				w.WriteHeader(502)
				io.WriteString(w, "sorry")
			}})
			a.spy.fail(errDriver, "save")
			a.on("/", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
				s.Set("x", 1)
				w.Header().Set("ETag", "of the page")
				if err := write(w); !errors.Is(err, errDriver) {
					t.Errorf("got %v, want the commit's error", err)
				}
				if _, err := io.WriteString(w, "more"); !errors.Is(err, errDriver) {
					t.Errorf("got %v writing on, want the commit's error", err)
				}
			})
			got := a.browser(t).get("/")
			got.want(t, 502, "sorry")
			if got.Header.Get("ETag") != "" || got.Header.Get("X-Custom") != "yes" || got.Header.Get("Cache-Control") != "no-store" || asked != 1 {
				t.Errorf("got %v and OnError %d times", got.Header, asked)
			}
			got.wantNoCookie(t)
		})
	}
}

// An OnError that writes nothing is a 503 all the same.
func TestWriter_silentOnError(t *testing.T) {
	a := newApp(t, sojourn.Config{OnError: func(http.ResponseWriter, *http.Request, error) {}})
	a.spy.fail(errDriver, "save")
	a.does("/", func(s *sojourn.Session) { s.Set("x", 1) })
	a.browser(t).get("/").want(t, 503, "")
}

// A panic before the commit point stores nothing and sends no cookie; one after it undoes nothing.
func TestWriter_panics(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/before", func(s *sojourn.Session) { s.Set("x", 1); panic("before") })
	a.on("/after", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Set("x", 1)
		fmt.Fprint(w, "begun")
		s.Set("y", 1)
		panic("after")
	})
	for path, want := range map[string]string{"/before": "[]", "/after": "[x]"} {
		w := httptest.NewRecorder()
		func() {
			defer func() {
				if got := recover(); got != path[1:] {
					t.Errorf("got panic %v, want the handler's own", got)
				}
			}()
			a.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		}()
		values := "[]"
		for e := range a.m.All(t.Context()) {
			state, _ := a.spy.Load(t.Context(), e.ID.Key())
			values = state.Values.String()
			a.m.End(t.Context(), e.ID)
		}
		if sent := w.Header().Get("Set-Cookie") != ""; values != want || sent != (path == "/after") {
			t.Errorf("%s: got values %s and a cookie: %v", path, values, sent)
		}
	}
}

// http.ServeContent takes Cache-Control away on its error path: ours enters the header only afterwards.
func TestWriter_serveContentError(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.on("/{what}", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if r.PathValue("what") == "create" {
			s.Set("x", 1)
		}
		http.ServeContent(w, r, "a.txt", time.Unix(1e9, 0), bytes.NewReader([]byte("content")))
	})
	for path, want := range map[string]string{"/create": "no-store", "/read": "private"} {
		for header, code := range map[string]int{"bytes=99-": 416, "bytes=0-1": 206} {
			got := a.browser(t).get(path, func(r *http.Request) { r.Header.Set("Range", header) })
			if got.StatusCode != code || got.Header.Get("Cache-Control") != want {
				t.Errorf("%s: got %d %v, want %d and %s", path, got.StatusCode, got.Header, code, want)
			}
		}
		got := a.browser(t).get(path, func(r *http.Request) {
			r.Header.Set("If-Modified-Since", time.Unix(2e9, 0).UTC().Format(http.TimeFormat))
		})
		if got.StatusCode != 304 || got.Header.Get("Cache-Control") != want || got.Header.Get("Vary") != "Cookie" {
			t.Errorf("%s: got %d %v, want 304 and %s", path, got.StatusCode, got.Header, want)
		}
	}
}

// The client has left: what the handler did is kept, because a commit does not stop half-way.
func TestWriter_clientGone(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	ctx, leave := context.WithCancel(t.Context())
	a.does("/set", func(s *sojourn.Session) { s.Set("x", 1); leave() })
	a.on("/show", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { fmt.Fprint(w, s.Values()) })
	b := a.browser(t)
	b.get("/login")
	b.get("/set", func(r *http.Request) { *r = *r.WithContext(ctx) }).want(t, 200, "")
	b.get("/show").want(t, 200, "[x]")
	// It has left before the load: there is no session to be had.
	b.get("/show", func(r *http.Request) { *r = *r.WithContext(ctx) }).want(t, 503, "")
}

// A periodic renewal is not for a client that has left: it would never get the new secret.
func TestWriter_noRenewalForAClientThatLeft(t *testing.T) {
	a := newApp(t, sojourn.Config{Lifetime: sojourn.Lifetime{Renew: 5 * time.Minute}})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	ctx, leave := context.WithCancel(t.Context())
	a.does("/slow", func(s *sojourn.Session) { leave() })
	a.on("/who", who)
	b := a.browser(t)
	b.get("/login")
	a.clock.advance(6 * time.Minute)
	b.get("/slow", func(r *http.Request) { *r = *r.WithContext(ctx) }).wantNoCookie(t)
	a.on("/sent", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { w.WriteHeader(200) })
	if b.get("/who").cookie(hostID) == nil {
		t.Error("got no renewal of a client that is there")
	}
	b.get("/who").want(t, 200, "42")
}

// http.TimeoutHandler belongs inside: its answer commits the session like any other.
func TestWriter_timeoutHandlerInside(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := sojourn.Load(r.Context())
		if err != nil {
			t.Error(err)
			return
		}
		s.Set("x", 1)
		if r.URL.Path == "/slow" {
			<-r.Context().Done()
		}
		io.WriteString(w, "done")
	})
	h := a.m.Handler(http.TimeoutHandler(slow, 50*time.Millisecond, "too slow"))
	serve(h, httptest.NewRequest("GET", "/fast", nil)).want(t, 200, "done")
	got := serve(h, httptest.NewRequest("GET", "/slow", nil))
	got.want(t, 503, "too slow")
	if len(got.setCookies()) != 1 {
		t.Errorf("got Set-Cookie %q, want that of the session that was stored", got.setCookies())
	}
}
