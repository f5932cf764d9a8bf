package sealstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/sealstore"
)

// Rotation as the package comment has it: add last, deploy, promote, deploy, wait, remove. At every step nodes of before and
// after serve the same sessions in turn, by every method that writes.
func TestRotation_endsNoSession(t *testing.T) {
	older, newer := randomSecret(1), randomSecret(2)
	phases := [][][]byte{{older}, {older, newer}, {newer, older}, {newer}}
	engine := memstore.New(memstore.Config{})
	node := func(secrets [][]byte) *sealstore.Store {
		return newStore(t, engine, sealstore.Config{Secrets: secrets})
	}
	first := node(phases[0])
	key, idle := save(t, first, state("n", `0`, "v", `"kept"`)), save(t, first, state("v", `"idle"`))
	n := 0
	for i := range len(phases) - 1 {
		if i == len(phases)-2 {
			// Before the last step every session has been changed as a whole, here by hand.
			for _, k := range []sojourn.Key{key, idle} {
				st := node(phases[i])
				update(t, st, k, load(t, st, k))
			}
		}
		from, to := node(phases[i]), node(phases[i+1])
		for range 6 {
			for _, st := range []*sealstore.Store{from, to} {
				patch(t, st, key, sojourn.Patch{
					Generation: 1, MaxSize: 64 << 10,
					Expect: values("n", fmt.Sprint(n)), Set: values("n", fmt.Sprint(n+1)),
				})
				n++
				s := load(t, st, key)
				if s.Values != values("n", fmt.Sprint(n), "v", `"kept"`) {
					t.Fatalf("phase %d: got %v = %s, want %d", i, s.Values, s.Values.Get("n"), n)
				}
				if i < len(phases)-2 {
					update(t, st, key, s)
				}
				if got := load(t, st, idle).Values; got != values("v", `"idle"`) {
					t.Errorf("phase %d: got %v of a session that nobody changes", i, got)
				}
			}
		}
	}
}

// app is one node with a manager over HTTP.
type app struct {
	http.Handler
	act  func(s *sojourn.Session)
	errs []error
}

func newApp(t *testing.T, st sojourn.Store) *app {
	t.Helper()
	a := &app{}
	m, err := sojourn.New(st, sojourn.Config{
		OnError: func(w http.ResponseWriter, _ *http.Request, err error) {
			a.errs = append(a.errs, err)
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		Observe: func(context.Context, sojourn.Event) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	a.Handler = m.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sojourn.Session) { a.act(s) })
	return a
}

func (a *app) do(cookie string, act func(s *sojourn.Session)) *http.Response {
	r := httptest.NewRequest("POST", "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	a.act = act
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w.Result()
}

func cookieOf(resp *http.Response) string {
	pair, _, _ := strings.Cut(resp.Header.Get("Set-Cookie"), ";")
	return pair
}

// A node that was forgotten when a secret was promoted fails its requests. It logs nobody out, and once it has the secret
// all is as before. A revoked secret makes visitors, who can log in again.
func TestRotation_nodeWithoutTheSecretLosesNothing(t *testing.T) {
	engine := memstore.New(memstore.Config{})
	newer := newApp(t, newStore(t, engine, sealstore.Config{Secrets: [][]byte{randomSecret(2), randomSecret(1)}}))
	forgotten := newApp(t, newStore(t, engine, sealstore.Config{}))
	cookie := cookieOf(newer.do("", func(s *sojourn.Session) {
		s.Login("42")
		s.Set("v", "kept")
	}))
	subject := func(a *app) (resp *http.Response, subject, value string) {
		resp = a.do(cookie, func(s *sojourn.Session) {
			subject = s.Subject()
			value, _ = sojourn.Field[string]("v").Get(s)
			s.Set("seen", true)
		})
		return resp, subject, value
	}
	for range 3 {
		resp, who, _ := subject(forgotten)
		if resp.StatusCode != http.StatusServiceUnavailable || cookieOf(resp) != "" || who != "" {
			t.Errorf("got %d, cookie %q, subject %q, want 503 and the cookie untouched", resp.StatusCode, cookieOf(resp), who)
		}
	}
	var failure *sojourn.StoreError
	if !errors.As(forgotten.errs[0], &failure) || !errors.Is(failure, sojourn.ErrNewer) {
		t.Errorf("got %v, want a StoreError of %v", forgotten.errs[0], sojourn.ErrNewer)
	}
	given := newApp(t, newStore(t, engine, sealstore.Config{Secrets: [][]byte{randomSecret(1), randomSecret(2)}}))
	for _, a := range []*app{given, newer} {
		if resp, who, value := subject(a); resp.StatusCode != http.StatusOK || who != "42" || value != "kept" {
			t.Errorf("got %d, %q of %q, want what was there", resp.StatusCode, value, who)
		}
	}

	revoking := newApp(t, newStore(t, engine, sealstore.Config{Secrets: [][]byte{randomSecret(3)}, Revoked: [][]byte{randomSecret(2), randomSecret(1)}}))
	if resp, who, _ := subject(revoking); resp.StatusCode != http.StatusOK || who != "" {
		t.Errorf("got %d and subject %q under a revoked secret, want a visitor", resp.StatusCode, who)
	}
	resp := revoking.do(cookie, func(s *sojourn.Session) { s.Login("42") })
	if resp.StatusCode != http.StatusOK || cookieOf(resp) == "" {
		t.Errorf("got %d for a login over it", resp.StatusCode)
	}
}

// Sealing that begins while sessions live, step by step, with nodes of each step beside those of the one before; and back.
func TestClear_beginsAndEndsNoSession(t *testing.T) {
	for _, backwards := range []bool{false, true} {
		engine := memstore.New(memstore.Config{})
		steps := []sojourn.Store{engine}
		for _, mode := range []sealstore.Clear{sealstore.ClearWritten, sealstore.ClearOpened, sealstore.ClearRefused} {
			steps = append(steps, newStore(t, engine, sealstore.Config{Clear: mode}))
		}
		if backwards {
			for i := range len(steps) / 2 {
				steps[i], steps[len(steps)-1-i] = steps[len(steps)-1-i], steps[i]
			}
		}
		key, n := save(t, steps[0], state("n", `0`)), 0
		for i := range len(steps) - 1 {
			for range 4 {
				for _, st := range steps[i : i+2] {
					s := load(t, st, key)
					if got := s.Values.Get("n"); got != fmt.Sprint(n) {
						t.Fatalf("backwards %v, step %d: got %s, want %d", backwards, i, got, n)
					}
					n++
					if n%3 == 0 {
						s.Values = values("n", fmt.Sprint(n))
						update(t, st, key, s)
						continue
					}
					p, _ := sojourn.As[sojourn.Patcher](st)
					patch(t, p, key, sojourn.Patch{Generation: 1, MaxSize: 1000, Expect: s.Values, Set: values("n", fmt.Sprint(n))})
				}
			}
			// The longest lifetime passes: what is stored now is of this step.
			last := load(t, steps[i+1], key)
			update(t, steps[i+1], key, last)
		}
	}
}

func TestClear_saysWhatIsWritten(t *testing.T) {
	for _, tt := range []struct {
		mode   sealstore.Clear
		opens  error // of a value in clear
		sealed bool
	}{
		{sealstore.ClearRefused, sojourn.ErrCorrupt, true},
		{sealstore.ClearOpened, nil, true},
		{sealstore.ClearWritten, nil, false},
	} {
		engine := newPlain(time.Now)
		st := newStore(t, engine, sealstore.Config{Clear: tt.mode})
		wantLoad(t, st, save(t, engine, state("a", `1`)), fmt.Sprintf("mode %d, a value in clear", tt.mode), tt.opens)
		stored := below(t, engine, save(t, st, state("a", `"private"`))).Values.Get("a")
		if sealed := !strings.Contains(stored, "private"); sealed != tt.sealed {
			t.Errorf("mode %d: stored %q", tt.mode, stored)
		}
		wantLoad(t, st, save(t, newStore(t, engine, sealstore.Config{}), state("a", `1`)), fmt.Sprintf("mode %d, a sealed value", tt.mode), nil)
	}
}
