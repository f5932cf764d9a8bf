package sojourn_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

func TestObserve_askingForTheSession_doesNotWaitForItself(t *testing.T) {
	asked := 0
	r := newRig(t, newRigStore(), sojourn.Config{Observe: func(ctx context.Context, _ sojourn.Event) {
		asked++
		if _, err := sojourn.Load(ctx); !errors.Is(err, sojourn.ErrNoManager) {
			t.Errorf("got %v, want ErrNoManager", err)
		}
	}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		v := r.Begin(func(string) []string { return []string{"forged"} })
		ctx := v.Context(context.Background())
		s, err := sojourn.Load(ctx)
		if err != nil {
			t.Error(err)
			return
		}
		s.Set("a", 1)
		if _, err := v.Commit(ctx); err != nil {
			t.Error(err)
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the request waits for itself")
	}
	if asked != 2 {
		t.Errorf("got %d events, want that of the forged token and that of the new session", asked)
	}
}

func TestLoad_afterAPanicOfTheStore_isNoEmptySession(t *testing.T) {
	st := newRigStore()
	r := newRig(t, st, sojourn.Config{})
	token := r.do("", func(s *sojourn.Session) { s.Set("a", 1) })
	v := r.Begin(func(string) []string { return []string{token} })
	st.before = func(context.Context, string) error { panic("store") }
	func() {
		defer func() { _ = recover() }()
		_, _ = v.Load(t.Context())
		t.Error("the store's panic was swallowed")
	}()
	st.before = nil
	if s, err := v.Load(t.Context()); err == nil && !s.Has("a") {
		t.Error("got an empty session, want the client's own or an error")
	}
}

func TestVisit_printed_showsNoToken(t *testing.T) {
	r := newRig(t, newRigStore(), sojourn.Config{})
	v, s := r.open("")
	s.Set("a", 1)
	token, err := r.close(v)
	if err != nil || token == "" {
		t.Fatal(token, err)
	}
	type holder struct {
		v *sojourn.Visit
		s *sojourn.Session
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, x := range []any{v, s, holder{v, s}, &holder{v, s}} {
			text := fmt.Sprintf(verb, x)
			if strings.Contains(text, token) || strings.Contains(text, fmt.Sprintf("%x", token)) {
				t.Errorf("%s of a %T shows the token", verb, x)
			}
		}
	}
}

// A goroutine of the request loads for the first time while the reply leaves or the visit is abandoned; a client that presents
// two live sessions has the load begin the session anew.
func TestVisit_sentBesideAFirstLoad(t *testing.T) {
	r := newRig(t, newRigStore(), sojourn.Config{})
	one := r.do("", func(s *sojourn.Session) { s.Set("a", 1) })
	two := r.do("", func(s *sojourn.Session) { s.Set("a", 2) })
	for range 500 {
		v := r.Begin(func(name string) []string {
			if name == rigHeader {
				return []string{one, two}
			}
			return nil
		})
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = v.Load(t.Context()) })
		for range 20 {
			v.Sent()
			v.Abandon()
		}
		wg.Wait()
	}
}
