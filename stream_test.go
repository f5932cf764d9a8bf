package sojourn_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// Attacks, item 31: streams that outlive the session (SEC-49). Time is that of testing/synctest.

// stream is a request that stays: it holds a context of its session, and tells when that ended and why.
type stream struct {
	m      *sojourn.Manager
	store  sojourn.Store
	cookie string
	id     sojourn.ID
	begun  time.Time
	ctx    context.Context
	stop   context.CancelFunc
}

// openStream logs in and opens a stream, in a synctest bubble. wrap may hide what the store can do.
func openStream(t *testing.T, cfg sojourn.Config, wrap func(st sojourn.Store) sojourn.Store) *stream {
	t.Helper()
	st := sojourn.Store(memstore.New(memstore.Config{}))
	if wrap != nil {
		st = wrap(st)
	}
	cfg.Observe = func(context.Context, sojourn.Event) {}
	x := &stream{m: newManager(t, st, cfg), store: st}
	x.cookie = x.request(t, "", func(s *sojourn.Session) { s.Login("42") })
	x.request(t, x.cookie, func(s *sojourn.Session) {
		x.id, x.begun = s.ID(), time.Now()
		x.ctx, x.stop = s.Context(t.Context())
	})
	t.Cleanup(x.stop)
	return x
}

// request runs f on the session of cookie and returns the cookie afterwards.
func (x *stream) request(t *testing.T, cookie string, f func(s *sojourn.Session)) string {
	t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", hostID+"="+cookie)
	}
	got := serve(x.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { f(s) }), r)
	if c := got.cookie(hostID); c != nil {
		return c.Value
	}
	return cookie
}

// wantEnd waits for the stream's end, which must come after at least and at most so long, of a session that ended.
func (x *stream) wantEnd(t *testing.T, least, most time.Duration) {
	t.Helper()
	from := time.Now()
	select {
	case <-x.ctx.Done():
	case <-time.After(2*most + time.Second):
		t.Errorf("the stream goes on after %v", 2*most)
		return
	}
	if took := time.Since(from); took < least || took > most {
		t.Errorf("the stream ended after %v, want %v to %v", took, least, most)
	}
	if cause := context.Cause(x.ctx); !errors.Is(cause, sojourn.ErrEnded) {
		t.Errorf("got cause %v, want ErrEnded", cause)
	}
}

func (x *stream) wantAlive(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-x.ctx.Done():
		t.Errorf("the stream ended of %v", context.Cause(x.ctx))
	case <-time.After(d):
	}
}

// without hides the Watcher, and all else that is no method of Store.
func without(st sojourn.Store) sojourn.Store { return fiveMethods{st} }

func TestStream_revokedElsewhere(t *testing.T) {
	for _, tt := range []struct {
		name string
		wrap func(st sojourn.Store) sojourn.Store
		run  bool
		most time.Duration
	}{
		{"the store cannot push", without, true, 30 * time.Second},
		{"nobody listens", nil, false, 30 * time.Second},
		{"the store pushes", nil, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := openStream(t, sojourn.Config{}, tt.wrap)
				if tt.run {
					ctx, stop := context.WithCancel(t.Context())
					done := make(chan error)
					go func() { done <- x.m.Run(ctx) }()
					defer func() { stop(); <-done }()
				}
				x.wantAlive(t, 10*time.Minute)
				other := newManager(t, x.store, sojourn.Config{}) // another node: it knows nothing of our streams
				if err := other.End(t.Context(), x.id); err != nil {
					t.Fatal(err)
				}
				x.wantEnd(t, 0, tt.most)
			})
		})
	}
}

func TestStream_endedByThisProcess(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, x *stream) error{
		"End":       func(t *testing.T, x *stream) error { return x.m.End(t.Context(), x.id) },
		"Revoke":    func(t *testing.T, x *stream) error { return x.m.Revoke(t.Context(), "42", x.id) },
		"RevokeAll": func(t *testing.T, x *stream) error { _, err := x.m.RevokeAll(t.Context(), "42"); return err },
		"RevokeOthers": func(t *testing.T, x *stream) error {
			_, err := x.m.RevokeOthers(t.Context(), "42", sojourn.NewID())
			return err
		},
		"Logout": func(t *testing.T, x *stream) error { x.request(t, x.cookie, (*sojourn.Session).Logout); return nil },
		"Renew":  func(t *testing.T, x *stream) error { x.request(t, x.cookie, (*sojourn.Session).Renew); return nil },
		"Login": func(t *testing.T, x *stream) error {
			x.request(t, x.cookie, func(s *sojourn.Session) { s.Login("42") })
			return nil
		},
		"Login of another": func(t *testing.T, x *stream) error {
			x.request(t, x.cookie, func(s *sojourn.Session) { s.Login("43") })
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := openStream(t, sojourn.Config{}, nil)
				x.wantAlive(t, time.Minute)
				if err := end(t, x); err != nil {
					t.Fatal(err)
				}
				x.wantEnd(t, 0, time.Millisecond)
			})
		})
	}
}

// Others' ends are not ours, and neither are changes and periodic renewals.
func TestStream_goesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := openStream(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: 24 * time.Hour, Absolute: week, Renew: 5 * time.Minute}}, nil)
		if _, err := x.m.RevokeAll(t.Context(), "43"); err != nil {
			t.Fatal(err)
		}
		if _, err := x.m.RevokeOthers(t.Context(), "42", x.id); err != nil {
			t.Fatal(err)
		}
		x.request(t, x.cookie, func(s *sojourn.Session) { s.Set("x", 1) })
		x.wantAlive(t, 6*time.Minute)
		if renewed := x.request(t, x.cookie, func(*sojourn.Session) {}); renewed == x.cookie {
			t.Error("got no renewal: the test shows nothing")
		}
		x.wantAlive(t, time.Hour)
		x.stop()
		if cause := context.Cause(x.ctx); cause != context.Canceled {
			t.Errorf("got cause %v after stopping, want context.Canceled", cause)
		}
	})
}

// Expiry without any traffic is seen on time, and an open stream is no use.
func TestStream_expires(t *testing.T) {
	for _, tt := range []struct {
		name string
		life sojourn.Lifetime
	}{
		{"idle", sojourn.Lifetime{Idle: 7 * time.Minute, Absolute: week}},
		{"deadline", sojourn.Lifetime{Idle: 7 * time.Minute, Absolute: 7 * time.Minute}},
	} {
		for name, wrap := range map[string]func(sojourn.Store) sojourn.Store{"push": nil, "no push": without} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					x := openStream(t, sojourn.Config{Lifetime: tt.life, Extend: sojourn.ExtendOnRequest}, wrap)
					x.wantEnd(t, 7*time.Minute-time.Second, 7*time.Minute+10*time.Millisecond)
				})
			})
		}
	}
}

// Other requests of the session are use, and the stream learns of it.
func TestStream_livesByOtherRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := openStream(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: 10 * time.Minute, Absolute: week}}, without)
		for range 5 {
			x.wantAlive(t, 9*time.Minute)
			x.request(t, x.cookie, func(*sojourn.Session) {})
		}
		x.wantEnd(t, 9*time.Minute, 10*time.Minute+time.Second)
	})
}

// While the store is down a stream lives for as long as was known before, no longer.
func TestStream_storeDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var spy *spyStore
		x := openStream(t, sojourn.Config{Lifetime: sojourn.Lifetime{Idle: 10 * time.Minute, Absolute: week}}, func(st sojourn.Store) sojourn.Store {
			spy = newSpy(fiveMethods{st})
			return spy
		})
		spy.fail(errDriver)
		x.wantEnd(t, 10*time.Minute-2*time.Second, 10*time.Minute+2*time.Second)
	})
}

// The connection to the store's notifications is lost while the session ends: the re-check finds out.
func TestStream_lostWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &breakableWatcher{lost: make(chan struct{})}
		x := openStream(t, sojourn.Config{}, func(st sojourn.Store) sojourn.Store {
			w.Store = st
			return w
		})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- x.m.Run(ctx) }()
		defer func() { stop(); <-done }()
		x.wantAlive(t, time.Minute)
		close(w.lost) // and every later Watch fails as well
		x.wantAlive(t, time.Second)
		if err := newManager(t, x.store, sojourn.Config{}).End(t.Context(), x.id); err != nil {
			t.Fatal(err)
		}
		x.wantEnd(t, 0, 30*time.Second)
	})
}

// breakableWatcher is a watcher that listens, hears nothing, and loses its connection.
type breakableWatcher struct {
	sojourn.Store
	lost chan struct{}
}

func (w *breakableWatcher) Watch(ctx context.Context, notify func(sojourn.ID)) error {
	select {
	case <-w.lost:
		return errDriver
	default:
	}
	notify(sojourn.ID{})
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-w.lost:
		return errDriver
	}
}

// A session that is not stored has nothing to end.
func TestStream_ofANewSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := openStream(t, sojourn.Config{}, nil)
		x.request(t, "", func(s *sojourn.Session) {
			parent, cancel := context.WithCancelCause(t.Context())
			ctx, stop := s.Context(parent)
			defer stop()
			time.Sleep(time.Hour)
			if ctx.Err() != nil {
				t.Errorf("got %v, want it to go on", context.Cause(ctx))
			}
			cause := errors.New("parent's")
			cancel(cause)
			<-ctx.Done()
			if got := context.Cause(ctx); got != cause {
				t.Errorf("got cause %v, want the parent's", got)
			}
		})
	})
}

// A request's own Logout ends its stream at commit; its own Login and Renew do not.
func TestStream_ownChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := openStream(t, sojourn.Config{}, nil)
		x.request(t, x.cookie, func(s *sojourn.Session) {
			ctx, stop := s.Context(t.Context())
			defer stop()
			for _, change := range []func(){s.Renew, func() { s.Login("42") }} {
				change()
				if err := s.Commit(t.Context()); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Minute)
				if ctx.Err() != nil {
					t.Fatalf("got %v, want one's own change of the secret to end nothing", context.Cause(ctx))
				}
			}
			s.Logout()
			if err := s.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if cause := context.Cause(ctx); !errors.Is(cause, sojourn.ErrEnded) {
				t.Errorf("got cause %v after one's own Logout, want ErrEnded", cause)
			}
		})
	})
}
