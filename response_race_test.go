package sojourn_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// The response begins while another goroutine of its handler changes the secret: the client gets the new one, or the
// change is refused.
func TestCommit_besideTheFirstByte_losesNoToken(t *testing.T) {
	const rounds = 2000 // before Sent waited for a commit under way, one in some thousands lost its token
	r := newRig(t, newRigStore(), sojourn.Config{})
	token := r.do("", func(s *sojourn.Session) { s.Set("a", 0) })
	for round := range rounds {
		request := httptest.NewRequest("GET", "/", nil)
		request.Header.Set(rigHeader, token)
		answer := httptest.NewRecorder()
		r.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
			var wg sync.WaitGroup
			defer wg.Wait()
			s.Set("a", round)
			wg.Go(func() {
				s.Renew()
				_ = s.Commit(context.Background()) // ErrSent, if it came too late
			})
			w.WriteHeader(http.StatusOK)
		}).ServeHTTP(answer, request)
		if next := answer.Result().Header.Get(rigHeader); next != "" {
			token = next
		} else if _, s := r.open(token); s.IsNew() {
			t.Fatalf("round %d: the secret changed, and the response does not say so", round)
		}
	}
}
