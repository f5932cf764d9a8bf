package sojourn_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

func TestExtendOnRequest_withoutAReader_leavesCachingAlone(t *testing.T) {
	st := newRigStore()
	r := newRig(t, st, sojourn.Config{Extend: sojourn.ExtendOnRequest})
	token := r.do("", func(s *sojourn.Session) { s.Set("a", 1) })
	_, s := r.open(token)
	st.age(s.ID(), time.Hour)
	request := httptest.NewRequest("GET", "/", nil)
	request.Header.Set(rigHeader, token)
	answer := httptest.NewRecorder()
	r.Handler(http.NotFoundHandler()).ServeHTTP(answer, request)
	if st.count("touch") != 1 {
		t.Errorf("got %d calls of UpdateTTL, want 1", st.count("touch"))
	}
	if h := answer.Header(); h.Get("Vary") != "" || h.Get("Cache-Control") != "" {
		t.Errorf("got Vary %q and Cache-Control %q on a page that did not read the session", h.Get("Vary"), h.Get("Cache-Control"))
	}
}

func TestExtendOnChange_periodicRenewal_isNoChange(t *testing.T) {
	now := time.Now()
	st := newRigStore()
	r := newRig(t, st, sojourn.Config{
		Extend: sojourn.ExtendOnChange, Now: func() time.Time { return now },
		Lifetime: sojourn.Lifetime{Idle: time.Hour, Renew: 5 * time.Minute},
	})
	token := r.do("", func(s *sojourn.Session) { s.Set("a", 1) })
	_, s := r.open(token)
	for _, test := range []struct {
		request func(s *sojourn.Session)
		want    time.Duration
	}{
		{func(*sojourn.Session) {}, 10 * time.Minute},
		{func(s *sojourn.Session) { s.Set("a", 2) }, time.Hour},
	} {
		st.age(s.ID(), 10*time.Minute)
		now = now.Add(6 * time.Minute)
		next := r.do(token, test.request)
		if next == token {
			t.Fatal("the secret did not change")
		}
		token = next
		if got := st.left(s.ID()).Round(time.Minute); got != test.want {
			t.Errorf("got %v left, want %v", got, test.want)
		}
	}
}
