package sojourn_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
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

// A change of password that ends the other devices must not leave half of them because the browser was closed.
func TestRevoke_outlivesTheClient(t *testing.T) {
	for name, revoke := range map[string]func(ctx context.Context, m *sojourn.Manager, id sojourn.ID) error{
		"one": func(ctx context.Context, m *sojourn.Manager, id sojourn.ID) error { return m.Revoke(ctx, "42", id) },
		"any": func(ctx context.Context, m *sojourn.Manager, id sojourn.ID) error { return m.End(ctx, id) },
		"all": func(ctx context.Context, m *sojourn.Manager, _ sojourn.ID) error {
			_, err := m.RevokeAll(ctx, "42")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			leaving := &leavingStore{Store: memstore.New(memstore.Config{})}
			m := newManager(t, leaving, sojourn.Config{})
			newBrowser(t, m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Login("42") })).get("/")
			list, err := m.Sessions(t.Context(), "42")
			if err != nil || len(list) != 1 {
				t.Fatalf("got %v, %v, want one session", list, err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			leaving.leave = cancel
			if err := revoke(ctx, m, list[0].ID); err != nil {
				t.Errorf("the client left under way: %v", err)
			}
			if list, err = m.Sessions(t.Context(), "42"); err != nil || len(list) != 0 {
				t.Errorf("got %v, %v, want no session left", list, err)
			}
			if err := revoke(ctx, m, sojourn.NewID()); !errors.Is(err, context.Canceled) {
				t.Errorf("the client had left before: got %v, want %v", err, context.Canceled)
			}
		})
	}
}

// leavingStore is a memstore whose client leaves in the middle of each call.
type leavingStore struct {
	*memstore.Store
	leave func()
}

func (s *leavingStore) left(ctx context.Context) error {
	if s.leave != nil {
		s.leave()
	}
	return ctx.Err()
}

func (s *leavingStore) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	if err := s.left(ctx); err != nil {
		return sojourn.State{}, err
	}
	return s.Store.Load(ctx, key)
}

func (s *leavingStore) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	if err := s.left(ctx); err != nil {
		return 0, err
	}
	return s.Store.DeleteSubject(ctx, realm, subject, keep)
}
