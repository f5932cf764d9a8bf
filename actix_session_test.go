package sojourn_test

import (
	"context"
	"maps"
	"net/http"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// What tests/session.rs of actix-session says about a session without a request, said of a Visit. There a status can be
// read; here what the commit does to the store tells the same.

// visit runs f on the session of a visit that presents header, commits, and returns the store calls of that and the reply.
func visit(t *testing.T, a *app, header http.Header, f func(s *sojourn.Session)) (calls []string, reply map[string]string) {
	t.Helper()
	v := a.m.Begin(header.Values)
	s, err := v.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	a.spy.take()
	f(s)
	r, err := v.Commit(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return a.spy.take(), maps.Collect(r.Headers())
}

// presentHeader turns a reply of a header transport into the next request.
func presentHeader(reply map[string]string) http.Header {
	return http.Header{"Session-Key": {reply["Session-Key"]}}
}

func TestActixSession_operationsAndTheirCost(t *testing.T) {
	nothing := func(*sojourn.Session) {}
	for _, tt := range []struct {
		name   string
		before func(s *sojourn.Session) // makes the session; nil: none
		act    func(s *sojourn.Session)
		want   string // the store call of the commit
	}{
		{"standalone and default session: unchanged, empty", nil, nothing, ""},
		{"insert", nil, func(s *sojourn.Session) { s.Set("key", "value") }, "save"},
		{"purge_session without a session", nil, func(s *sojourn.Session) { s.Logout() }, ""},
		{"renew_session without a session", nil, func(s *sojourn.Session) { s.Renew() }, ""},
		{"clear without a session", nil, func(s *sojourn.Session) { s.Clear() }, ""},
		{"insert and remove without a session", nil, func(s *sojourn.Session) { s.Set("key", 1); s.Remove("key") }, ""},
		{"unchanged", setKey, nothing, ""},
		{"insert of an equal value", setKey, setKey, ""},
		{"insert of another", setKey, func(s *sojourn.Session) { s.Set("key", "other") }, "patch"},
		{"insert and take back", setKey, func(s *sojourn.Session) { s.Set("key", "other"); s.Set("key", "value") }, ""},
		{"remove", setKey, func(s *sojourn.Session) { s.Remove("key") }, "patch"},
		{"remove of an absent name", setKey, func(s *sojourn.Session) { s.Remove("other") }, ""},
		{"purge_session", setKey, func(s *sojourn.Session) { s.Logout() }, "delete"},
		{"renew_session", setKey, func(s *sojourn.Session) { s.Renew() }, "update"},
		{"insert_session_after_renew", setKey, func(s *sojourn.Session) { s.Renew(); s.Set("key2", 1) }, "update"},
		{"renew after insert", setKey, func(s *sojourn.Session) { s.Set("key2", 1); s.Renew() }, "update"},
		{"remove_session_after_renew", setKey, func(s *sojourn.Session) { s.Renew(); s.Set("key2", 1); s.Remove("key2") }, "update"},
		{"clear_session_after_renew", setKey, func(s *sojourn.Session) { s.Renew(); s.Clear() }, "update"},
		{"clear to empty", setKey, func(s *sojourn.Session) { s.Clear() }, "patch"},
		// actix forgot this one (its weakness W1): an update alone left the status unchanged and was lost.
		{"update alone", setKey, func(s *sojourn.Session) { visits.Update(s, increment) }, "patch"},
		{"purge of nothing but changes", setKey, func(s *sojourn.Session) { s.Set("key", 2); s.Logout() }, "delete"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newApp(t, sojourn.Config{Header: "Session-Key"})
			header := http.Header{}
			if tt.before != nil {
				_, reply := visit(t, a, header, tt.before)
				header = presentHeader(reply)
			}
			calls, _ := visit(t, a, header, tt.act)
			switch {
			case tt.want == "" && len(calls) > 0, tt.want != "" && (len(calls) != 1 || calls[0] != tt.want):
				t.Errorf("got store calls %v, want %q", calls, tt.want)
			}
		})
	}
}

func setKey(s *sojourn.Session) { s.Set("key", "value") }

func TestActixSession_reading(t *testing.T) {
	a := newApp(t, sojourn.Config{Header: "Session-Key"})
	_, reply := visit(t, a, http.Header{}, func(s *sojourn.Session) {
		if !s.IsNew() || !s.ID().IsZero() || s.Subject() != "" || s.Values().Len() != 0 || s.Facts() != (sojourn.Facts{}) {
			t.Errorf("got %v of %q with %v, want an empty session", s, s.Subject(), s.Values())
		}
		s.Set("key", true)
		var v bool
		if ok, err := s.Get("key", &v); !ok || err != nil || !v { // get_session
			t.Errorf("got %v %v %v, want what was set", v, ok, err)
		}
		if !s.Has("key") || s.Has("other") { // session_contains_key
			t.Error("got Has wrong of a name that is there and one that is not")
		}
		s.Set("key2", 10)
		s.Remove("key")
		// session_entries of the same name set twice: the last counts.
		s.Set("key2", 11)
		if got := maps.Collect(s.Values().All()); len(got) != 1 || got["key2"] != "11" {
			t.Errorf("got values %v, want key2 = 11 only", got)
		}
	})
	visit(t, a, presentHeader(reply), func(s *sojourn.Session) {
		if got := maps.Collect(s.Values().All()); len(got) != 1 || got["key2"] != "11" || s.IsNew() {
			t.Errorf("got values %v of a later request, want key2 = 11 only", got)
		}
	})
}

// update_session and update_or_session: an Update of an absent name starts from the zero value, so update_or is
// a function that looks at it.
func TestActixSession_update(t *testing.T) {
	a := newApp(t, sojourn.Config{Header: "Session-Key"})
	_, reply := visit(t, a, http.Header{}, func(s *sojourn.Session) {
		for want := 1; want <= 2; want++ {
			if got := visits.Update(s, increment); got != want {
				t.Errorf("got %d, want %d", got, want)
			}
		}
	})
	visit(t, a, presentHeader(reply), func(s *sojourn.Session) {
		if got, ok := visits.Get(s); got != 2 || !ok {
			t.Errorf("got %d %v in the next request, want 2", got, ok)
		}
	})
}
