package filestore_test

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/docs/examples/filestore"
	"github.com/sojourn-go/sojourn/storetest"
)

// A program with sessions in a folder.
func Example() {
	if err := os.MkdirAll("sessions", 0o700); err != nil {
		log.Fatal(err)
	}
	root, err := os.OpenRoot("sessions")
	if err != nil {
		log.Fatal(err)
	}
	defer root.Close()
	m, err := sojourn.New(filestore.New(root, filestore.Config{}), sojourn.Config{})
	if err != nil {
		log.Fatal(err)
	}
	http.ListenAndServe("localhost:8080", m.Handler(http.DefaultServeMux))
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, func(tb testing.TB) sojourn.Store {
		return filestore.New(folder(tb), filestore.Config{})
	})
}

// A logout whose acknowledgement is lost has happened, and the client hears of an error all the same.
func TestLogout_withoutAnAcknowledgementEndsTheSession(t *testing.T) {
	lost := errors.New("connection reset")
	st := storetest.NewFaulty(filestore.New(folder(t), filestore.Config{}),
		storetest.AtCall(1, storetest.AfterCall(lost), storetest.OpDelete))
	m, err := sojourn.New(st, sojourn.Config{Observe: func(context.Context, sojourn.Event) {}})
	if err != nil {
		t.Fatal(err)
	}
	login := serve(m, "", func(s *sojourn.Session) { s.Login("42") })
	token := login.Header().Get("Set-Cookie")
	logout := serve(m, token, func(s *sojourn.Session) { s.Logout() })
	if logout.Code != http.StatusServiceUnavailable {
		t.Errorf("got status %d, want 503", logout.Code)
	}
	serve(m, token, func(s *sojourn.Session) {
		if s.Subject() != "" {
			t.Errorf("the session of %q is still there", s.Subject())
		}
	})
	if n := st.Count(storetest.OpDelete); n != 1 {
		t.Errorf("got %d calls of Delete, want 1: nothing is tried twice", n)
	}
}

func serve(m *sojourn.Manager, token string, f func(s *sojourn.Session)) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/", nil)
	if token != "" {
		cookie, _ := http.ParseSetCookie(token)
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { f(s) }).ServeHTTP(w, r)
	return w
}

// slow tells of loads that take long. It changes nothing, so it has Unwrap, and As finds the capabilities below.
type slow struct {
	sojourn.Store
	limit time.Duration
}

func (st slow) Unwrap() sojourn.Store { return st.Store }

func (st slow) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	began := time.Now()
	state, err := st.Store.Load(ctx, key)
	if took := time.Since(began); took > st.limit {
		slog.WarnContext(ctx, "slow session store", "session", key.ID(), "took", took)
	}
	return state, err
}

func TestAs_findsTheCapabilitiesBelowADecorator(t *testing.T) {
	var st sojourn.Store = slow{filestore.New(folder(t), filestore.Config{}), time.Second}
	if _, ok := sojourn.As[sojourn.Patcher](st); !ok {
		t.Error("As finds no Patcher")
	}
	if _, ok := sojourn.As[sojourn.SubjectIndex](st); ok {
		t.Error("As finds a SubjectIndex that nobody has")
	}
}
