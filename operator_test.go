package sojourn_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// End and Revoke, where the store has something other to say than yes.

func TestEnd_unreadableRecordGoes(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/", func(s *sojourn.Session) { s.Login("42") })
	b := a.browser(t)
	b.get("/")
	list, err := a.m.Sessions(t.Context(), "42")
	if err != nil || len(list) != 1 {
		t.Fatalf("got %v, %v, want one session", list, err)
	}
	id := list[0].ID

	a.spy.fail(sojourn.ErrCorrupt, "load")
	if err := a.m.Revoke(t.Context(), "42", id); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("Revoke of a record that names no subject: got %v, want %v", err, sojourn.ErrNotFound)
	}
	if err := a.m.End(t.Context(), id); err != nil {
		t.Errorf("End of a record that cannot be read: %v", err)
	}
	a.spy.fail(nil)
	if err := a.m.End(t.Context(), id); !errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("End of one that is gone: got %v, want %v", err, sojourn.ErrNotFound)
	}
}

func TestRevokeAndEnd_sayThatTheStoreFailed(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/", func(s *sojourn.Session) { s.Login("42") })
	a.browser(t).get("/")
	list, err := a.m.Sessions(t.Context(), "42")
	if err != nil || len(list) != 1 {
		t.Fatalf("got %v, %v, want one session", list, err)
	}
	for _, op := range []string{"load", "delete"} {
		a.spy.fail(errDriver, op)
		for name, err := range map[string]error{"Revoke": a.m.Revoke(t.Context(), "42", list[0].ID), "End": a.m.End(t.Context(), list[0].ID)} {
			var failure *sojourn.StoreError
			if !errors.As(err, &failure) || failure.Op != op || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s, %s failing: got %v", name, op, err)
			}
		}
	}
	if err := a.m.Revoke(t.Context(), "", list[0].ID); err == nil || errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("Revoke for no subject: got %v, want an error that says so", err)
	}
}

func TestResponseWriter_printsNothing(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.on("/", func(w http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
		s.Set("x", 1)
		w.WriteHeader(http.StatusOK)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
			if got := fmt.Sprintf(verb, w); got != "sojourn.ResponseWriter" {
				t.Errorf("%s prints %q", verb, got)
			}
		}
	})
	a.browser(t).get("/")
}
