package sojourn_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Many at once: nobody sees anybody else's, and nothing stays behind. SEC-85, SEC-92, SEC-93.

func TestUsers_inParallel_seeOnlyTheirOwn(t *testing.T) {
	a := newApp(t, sojourn.Config{Label: (*http.Request).UserAgent})
	a.on("/login/{who}", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { s.Login(r.PathValue("who")) })
	a.on("/page", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		n := visits.Update(s, increment)
		sojourn.Field[string]("canary").Set(s, strings.Repeat(s.Subject(), n%7+1))
		fmt.Fprint(w, s.Subject(), " ", s.Values().Get("canary"), " ", s.Facts().Label)
	})
	const users, pages = 32, 40
	var wg sync.WaitGroup
	for i := range users {
		wg.Go(func() {
			me := fmt.Sprintf("user%03d", i)
			agent := func(r *http.Request) { r.Header.Set("User-Agent", me+"'s browser") }
			b := a.browser(t)
			b.get("/login/"+me, agent)
			for range pages {
				got := b.get("/page", agent)
				if rest := strings.ReplaceAll(got.body, me, ""); got.StatusCode != 200 || strings.Contains(rest, "user") {
					t.Errorf("%s: got %d %q", me, got.StatusCode, got.body)
				}
				if i%8 == 0 {
					runtime.GC()
				}
			}
		})
	}
	wg.Wait()
}

// The goroutines of one request share its session: each reads what it set, and the response keeps all of it.
func TestSession_isSafeForTheGoroutinesOfOneRequest(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	const n = 16
	a.on("/", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				own := sojourn.Field[int](fmt.Sprint("own", i))
				for k := range 20 {
					own.Set(s, k)
					if got, ok := own.Get(s); !ok || got != k {
						t.Errorf("got %d, %v, want %d", got, ok, k)
					}
					visits.Update(s, increment)
					_, _, _, _ = s.Values().Len(), s.Facts(), s.ID(), s.String()
				}
				if i%4 == 0 {
					if err := s.Commit(r.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
	})
	a.does("/look", func(s *sojourn.Session) {
		if count, _ := visits.Get(s); count != 20*n || s.Values().Len() != n+1 {
			t.Errorf("got %d increments and %d values, want %d and %d", count, s.Values().Len(), 20*n, n+1)
		}
	})
	b := a.browser(t)
	b.get("/").want(t, 200, "")
	b.get("/look")
}

// When Run and the streams have ended, no goroutine of theirs is left.
func TestRun_leavesNothingBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	a := newApp(t, sojourn.Config{Recheck: 10 * time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 3)
	for range cap(ran) {
		go func() { ran <- a.m.Run(ctx) }()
	}
	a.on("/", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		if s.IsNew() {
			s.Login("42")
			return
		}
		for range 10 {
			s.Context(ctx) // and never told that nobody needs it any more
		}
	})
	b := a.browser(t)
	b.get("/")
	b.get("/").want(t, 200, "")
	stop()
	for range cap(ran) {
		if err := <-ran; err != context.Canceled {
			t.Errorf("Run: got %v, want context.Canceled", err)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left of %d", runtime.NumGoroutine(), before)
		}
	}
}
