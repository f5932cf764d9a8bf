package sojourn_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// Attacks, items 17 and 18: unbounded values, and records that cannot be read.

func TestLimits_ofOneSession(t *testing.T) {
	big := func(n int) string { return strings.Repeat("a", n-2) } // with its quotes, n bytes
	for _, tt := range []struct {
		name string
		cfg  sojourn.Config
		act  func(s *sojourn.Session)
		fits bool
	}{
		{"size, exactly", sojourn.Config{MaxSize: 100}, func(s *sojourn.Session) { s.Set("name", big(96)) }, true},
		{"size, one more", sojourn.Config{MaxSize: 100}, func(s *sojourn.Session) { s.Set("name", big(97)) }, false},
		{"default size, exactly", sojourn.Config{}, func(s *sojourn.Session) { s.Set("name", big(64<<10-4)) }, true},
		{"default size, one more", sojourn.Config{}, func(s *sojourn.Session) { s.Set("name", big(64<<10-3)) }, false},
		{"names, exactly", sojourn.Config{}, setNames(256), true},
		{"names, one more", sojourn.Config{}, setNames(257), false},
	} {
		for _, how := range []string{"create", "patch", "login"} {
			t.Run(tt.name+"/"+how, func(t *testing.T) {
				a := newApp(t, tt.cfg)
				a.does("/small", func(s *sojourn.Session) { s.Set("old", 1); s.Remove("old"); s.Login("42") })
				a.does("/act", tt.act)
				a.does("/login", func(s *sojourn.Session) { s.Login("42"); tt.act(s) })
				a.on("/len", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { fmt.Fprint(w, s.Values().Len() > 0) })
				b := a.browser(t)
				path := "/act"
				switch how {
				case "patch":
					b.get("/small")
				case "login":
					path = "/login"
				}
				code, kept := 200, "true"
				if !tt.fits {
					code, kept = 500, "false"
				}
				b.get(path).want(t, code, "")
				b.get("/len").want(t, 200, kept)
			})
		}
	}
}

func setNames(n int) func(s *sojourn.Session) {
	return func(s *sojourn.Session) {
		for i := range n {
			s.Set(fmt.Sprint("n", i), 1)
		}
	}
}

func TestLimits_ofNames(t *testing.T) {
	for _, name := range []string{"", "a\x00", "\xff", strings.Repeat("a", 256)} {
		a := newApp(t, sojourn.Config{})
		a.does("/set", func(s *sojourn.Session) { s.Set(name, 1) })
		a.does("/update", func(s *sojourn.Session) { sojourn.Field[int](name).Update(s, increment) })
		a.does("/field", func(s *sojourn.Session) { sojourn.Field[int](name).Set(s, 1) })
		a.does("/absent", func(s *sojourn.Session) {
			s.Remove(name)
			if s.Has(name) {
				t.Errorf("%q: got Has true", name)
			}
		})
		for _, path := range []string{"/set", "/update", "/field"} {
			if got := a.browser(t).get(path); got.StatusCode != 500 {
				t.Errorf("%s of %q: got %d, want 500", path, name, got.StatusCode)
			}
		}
		a.browser(t).get("/absent").want(t, 200, "")
		a.spy.wantCalls(t)
	}
	a := newApp(t, sojourn.Config{})
	longest := strings.Repeat("é", 127) + "a"
	a.does("/", func(s *sojourn.Session) { s.Set(longest, 1) })
	a.browser(t).get("/").want(t, 200, "")
}

// A hundred parallel patches, each within the limit: the limit holds inside the atomic patch, and the session stays
// loadable. What was over the limit before may shrink.
func TestLimits_holdAgainstParallelPatches(t *testing.T) {
	for _, tt := range []struct {
		name  string
		store func(st sojourn.Store) sojourn.Store
	}{
		{"Patcher", func(st sojourn.Store) sojourn.Store { return st }},
		{"five methods", func(st sojourn.Store) sojourn.Store { return fiveMethods{st} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			clock := newClock()
			st := memstore.New(memstore.Config{Now: clock.Now})
			a := newAppOver(t, newSpy(tt.store(st)), clock, sojourn.Config{})
			a.does("/seed", func(s *sojourn.Session) { s.Set("x", 1) })
			a.on("/put/{n}", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
				s.Set(r.PathValue("n"), strings.Repeat("a", 60_000))
			})
			a.does("/shrink", func(s *sojourn.Session) { s.Clear() })
			b := a.browser(t)
			b.get("/seed")
			var kept sync.Map
			var wg sync.WaitGroup
			for i := range 100 {
				wg.Go(func() {
					switch got := b.clone().get(fmt.Sprint("/put/", i)); got.StatusCode {
					case 200:
						kept.Store(i, true)
					case 500:
					default:
						t.Errorf("got %d, want 200 or 500", got.StatusCode)
					}
				})
			}
			wg.Wait()
			n := 0
			for range kept.Range {
				n++
			}
			if n != 1 {
				t.Errorf("got %d values of 60,000 bytes kept, want 1", n)
			}
			b.get("/shrink").want(t, 200, "")
		})
	}
}

// A limit that was tightened: the session can be read and shrink, and grow no more.
func TestLimits_tightened(t *testing.T) {
	clock := newClock()
	spy := newSpy(memstore.New(memstore.Config{Now: clock.Now}))
	before, after := newAppOver(t, spy, clock, sojourn.Config{}), newAppOver(t, spy, clock, sojourn.Config{MaxNames: 3})
	before.does("/", setNames(10))
	after.does("/less", func(s *sojourn.Session) { s.Remove("n1", "n2") })
	after.does("/same", func(s *sojourn.Session) { s.Remove("n3"); s.Set("other", 1) })
	after.does("/renew", func(s *sojourn.Session) { s.Remove("n4"); s.Renew() })
	after.does("/renew-more", func(s *sojourn.Session) { s.Set("n11", 1); s.Renew() })
	b := before.browser(t)
	b.get("/")
	b.handler = after
	b.get("/less").want(t, 200, "")
	b.get("/same").want(t, 500, "")
	b.get("/renew").want(t, 200, "")
	b.get("/renew-more").want(t, 500, "")
}

// Item 17: a damaged record is no outage. The visitor is anonymous, the record stays, a login works.
func TestRecord_corrupt(t *testing.T) {
	a, alice, _ := tokenApp(t, sojourn.Config{})
	a.spy.hook(func(op string, key sojourn.Key) error {
		if op == "load" {
			return fmt.Errorf("row 7: %w", sojourn.ErrCorrupt)
		}
		return nil
	})
	b := a.browser(t)
	b.cookies[hostID] = alice
	got := b.get("/who")
	got.want(t, 200, "")
	got.wantNoCookie(t)
	a.spy.wantCalls(t, "load")
	a.log.wantEvents(t, sojourn.EventCorrupt)
	if c := b.get("/login/alice").cookie(hostID); c == nil {
		t.Error("got no cookie of a login over a corrupt record")
	}
	a.spy.wantCalls(t, "load", "save")
	a.spy.hook(nil)
	b.get("/who").want(t, 200, "alice")
}

// Item 18: a record of a newer release is an outage for this node: never overwritten, deleted, or taken for nobody.
func TestRecord_newer(t *testing.T) {
	a, alice, _ := tokenApp(t, sojourn.Config{})
	a.spy.fail(sojourn.ErrNewer, "load")
	b := a.browser(t)
	b.cookies[hostID] = alice
	for _, path := range []string{"/who", "/change", "/login/alice", "/logout"} {
		got := b.get(path)
		got.want(t, 503, "")
		got.wantNoCookie(t)
		a.spy.wantCalls(t, "load")
	}
	id := sojourn.NewID()
	if err := a.m.End(t.Context(), id); !errors.Is(err, sojourn.ErrNewer) {
		t.Errorf("End: got %v, want ErrNewer", err)
	}
	a.spy.wantCalls(t, "load")
}

// Item 12: on a store of five methods too, removing beats a parallel write of something else; facts cannot be rolled back.
func TestLostUpdate_removalIsNotUndone(t *testing.T) {
	clock := newClock()
	spy := newSpy(fiveMethods{memstore.New(memstore.Config{Now: clock.Now})})
	a := newAppOver(t, spy, clock, sojourn.Config{})
	a.does("/grant", func(s *sojourn.Session) { s.Set("elevated", true); s.Set("x", 0) })
	a.on("/has", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		fmt.Fprint(w, s.Has("elevated"), s.Has("y"))
	})
	a.does("/drop", func(s *sojourn.Session) { s.Remove("elevated") })
	b := a.browser(t)
	other := a.browser(t)
	a.does("/write", func(s *sojourn.Session) {
		s.Set("y", 1)
		other.get("/drop").want(t, 200, "") // between this request's load and its commit
	})
	b.get("/grant")
	other.cookies = b.cookies
	b.get("/write").want(t, 200, "")
	b.get("/has").want(t, 200, "false true")
}

// Item 24: no name of the application's is one of ours.
func TestNames_neverReachFacts(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	names := []string{
		"subject", "Subject", "realm", "deadline", "Deadline", "generation", "digest", "_v", "version", "ttl", "facts", "values", "id",
		"a.b", "a[0]", "$", `"]`, `a"`, "a\\", "*", "}{", "..", "/", " ", "\t", "\r\n", "\u202e", "__proto__", "%s", "a'--", "é", "e\u0301",
	}
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.does("/set", func(s *sojourn.Session) {
		for i, name := range names {
			s.Set(name, i)
		}
	})
	a.does("/look", func(s *sojourn.Session) {
		if s.Subject() != "42" || s.Facts().Realm != "id" || s.Values().Len() != len(names) {
			t.Errorf("got %q of realm %q with %d values", s.Subject(), s.Facts().Realm, s.Values().Len())
		}
		for i, name := range names {
			var n int
			if ok, err := s.Get(name, &n); !ok || err != nil || n != i {
				t.Errorf("%q: got %d, %v, %v, want %d", name, n, ok, err, i)
			}
		}
	})
	b := a.browser(t)
	b.get("/login")
	before, _ := a.m.Sessions(t.Context(), "42")
	b.get("/set")
	b.get("/look")
	after, _ := a.m.Sessions(t.Context(), "42")
	if after[0].Facts != before[0].Facts {
		t.Errorf("got facts %v, want %v as before", after[0].Facts, before[0].Facts)
	}
}

// A store that answers after its time, and one that conflicts for ever, end in time (item 25: a bound, not a count).
func TestTimeout_hostileStores(t *testing.T) {
	for _, tt := range []struct {
		name string
		hook func(op string, _ sojourn.Key) error
		path string
		code int
	}{
		{"conflicts for ever", conflictOn("patch"), "/change", 503},
		{"conflicts with every login", conflictOn("update"), "/login/alice", 200}, // saved beside, under a new ID
		{"conflicts with every renewal", conflictOn("update"), "/renew", 503},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // pauses cost no time, and the machine's load is no matter
				a, alice, _ := tokenApp(t, sojourn.Config{Timeout: 100 * time.Millisecond})
				a.spy.hook(tt.hook)
				begun := time.Now()
				b := a.browser(t)
				b.cookies[hostID] = alice
				if got := b.get(tt.path); got.StatusCode != tt.code {
					t.Errorf("got %d, want %d", got.StatusCode, tt.code)
				}
				if took := time.Since(begun); took > 110*time.Millisecond {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func conflictOn(op string) func(string, sojourn.Key) error {
	return func(called string, _ sojourn.Key) error {
		if called == op {
			return sojourn.ErrConflict
		}
		return nil
	}
}

// hangingStore does not answer before its context ends.
type hangingStore struct{ sojourn.Store }

func (hangingStore) Load(ctx context.Context, _ sojourn.Key) (sojourn.State, error) {
	<-ctx.Done()
	return sojourn.State{}, ctx.Err()
}

func (hangingStore) Save(ctx context.Context, _ sojourn.State, _ time.Duration) (sojourn.Key, error) {
	<-ctx.Done()
	return sojourn.Key{}, ctx.Err()
}

func (hangingStore) ListSubject(ctx context.Context, _, _ string) ([]sojourn.Entry, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hangingStore) DeleteSubject(ctx context.Context, _, _ string, _ sojourn.ID) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func (hangingStore) TrimSubject(ctx context.Context, _, _ string, _ int, _ sojourn.ID) ([]sojourn.ID, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hangingStore) List(ctx context.Context, _ string, _ int) ([]sojourn.Entry, string, error) {
	<-ctx.Done()
	return nil, "", ctx.Err()
}

// What a server does for itself, often in a handler whose context has no deadline, ends in time as well.
func TestTimeout_hangingStore_managersOwnWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // a call that has no limit is a deadlock here
		m := newManager(t, hangingStore{}, sojourn.Config{Observe: new(eventLog).observe})
		ctx := context.Background()
		for name, call := range map[string]func() error{
			"Sessions":     func() error { _, err := m.Sessions(ctx, "42"); return err },
			"Revoke":       func() error { return m.Revoke(ctx, "42", sojourn.NewID()) },
			"RevokeOthers": func() error { _, err := m.RevokeOthers(ctx, "42", sojourn.NewID()); return err },
			"RevokeAll":    func() error { _, err := m.RevokeAll(ctx, "42"); return err },
			"End":          func() error { return m.End(ctx, sojourn.NewID()) },
			"All": func() error {
				for _, err := range m.All(ctx) {
					return err
				}
				return nil
			},
		} {
			begun := time.Now()
			if err := call(); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v, want %v", name, err, context.DeadlineExceeded)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("%s took %v", name, took)
			}
		}
	})
}

func TestTimeout_hangingStore(t *testing.T) {
	m := newManager(t, hangingStore{}, sojourn.Config{Timeout: 20 * time.Millisecond, LoadTimeout: 20 * time.Millisecond, Observe: new(eventLog).observe})
	b := newBrowser(t, m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { s.Set("x", 1) }))
	b.get("/").want(t, 503, "")
	b.get("/", withCookie(hostID+"="+unknownToken)).want(t, 503, "")
}
