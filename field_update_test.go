package sojourn_test

import (
	"context"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

func TestFieldUpdate_withoutARace_callsTheFunctionOnce(t *testing.T) {
	onEachKind(t, sojourn.Config{}, func(t *testing.T, _ *rigStore, r rig) {
		const serial = sojourn.Field[int]("serial")
		calls := 0
		next := func(int) int { calls++; return 100 + calls }
		token := ""
		for request := 1; request <= 2; request++ {
			var shown int
			token = r.do(token, func(s *sojourn.Session) { shown = serial.Update(s, next) })
			r.do(token, func(s *sojourn.Session) {
				if got, _ := serial.Get(s); got != shown || calls != request {
					t.Errorf("request %d: stored %d after %d calls, want %d, which the handler saw", request, got, calls, shown)
				}
			})
		}
	})
}

func TestFieldUpdate_chainedAndOvertaken_runsAllAgain(t *testing.T) {
	onEachKind(t, sojourn.Config{}, func(t *testing.T, _ *rigStore, r rig) {
		const n = sojourn.Field[int]("n")
		token := r.do("", func(s *sojourn.Session) { n.Set(s, 1) })
		v, s := r.open(token)
		n.Update(s, func(n int) int { return n + 1 })
		n.Update(s, func(n int) int { return n * 10 })
		r.do(token, func(s *sojourn.Session) { n.Set(s, 4) })
		if _, err := r.close(v); err != nil {
			t.Fatal(err)
		}
		r.do(token, func(s *sojourn.Session) {
			if got, _ := n.Get(s); got != 50 {
				t.Errorf("got %d, want (4+1)*10", got)
			}
		})
	})
}

// overtaken commits an Update of n that another request has overtaken, and calls during while its function runs again.
func overtaken(t *testing.T, r rig, token string, during func(s *sojourn.Session)) (*sojourn.Visit, *sojourn.Session) {
	t.Helper()
	const n = sojourn.Field[int]("n")
	again, goOn, done := make(chan struct{}), make(chan struct{}), make(chan error)
	v, s := r.open(token)
	n.Update(s, func(n int) int {
		if n == 10 {
			close(again)
			<-goOn
		}
		return n + 1
	})
	r.do(token, func(s *sojourn.Session) { n.Set(s, 10) })
	go func() { done <- s.Commit(context.Background()) }()
	<-again
	during(s)
	close(goOn)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return v, s
}

func TestFieldUpdate_whileItRunsAgain_leavesOtherChangesAlone(t *testing.T) {
	onEachKind(t, sojourn.Config{}, func(t *testing.T, _ *rigStore, r rig) {
		const n, other = sojourn.Field[int]("n"), sojourn.Field[string]("other")
		token := r.do("", func(s *sojourn.Session) { n.Set(s, 1) })
		v, _ := overtaken(t, r, token, func(s *sojourn.Session) { other.Set(s, "text") })
		if _, err := r.close(v); err != nil {
			t.Fatal(err)
		}
		r.do(token, func(s *sojourn.Session) {
			count, _ := n.Get(s)
			if text, _ := other.Get(s); count != 11 || text != "text" {
				t.Errorf("got %d and %q, want 11 and the other goroutine's text", count, text)
			}
		})
	})
}

func TestFieldUpdate_whileItRunsAgain_leavesClearAlone(t *testing.T) {
	onEachKind(t, sojourn.Config{}, func(t *testing.T, _ *rigStore, r rig) {
		token := r.do("", func(s *sojourn.Session) {
			s.Set("n", 1)
			s.Set("x", 1)
		})
		v, s := overtaken(t, r, token, func(s *sojourn.Session) { s.Clear() })
		if s.Values().Len() != 0 {
			t.Errorf("cleared, and still %v", s.Values())
		}
		s.Set("x", 1)
		if _, err := r.close(v); err != nil {
			t.Fatal(err)
		}
		r.do(token, func(s *sojourn.Session) {
			if got := s.Values().String(); got != "[x]" {
				t.Errorf("got %s, want what was set after Clear", got)
			}
		})
	})
}

// A function that looks at the session by its context, as helpers of an application do, must not wait for the commit that
// waits for it.
func TestFieldUpdate_whoseFunctionLoads_doesNotWaitForItself(t *testing.T) {
	r := newRig(t, newRigStore(), sojourn.Config{})
	token := r.do("", func(s *sojourn.Session) { s.Login("alice"); s.Set("n", 1) })
	v, s := r.open(token)
	ctx := v.Context(t.Context())
	calls := 0
	sojourn.Field[int]("n").Update(s, func(n int) int {
		calls++
		me, err := sojourn.Load(ctx)
		if err != nil || me.Subject() != "alice" {
			t.Errorf("got %v, %v, want alice's session", me, err)
		}
		return n + 1
	})
	r.do(token, func(s *sojourn.Session) { s.Set("n", 10) })
	done := make(chan error)
	go func() {
		_, err := r.close(v)
		done <- err
	}()
	select {
	case err := <-done:
		if _, s := r.open(token); err != nil || calls != 2 || s.Values().Get("n") != "11" {
			t.Errorf("got %v after %d calls, n = %s, want 11 after two", err, calls, s.Values().Get("n"))
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the commit waits for itself")
	}
}

func TestField_Remove(t *testing.T) {
	r := newRig(t, newRigStore(), sojourn.Config{})
	n := sojourn.Field[int]("n")
	token := r.do("", func(s *sojourn.Session) { n.Set(s, 1); s.Set("other", 2) })
	r.do(token, func(s *sojourn.Session) { n.Remove(s); n.Remove(s) })
	_, s := r.open(token)
	if _, ok := n.Get(s); ok || !s.Has("other") {
		t.Errorf("got %v, want the other value alone", s.Values())
	}
}
