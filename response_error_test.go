package sojourn_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/sojourn-go/sojourn"
)

func TestOnError_writingNothing_isA503(t *testing.T) {
	for _, failing := range []string{"load", "update"} {
		st := newRigStore()
		r := newRig(t, st, sojourn.Config{OnError: func(http.ResponseWriter, *http.Request, error) {}})
		token := r.do("", func(s *sojourn.Session) { s.Set("a", 1) })
		st.before = func(_ context.Context, op string) error {
			if op == failing {
				return errors.New("down")
			}
			return nil
		}
		request := httptest.NewRequest("GET", "/", nil)
		request.Header.Set(rigHeader, token)
		answer := httptest.NewRecorder()
		r.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Set("a", 2) }).ServeHTTP(answer, request)
		if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s fails: got %d with Cache-Control %q, want a 503 that is not stored", failing, answer.Code, answer.Header().Get("Cache-Control"))
		}
	}
}

func TestOnError_afterAFailedCommit_findsTheSession(t *testing.T) {
	st := newRigStore()
	r := newRig(t, st, sojourn.Config{OnError: func(w http.ResponseWriter, r *http.Request, err error) {
		s, loadErr := sojourn.Load(r.Context())
		if loadErr != nil {
			t.Fatal(loadErr)
		}
		w.WriteHeader(http.StatusTeapot)
		if s.Subject() != "alice" {
			t.Errorf("got subject %q, want alice", s.Subject())
		}
		s.Login("mallory")
		if err := s.Commit(r.Context()); !errors.Is(err, sojourn.ErrSent) {
			t.Errorf("got %v of a login after the header, want ErrSent", err)
		}
	}})
	token := r.do("", func(s *sojourn.Session) { s.Login("alice") })
	st.before = func(_ context.Context, op string) error {
		if op == "update" {
			return errors.New("down")
		}
		return nil
	}
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set(rigHeader, token)
	answer := httptest.NewRecorder()
	r.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Set("a", 2) }).ServeHTTP(answer, request)
	if answer.Code != http.StatusTeapot || answer.Header().Get(rigHeader) != "" {
		t.Errorf("got %d with token %q, want OnError's answer without one", answer.Code, answer.Header().Get(rigHeader))
	}
}
