package sojourn_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

func TestContext_ownLoginDuringTheCheck_goesOn(t *testing.T) {
	st := newRigStore()
	r := newRig(t, st, sojourn.Config{})
	token := r.do("", func(s *sojourn.Session) { s.Set("a", 1) })
	v, s := r.open(token)
	loaded, goOn, looked := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var checks sync.Mutex
	n := 0
	st.after = func(_ context.Context, op string) error {
		if op != "load" {
			return nil
		}
		checks.Lock()
		defer checks.Unlock()
		switch n++; n {
		case 1:
			close(loaded)
			<-goOn
		case 2:
			close(looked)
		}
		return nil
	}
	ctx, cancel := s.Context(t.Context())
	defer cancel()
	<-loaded
	s.Login("alice")
	if _, err := r.close(v); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	select {
	case <-ctx.Done():
		t.Errorf("the request's own login ended its stream: %v", context.Cause(ctx))
	case <-looked:
	}
}

func TestContext_loginElsewhereBesideOwn_ends(t *testing.T) {
	r := newRig(t, newRigStore(), sojourn.Config{Recheck: 10 * time.Millisecond})
	token := r.do("", func(s *sojourn.Session) { s.Set("a", 1) })
	v, s := r.open(token)
	ctx, cancel := s.Context(t.Context())
	defer cancel()
	r.do(token, func(s *sojourn.Session) { s.Login("alice") })
	s.Login("bob") // in a session of its own
	if _, err := r.close(v); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
		if err := context.Cause(ctx); !errors.Is(err, sojourn.ErrEnded) {
			t.Errorf("got %v, want ErrEnded", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("the stream of a refused token goes on")
	}
}

func TestContext_withTheLongestRecheck_doesNotAskAllTheTime(t *testing.T) {
	st := newRigStore()
	r := newRig(t, st, sojourn.Config{Recheck: math.MaxInt64})
	token := r.do("", func(s *sojourn.Session) { s.Set("a", 1) })
	_, s := r.open(token)
	before := st.count("load")
	const streams = 20
	for range streams {
		ctx, cancel := s.Context(t.Context())
		defer cancel()
		defer func() {
			if ctx.Err() != nil {
				t.Errorf("ended: %v", context.Cause(ctx))
			}
		}()
	}
	time.Sleep(50 * time.Millisecond) // the shortest pause between two checks is a millisecond
	if got := st.count("load") - before; got > streams {
		t.Errorf("got %d checks of %d streams, want the first of each only", got, streams)
	}
}

// rigIndex is a store that can end all sessions of a subject.
type rigIndex struct {
	sojourn.SubjectIndex
	rigPatcher
}

func (st rigIndex) DeleteSubject(_ context.Context, _, subject string, keep sojourn.ID) (int, error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	n := 0
	for id, r := range st.records {
		if r.state.Facts.Subject == subject && id != keep {
			delete(st.records, id)
			n++
		}
	}
	return n, nil
}

func TestContext_openedBeforeTheLogin_endsAtOnceWithTheSubjectsSessions(t *testing.T) {
	st := newRigStore()
	r := newRig(t, rigIndex{rigPatcher: rigPatcher{st}}, sojourn.Config{})
	token := r.do("", func(s *sojourn.Session) { s.Set("a", 1) })
	v, s := r.open(token)
	looked := make(chan struct{}, 10)
	st.after = func(_ context.Context, op string) error {
		if op == "load" {
			looked <- struct{}{}
		}
		return nil
	}
	ctx, cancel := s.Context(t.Context())
	defer cancel()
	<-looked
	s.Login("alice")
	if _, err := r.close(v); err != nil {
		t.Fatal(err)
	}
	<-looked // the login has the stream look
	if _, err := r.RevokeAll(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Second): // Recheck is 30 s
		t.Error("the stream goes on until the next check")
	}
}

// A client that holds many streams open must not cost the store as many loads at each change.
func TestContext_manyOfOneSession_lookTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const streams = 300
		st := newRigStore()
		st.after = func(_ context.Context, op string) error {
			if op == "load" {
				time.Sleep(5 * time.Millisecond) // a store across a network
			}
			return nil
		}
		r := newRig(t, st, sojourn.Config{Recheck: time.Hour})
		token := r.do("", func(s *sojourn.Session) { s.Login("alice") })
		_, s := r.open(token)
		var all []context.Context
		for range streams {
			ctx, cancel := s.Context(t.Context())
			defer cancel()
			all = append(all, ctx)
		}
		r.do(token, func(s *sojourn.Session) { s.Renew() })
		for _, ctx := range all {
			<-ctx.Done()
			if err := context.Cause(ctx); err != sojourn.ErrEnded {
				t.Fatalf("got %v, want ErrEnded", err)
			}
		}
		if n := st.count("load"); n > streams/10 {
			t.Errorf("%d streams that opened and ended cost %d loads", streams, n)
		}
	})
}

// A login over the limit ends the streams of the session that has to go at once, not at the next look.
func TestContext_ofASessionOverTheLimit_endsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, memstore.New(memstore.Config{}), sojourn.Config{MaxSessions: 1, Recheck: time.Hour})
		token := r.do("", func(s *sojourn.Session) { s.Login("alice") })
		_, s := r.open(token)
		ctx, cancel := s.Context(t.Context())
		defer cancel()
		synctest.Wait() // it has looked once, and goes by the clock
		r.do("", func(s *sojourn.Session) { s.Login("alice") })
		synctest.Wait()
		if ctx.Err() == nil {
			t.Error("the stream goes on")
		}
	})
}
