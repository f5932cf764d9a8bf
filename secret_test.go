package sojourn_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
)

func TestLogin_overARecordThatOthersKeepChanging_endsEveryEarlierToken(t *testing.T) {
	for _, subject := range []string{"", "alice"} {
		synctest.Test(t, func(t *testing.T) { loginOverABusyRecord(t, subject) })
	}
}

func loginOverABusyRecord(t *testing.T, subject string) {
	st, log := newRigStore(), new(eventLog)
	r := newRig(t, st, sojourn.Config{Observe: log.observe})
	token := r.do("", func(s *sojourn.Session) {
		if subject != "" {
			s.Login(subject)
		}
		s.Set("cart", 1)
	})
	st.before = func(_ context.Context, op string) error {
		if op == "update" {
			return sojourn.ErrConflict
		}
		return nil
	}
	conflicting := st.before
	st.before = func(ctx context.Context, op string) error {
		if op == "delete" {
			return errDriver
		}
		return conflicting(ctx, op)
	}
	v, s := r.open(token)
	s.Login("alice", "cart")
	if failed, err := r.close(v); !errors.Is(err, errDriver) || failed != "" {
		t.Errorf("from subject %q: got token %q and %v of a login whose old record could not be ended", subject, failed, err)
	}
	st.before = conflicting
	log.take()
	next := r.do(token, func(s *sojourn.Session) { s.Login("alice", "cart") })
	log.wantEvents(t, sojourn.EventEnd, sojourn.EventCreate, sojourn.EventLogin)
	st.before = nil
	if _, s := r.open(token); !s.IsNew() {
		t.Errorf("from subject %q: the earlier token still opens a session of %q", subject, s.Subject())
	}
	if _, s := r.open(next); s.Subject() != "alice" || !s.Has("cart") {
		t.Errorf("from subject %q: the new token opens subject %q with %v", subject, s.Subject(), s.Values())
	}
}

func TestSecret_ofASessionOverTightenedLimits_stillChanges(t *testing.T) {
	now := time.Now()
	st := newRigStore()
	loose := newRig(t, st, sojourn.Config{})
	token := loose.do("", func(s *sojourn.Session) {
		s.Login("alice")
		s.Set("big", strings.Repeat("x", 1000))
	})
	now = now.Add(time.Hour)
	tight := newRig(t, st, sojourn.Config{
		MaxSize: 100, Lifetime: sojourn.Lifetime{Renew: 5 * time.Minute}, Now: func() time.Time { return now },
	})
	for _, change := range []func(*sojourn.Session){
		func(*sojourn.Session) {}, // a periodic renewal
		func(s *sojourn.Session) { s.Renew() },
		func(s *sojourn.Session) { s.Login("alice") },
	} {
		next := tight.do(token, change)
		if next == token {
			t.Fatal("the secret did not change")
		}
		token = next
	}
}

func TestLogin_whoseAcknowledgementTimedOut_isSettled(t *testing.T) {
	st := newRigStore()
	r := newRig(t, st, sojourn.Config{Timeout: 50 * time.Millisecond})
	token := r.do("", func(s *sojourn.Session) { s.Set("a", 1) })
	st.before = func(ctx context.Context, _ string) error { return ctx.Err() }
	st.after = func(ctx context.Context, op string) error {
		if op != "update" {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	next := r.do(token, func(s *sojourn.Session) { s.Login("alice") })
	if _, s := r.open(next); s.Subject() != "alice" {
		t.Errorf("got subject %q: the login was made, and its token is lost", s.Subject())
	}
}
