package sojourn_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// With a limit the oldest sessions end, each with an event, and never the one that has just begun.
func TestLogin_overTheLimit_endsTheOldest(t *testing.T) {
	a := newApp(t, sojourn.Config{MaxSessions: 2})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.on("/who", who)
	var all []*browser
	for i := range 4 {
		b := a.browser(t)
		a.log.take()
		b.get("/login").want(t, 200, "")
		want := []sojourn.EventKind{sojourn.EventCreate, sojourn.EventLogin}
		if i >= 2 {
			want = append(want, sojourn.EventEnd)
		}
		a.log.wantEvents(t, want...)
		all = append(all, b)
		a.clock.advance(time.Minute)
	}
	for i, b := range all {
		want := "42"
		if i < 2 {
			want = ""
		}
		b.get("/who").want(t, 200, want)
	}
}

// Lists show what lives, in order, and neither what a clock of the far future began nor what is over.
func TestLists_showWhatLives(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	save := func(start, deadline time.Duration) {
		now := a.clock.Now()
		f := sojourn.Facts{Realm: "id", Subject: "42", Created: now.Add(start), Authenticated: now.Add(start), Renewed: now, Deadline: now.Add(deadline)}
		if _, err := a.spy.Save(t.Context(), sojourn.State{Facts: f}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	save(11*time.Minute, time.Hour)
	save(-time.Hour, 0)
	save(-time.Hour, -time.Minute)
	for range 3 {
		a.clock.advance(time.Minute)
		a.browser(t).get("/login")
	}
	a.clock.advance(-3 * time.Minute) // so that the first is in the far future still
	list, err := a.m.Sessions(t.Context(), "42")
	if err != nil || len(list) != 3 {
		t.Fatalf("got %d sessions, %v, want 3", len(list), err)
	}
	if !slices.IsSortedFunc(list, func(a, b sojourn.Entry) int { return b.Facts.Authenticated.Compare(a.Facts.Authenticated) }) {
		t.Error("they are not the newest first")
	}
	for _, e := range list {
		if e.Seen.After(a.clock.Now()) {
			t.Errorf("last seen %v, which is still to come", e.Seen)
		}
	}
	n := 0
	for _, err := range a.m.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("All: got %d sessions, want 3", n)
	}
}

// All goes on from page to page, and stops when it is asked to.
func TestAll_pagesAndStops(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	const sessions = 600
	now := a.clock.Now()
	for i := range sessions {
		f := sojourn.Facts{Realm: map[bool]string{true: "id", false: "other"}[i%2 == 0], Created: now, Renewed: now, Deadline: now.Add(time.Hour)}
		if _, err := a.spy.Save(t.Context(), sojourn.State{Facts: f}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[sojourn.ID]bool{}
	for e, err := range a.m.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		seen[e.ID] = true
	}
	if len(seen) != sessions/2 {
		t.Errorf("got %d sessions, want %d", len(seen), sessions/2)
	}
	n := 0
	for range a.m.All(t.Context()) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("got %d, want it to stop at 3", n)
	}
}

// Run goes on until its context ends, also where the store leaves it nothing to do.
func TestRun_withNothingToDo_waits(t *testing.T) {
	m := newManager(t, fiveMethods{memstore.New(memstore.Config{})}, sojourn.Config{})
	ctx, stop := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	select {
	case err := <-ended:
		t.Fatalf("Run ended by itself: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	reason := fmt.Errorf("the end of the test")
	stop(reason)
	if err := <-ended; err != reason {
		t.Errorf("got %v, want the context's cause", err)
	}
}

// Revoke by ID without a subject's index: the record says whose it is.
func TestRevoke_withoutAnIndex(t *testing.T) {
	clock := newClock()
	a := newAppOver(t, newSpy(fiveMethods{memstore.New(memstore.Config{Now: clock.Now})}), clock, sojourn.Config{})
	var id sojourn.ID
	a.on("/login", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Login("42")
		if err := s.Commit(r.Context()); err != nil {
			t.Error(err)
		}
		id = s.ID()
	})
	a.on("/who", who)
	b := a.browser(t)
	b.get("/login")
	if err := a.m.Revoke(t.Context(), "43", id); err != sojourn.ErrNotFound {
		t.Errorf("another subject's: got %v, want ErrNotFound", err)
	}
	b.get("/who").want(t, 200, "42")
	if err := a.m.Revoke(t.Context(), "42", id); err != nil {
		t.Error(err)
	}
	b.get("/who").want(t, 200, "")
}

// Who ends sessions of others hears of it.
func TestEvents_ofWhatEnds(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.on("/login/{who}", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { s.Login(r.PathValue("who")) })
	b := a.browser(t)
	b.get("/login/42")
	a.log.take()
	b.get("/login/43") // over another's session
	a.log.wantEvents(t, sojourn.EventEnd, sojourn.EventCreate, sojourn.EventLogin)
	if n, err := a.m.RevokeAll(t.Context(), "43"); n != 1 || err != nil {
		t.Errorf("got %d, %v, want one", n, err)
	}
	a.log.wantEvents(t, sojourn.EventEnd)
	if n, err := a.m.RevokeAll(t.Context(), "43"); n != 0 || err != nil {
		t.Errorf("got %d, %v, want none", n, err)
	}
	a.log.wantEvents(t)
}

// A stream hears at once, from this process, that a limit or a login over a busy record ended its session.
func TestStream_endedByALimit(t *testing.T) {
	a := newApp(t, sojourn.Config{MaxSessions: 1, Recheck: time.Hour})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	streams := make(chan context.Context, 1)
	a.does("/stream", func(s *sojourn.Session) {
		ctx, _ := s.Context(t.Context())
		streams <- ctx
	})
	first := a.browser(t)
	first.get("/login")
	first.get("/stream")
	ctx := <-streams
	a.browser(t).get("/login")
	select {
	case <-ctx.Done():
		if cause := context.Cause(ctx); cause != sojourn.ErrEnded {
			t.Errorf("got %v, want ErrEnded", cause)
		}
	case <-time.After(10 * time.Second):
		t.Error("the stream goes on over a session that the limit ended")
	}
}

// backwards is a store whose index answers in the wrong order, and names the sessions of others.
type backwards struct{ *memstore.Store }

func (b backwards) ListSubject(ctx context.Context, realm, subject string) ([]sojourn.Entry, error) {
	all, err := b.Store.ListSubject(ctx, realm, subject)
	slices.Reverse(all)
	other := all[0]
	other.Facts.Subject = "somebody else"
	foreign := all[0]
	foreign.Facts.Realm = "elsewhere"
	return append(all, other, foreign), err
}

// What the user sees does not hang on the index: the newest first, and nobody else's.
func TestSessions_overACarelessIndex_areInOrderAndTheSubjectsOwn(t *testing.T) {
	clock := newClock()
	a := newAppOver(t, newSpy(backwards{memstore.New(memstore.Config{Now: clock.Now})}), clock, sojourn.Config{})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	for range 4 {
		a.browser(t).get("/login")
		clock.advance(time.Minute)
	}
	list, err := a.m.Sessions(t.Context(), "42")
	if err != nil || len(list) != 4 {
		t.Fatalf("got %d sessions, %v, want 4", len(list), err)
	}
	for i, e := range list {
		if e.Facts.Subject != "42" || e.Facts.Realm != "id" || i > 0 && e.Facts.Authenticated.After(list[i-1].Facts.Authenticated) {
			t.Errorf("entry %d is of %q, begun %v", i, e.Facts.Subject, e.Facts.Authenticated)
		}
	}
	a.log.take()
	if err := a.m.Revoke(t.Context(), "42", list[0].ID); err != nil {
		t.Fatal(err)
	}
	a.log.wantEvents(t, sojourn.EventEnd)
}
