package sojourn_test

import (
	"context"
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

// A touch is of whatever the store has by then. It must not give a login, which asked for the shorter idle timeout while the
// touch was under way, that of the session before (ADR 31).
func TestTouch_underWayAtALogin_keepsTheLoginsIdleTimeout(t *testing.T) {
	short := sojourn.Lifetime{Idle: time.Hour, Absolute: 30 * 24 * time.Hour}
	for name, tt := range map[string]struct {
		cfg           sojourn.Config
		before, login func(s *sojourn.Session)
		want          time.Duration
	}{
		"remembered, then not": {
			sojourn.Config{},
			func(s *sojourn.Session) { s.Login("alice"); s.Remember(true) },
			func(s *sojourn.Session) { s.Login("alice"); s.Remember(false) }, 24 * time.Hour,
		},
		"visitor, then a short remembered one": {
			sojourn.Config{Remember: short},
			func(s *sojourn.Session) { s.Set("x", 1) },
			func(s *sojourn.Session) { s.Login("alice"); s.Remember(true) }, time.Hour,
		},
	} {
		onEachKind(t, tt.cfg, func(t *testing.T, st *rigStore, r rig) {
			token := r.do("", tt.before)
			_, s := r.open(token)
			id := s.ID()
			st.age(id, 10*time.Hour)
			slow, _ := r.open(token)
			r.do(token, tt.login)
			if _, err := r.close(slow); err != nil {
				t.Errorf("%s: the slow request: %v", name, err)
			}
			if left := st.left(id); left > tt.want {
				t.Errorf("%s: %v left, want at most the login's %v", name, left, tt.want)
			}
		})
	}
}

// The sessions that are touched so live on as the others do, also where a change is under way at the same time.
func TestTouch_ofARememberedSession_extendsIt(t *testing.T) {
	observe := func(_ context.Context, e sojourn.Event) {
		if e.Kind == sojourn.EventError {
			t.Errorf("got the event %v", e)
		}
	}
	onEachKind(t, sojourn.Config{Observe: observe}, func(t *testing.T, st *rigStore, r rig) {
		token := r.do("", func(s *sojourn.Session) { s.Login("alice"); s.Remember(true); s.Set("n", 1) })
		_, s := r.open(token)
		id := s.ID()
		st.age(id, 10*24*time.Hour)
		r.do(token, func(*sojourn.Session) {})
		if left := st.left(id); left < 29*24*time.Hour {
			t.Errorf("%v left after a use, want 30 days", left)
		}
		st.age(id, 10*24*time.Hour)
		v, _ := r.open(token)
		r.do(token, func(s *sojourn.Session) { s.Set("n", 2) })
		if _, err := r.close(v); err != nil {
			t.Error(err)
		}
		_, s = r.open(token)
		if left := st.left(id); left < 29*24*time.Hour || s.Values().Get("n") != "2" {
			t.Errorf("%v left and n = %s after a use and a change at once, want 30 days and 2", left, s.Values().Get("n"))
		}
	})
}

// A node's clock that is set back in the middle of a request has given the session no more time.
func TestTouch_afterTheClockWentBack_givesNoMore(t *testing.T) {
	clock := newClock()
	onEachKind(t, sojourn.Config{Now: clock.Now}, func(t *testing.T, st *rigStore, r rig) {
		token := r.do("", func(s *sojourn.Session) { s.Login("alice") })
		v, s := r.open(token)
		s.Set("x", 1)
		clock.advance(-9 * time.Minute)
		if _, err := r.close(v); err != nil {
			t.Fatal(err)
		}
		if left := st.left(s.ID()); left > 24*time.Hour {
			t.Errorf("%v left, want at most the idle timeout of 24h", left)
		}
	})
}

// A request with the token before a periodic renewal changes values and extends nothing: a touch that it overtakes is made
// again.
func TestTouch_overtakenByALateChange_extendsAllTheSame(t *testing.T) {
	clock := newClock()
	cfg := sojourn.Config{Now: clock.Now, Remember: sojourn.Lifetime{Idle: 20 * 24 * time.Hour, Absolute: 100 * 24 * time.Hour, Renew: time.Hour}}
	onEachKind(t, cfg, func(t *testing.T, st *rigStore, r rig) {
		old := r.do("", func(s *sojourn.Session) { s.Login("alice"); s.Remember(true); s.Set("n", 1) })
		clock.advance(2 * time.Hour)
		current := r.do(old, func(*sojourn.Session) {})
		if current == old {
			t.Fatal("the session was not renewed")
		}
		_, s := r.open(current)
		id := s.ID()
		st.age(id, 24*time.Hour)
		v, _ := r.open(current)
		r.do(old, func(s *sojourn.Session) { s.Set("n", 2) })
		if _, err := r.close(v); err != nil {
			t.Error(err)
		}
		if left := st.left(id); left < 19*24*time.Hour {
			t.Errorf("%v left after a use, want 20 days", left)
		}
	})
}
