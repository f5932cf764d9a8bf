package sojourn_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
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

// http.TimeoutHandler collects what its handler writes, and answers by itself when the time is up: an error told under it
// drops what it collected, and touches nothing that the answer may be using.
func TestError_underATimeoutHandler_isItsAnswerAlone(t *testing.T) {
	for name, tt := range map[string]struct {
		onError func(http.ResponseWriter, *http.Request, error)
		code    int
		body    string
	}{
		"default":  {nil, http.StatusServiceUnavailable, ""},
		"silent":   {func(http.ResponseWriter, *http.Request, error) {}, http.StatusServiceUnavailable, ""},
		"wordless": {func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }, http.StatusBadGateway, ""},
		"in words": {func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "sorry")
		}, http.StatusBadGateway, "sorry"},
	} {
		a := newApp(t, sojourn.Config{OnError: tt.onError})
		a.spy.fail(errDriver, "load")
		inner := func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", "of the page")
			w.Header().Set("Cache-Control", "public")
			_, err := sojourn.Load(r.Context())
			if err == nil {
				t.Error("got no error of a store that fails")
				return
			}
			sojourn.Error(w, r, err)
		}
		outer := a.m.Handler(http.TimeoutHandler(http.HandlerFunc(inner), time.Minute, "too slow"))
		got := newBrowser(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Outer", "stays")
			outer.ServeHTTP(w, r)
		})).get("/", withCookie(hostID+"="+unknownToken))
		if got.StatusCode != tt.code || got.body != tt.body {
			t.Errorf("%s: got %d %q, want %d %q", name, got.StatusCode, got.body, tt.code, tt.body)
		}
		if got.Header.Get("ETag") != "" || got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("X-Outer") != "stays" {
			t.Errorf("%s: got %v, want an answer that is not stored and has nothing of the page", name, got.Header)
		}
	}
}

func TestError_whileATimeoutHandlerAnswers_touchesNothing(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.spy.fail(errDriver, "load")
	for range 20 {
		late := make(chan struct{})
		inner := func(w http.ResponseWriter, r *http.Request) {
			defer close(late)
			_, err := sojourn.Load(r.Context())
			<-r.Context().Done() // the time is up, and the answer on its way
			sojourn.Error(w, r, err)
		}
		h := a.m.Handler(http.TimeoutHandler(http.HandlerFunc(inner), time.Millisecond, "too slow"))
		newBrowser(t, h).get("/", withCookie(hostID+"="+unknownToken)).want(t, 503, "too slow")
		<-late
	}
}

// An OnError that cuts the connection gave no answer, and net/http must not give an empty 200 for it.
func TestOnError_thatAborts_cutsTheConnection(t *testing.T) {
	m := newManager(t, memstore.New(memstore.Config{}), sojourn.Config{MaxSize: 10,
		OnError: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }})
	server := httptest.NewServer(m.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
		s.Set("order", "more than ten bytes")
		_, _ = io.WriteString(w, "your order was taken")
	}))
	defer server.Close()
	if got, err := server.Client().Get(server.URL); err == nil {
		t.Errorf("got %s, want the connection cut", got.Status)
		got.Body.Close()
	}
}

// A client that sends its request again presents the new token, so it is told to.
func TestError_renewed_asksForAnotherTry(t *testing.T) {
	for err, want := range map[error]string{sojourn.ErrRenewed: "1", sojourn.ErrEnded: ""} {
		w := httptest.NewRecorder()
		sojourn.Error(w, httptest.NewRequest("GET", "/", nil), err)
		if got := w.Header().Get("Retry-After"); w.Code != http.StatusConflict || got != want {
			t.Errorf("%v: got %d with Retry-After %q, want 409 with %q", err, w.Code, got, want)
		}
	}
}
