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
