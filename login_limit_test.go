package sojourn_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// silentTrim is a store whose TrimSubject never answers.
type silentTrim struct{ *memstore.Store }

func (s silentTrim) TrimSubject(ctx context.Context, _, _ string, _ int, _ sojourn.ID) ([]sojourn.ID, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A login whose limit could not be held is taken back although the time for the commit is over: otherwise the subject
// keeps a session over the limit that nobody has a token of, and the visitor's token is refused.
func TestLogin_limitTimesOut_isTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := silentTrim{memstore.New(memstore.Config{})}
		m, err := sojourn.New(st, sojourn.Config{MaxSessions: 1, Timeout: time.Second, Observe: func(context.Context, sojourn.Event) {}})
		if err != nil {
			t.Fatal(err)
		}
		v := m.Begin(http.Header{}.Values)
		s, err := v.Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s.Login("ada")
		reply, err := v.Commit(t.Context())
		if err == nil {
			t.Error("the limit could not be held, but the commit succeeded")
		}
		for name, value := range reply.Headers() {
			if name == "Set-Cookie" {
				t.Errorf("a login that failed sets a cookie of %d bytes", len(value))
			}
		}
		if all, err := m.Sessions(t.Context(), "ada"); err != nil || len(all) > 0 {
			t.Errorf("got %d sessions of the subject, %v, want none", len(all), err)
		}
	})
}
