package sojourn_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Commits that find something else than they loaded.

// The deadline passes while the handler runs, and the store does not know: nothing of the session is changed, renewed or
// carried over.
func TestCommit_afterTheDeadline(t *testing.T) {
	now := time.Now()
	cfg := sojourn.Config{Lifetime: sojourn.Lifetime{Absolute: time.Hour}, Now: func() time.Time { return now }}
	onEachKind(t, cfg, func(t *testing.T, st *rigStore, r rig) {
		for name, tt := range map[string]struct {
			act     func(s *sojourn.Session)
			want    error
			subject string
		}{
			"nothing": {func(*sojourn.Session) {}, nil, ""},
			"change":  {func(s *sojourn.Session) { s.Set("cart", 2) }, sojourn.ErrEnded, ""},
			"clear":   {func(s *sojourn.Session) { s.Clear() }, sojourn.ErrEnded, ""},
			"renew":   {func(s *sojourn.Session) { s.Renew() }, sojourn.ErrEnded, ""},
			"login":   {func(s *sojourn.Session) { s.Login("alice", "cart") }, nil, "alice"},
		} {
			token := r.do("", func(s *sojourn.Session) { s.Set("cart", 1) })
			now = now.Add(59 * time.Minute)
			v, s := r.open(token)
			id := s.ID()
			now = now.Add(2 * time.Minute)
			st.age(id, time.Hour)
			before := st.count("patch") + st.count("update")
			tt.act(s)
			next, err := r.close(v)
			if !errors.Is(err, tt.want) || (next != "") != (tt.subject != "") {
				t.Errorf("%s: got token %q and %v, want %v", name, next, err, tt.want)
			}
			if writes := st.count("patch") + st.count("update") - before; writes > 0 {
				t.Errorf("%s: got %d writes to a session that is over", name, writes)
			}
			if tt.subject == "" {
				continue
			}
			if _, s := r.open(next); s.Subject() != tt.subject || s.ID() == id || s.Has("cart") {
				t.Errorf("%s: got subject %q and values %v under the old ID: %v", name, s.Subject(), s.Values(), s.ID() == id)
			}
		}
	})
}

// conflictOnce makes the first call of op a conflict, after f.
func conflictOnce(st *rigStore, op string, f func()) {
	var done atomic.Bool
	st.before = func(_ context.Context, called string) error {
		if called == op && !done.Swap(true) {
			f()
			return sojourn.ErrConflict
		}
		return nil
	}
}

func TestCommit_conflictWithWhatIsOverNow_isTheEnd(t *testing.T) {
	now := time.Now()
	cfg := sojourn.Config{Lifetime: sojourn.Lifetime{Absolute: time.Hour}, Now: func() time.Time { return now }}
	st := newRigStore()
	r := newRig(t, st, cfg)
	token := r.do("", func(s *sojourn.Session) { s.Set("n", 1) })
	v, s := r.open(token)
	st.age(s.ID(), 3*time.Hour)
	conflictOnce(st, "update", func() { now = now.Add(2 * time.Hour) })
	s.Set("n", 2)
	if _, err := r.close(v); !errors.Is(err, sojourn.ErrEnded) {
		t.Errorf("got %v, want ErrEnded", err)
	}
	if s.Has("n") || s.Subject() != "" {
		t.Errorf("got values %v of a session that is over", s.Values())
	}
}

// A login or renewal that lost one race takes the record as it is then, and keeps it.
func TestSecret_thatLostARace_takesWhatIsThere(t *testing.T) {
	for name, act := range map[string]func(s *sojourn.Session){
		"login": func(s *sojourn.Session) { s.Login("alice", "cart", "mine") },
		"renew": func(s *sojourn.Session) { s.Renew() },
	} {
		onEachKind(t, sojourn.Config{}, func(t *testing.T, st *rigStore, r rig) {
			token := r.do("", func(s *sojourn.Session) { s.Set("cart", 1) })
			v, s := r.open(token)
			id := s.ID()
			other := newRig(t, st, sojourn.Config{})
			conflictOnce(st, "update", func() {
				st.before = nil
				other.do(token, func(s *sojourn.Session) { s.Set("cart", 2) })
			})
			s.Set("mine", 1)
			act(s)
			next, err := r.close(v)
			if err != nil || next == "" {
				t.Fatalf("%s: got token %q, %v", name, next, err)
			}
			_, s = r.open(next)
			var cart int
			if _, err := s.Get("cart", &cart); err != nil || cart != 2 || !s.Has("mine") || s.ID() != id {
				t.Errorf("%s: got cart %d, values %v, the same ID: %v; want 2, both, true", name, cart, s.Values(), s.ID() == id)
			}
		})
	}
}

// The look after a conflict fails: so does the commit, and says so.
func TestCommit_whoseSecondLookFails_isAStoreError(t *testing.T) {
	for name, act := range map[string]func(s *sojourn.Session){
		"change": func(s *sojourn.Session) { s.Set("cart", 2) },
		"login":  func(s *sojourn.Session) { s.Login("alice") },
		"renew":  func(s *sojourn.Session) { s.Renew() },
	} {
		st := newRigStore()
		r := newRig(t, st, sojourn.Config{})
		token := r.do("", func(s *sojourn.Session) { s.Set("cart", 1) })
		v, s := r.open(token)
		st.before = func(_ context.Context, op string) error {
			return map[string]error{"update": sojourn.ErrConflict, "load": errDriver}[op]
		}
		act(s)
		next, err := r.close(v)
		var failed *sojourn.StoreError
		if !errors.As(err, &failed) || !errors.Is(err, errDriver) || next != "" {
			t.Errorf("%s: got token %q, %v, want the store's error", name, next, err)
		}
	}
}

// A periodic renewal of a session that ended meanwhile: no new secret, and only a change is told of it.
func TestRenewal_ofASessionThatEnded(t *testing.T) {
	for _, changes := range []bool{false, true} {
		now := time.Now()
		onEachKind(t, sojourn.Config{Lifetime: sojourn.Lifetime{Renew: time.Hour}, Now: func() time.Time { return now }}, func(t *testing.T, st *rigStore, r rig) {
			token := r.do("", func(s *sojourn.Session) { s.Set("n", 1) })
			now = now.Add(time.Hour)
			v, s := r.open(token)
			st.before = func(_ context.Context, op string) error {
				return map[string]error{"update": sojourn.ErrNotFound}[op]
			}
			var want error
			if changes {
				s.Set("n", 2)
				want = sojourn.ErrEnded
			}
			if next, err := r.close(v); next != "" || !errors.Is(err, want) {
				t.Errorf("changes %v: got token %q and %v, want none and %v", changes, next, err, want)
			}
			if st.count("update") == 0 {
				t.Error("no renewal was due: the test shows nothing")
			}
		})
	}
}

// An update after Clear builds on nothing, also when another request has set the value meanwhile.
func TestFieldUpdate_afterClear_buildsOnNothing(t *testing.T) {
	onEachKind(t, sojourn.Config{}, func(t *testing.T, _ *rigStore, r rig) {
		const n = sojourn.Field[int]("n")
		token := r.do("", func(s *sojourn.Session) { n.Set(s, 5) })
		v, s := r.open(token)
		s.Clear()
		n.Update(s, increment)
		r.do(token, func(s *sojourn.Session) { n.Set(s, 7) })
		if _, err := r.close(v); err != nil {
			t.Fatal(err)
		}
		r.do(token, func(s *sojourn.Session) {
			if got, _ := n.Get(s); got != 1 {
				t.Errorf("got %d, want 1: one more than nothing", got)
			}
		})
	})
}

// The secret before a renewal and the current one in the same request, in either order: one session, by the current one.
func TestTokens_currentAndPreviousSideBySide(t *testing.T) {
	a := newApp(t, sojourn.Config{Lifetime: sojourn.Lifetime{Renew: time.Hour}})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.on("/who", who)
	a.does("/renew", func(s *sojourn.Session) { s.Renew() })
	for _, swapped := range []bool{false, true} {
		b := a.browser(t)
		b.get("/login")
		previous := b.cookies[hostID]
		a.clock.advance(time.Hour)
		b.get("/who").want(t, 200, "42")
		current := b.cookies[hostID]
		if current == previous {
			t.Fatal("no renewal")
		}
		first, second := previous, current
		if swapped {
			first, second = current, previous
		}
		both := withCookie(hostID + "=" + first + "; " + hostID + "=" + second)
		b.get("/who", both).want(t, 200, "42")
		if got := b.get("/renew", both); got.StatusCode != 200 || got.cookie(hostID) == nil {
			t.Errorf("swapped %v: got %d %v of a renewal, want one: the current secret may", swapped, got.StatusCode, got.Header)
		}
	}
}

// A periodic renewal that lost its race leaves the renewal to the winner: the change is stored all the same, and no cookie sent.
func TestRenewal_thatLostItsRace_leavesTheChange(t *testing.T) {
	now := time.Now()
	cfg := sojourn.Config{Lifetime: sojourn.Lifetime{Renew: time.Hour}, Now: func() time.Time { return now }}
	onEachKind(t, cfg, func(t *testing.T, st *rigStore, r rig) {
		token := r.do("", func(s *sojourn.Session) { s.Set("n", 1) })
		now = now.Add(time.Hour)
		v, s := r.open(token)
		winner := ""
		other := newRig(t, st, cfg)
		conflictOnce(st, "update", func() {
			st.before = nil
			winner = other.do(token, func(*sojourn.Session) {})
		})
		s.Set("n", 2)
		if next, err := r.close(v); next != "" || err != nil {
			t.Errorf("got token %q and %v, want none: another request renewed", next, err)
		}
		if winner == token {
			t.Fatal("the other request did not renew: the test shows nothing")
		}
		r.do(winner, func(s *sojourn.Session) {
			if n, _ := sojourn.Field[int]("n").Get(s); n != 2 {
				t.Errorf("got %d, want the change", n)
			}
		})
	})
}

// mute loses the acknowledgement of each Update, and returns no key beside the error.
type mute struct{ *rigStore }

func (st mute) Update(ctx context.Context, key sojourn.Key, state sojourn.State, ttl time.Duration) (sojourn.Key, error) {
	if _, err := st.rigStore.Update(ctx, key, state, ttl); err != nil {
		return sojourn.Key{}, err
	}
	return sojourn.Key{}, errDriver
}

// A change of the secret whose acknowledgement was lost is found out; an answer of the contract is taken for what it says.
func TestSecret_whoseAcknowledgementIsLost_isSettled(t *testing.T) {
	st := mute{newRigStore()}
	r := newRig(t, st, sojourn.Config{})
	token := r.do("", func(s *sojourn.Session) { s.Set("n", 1) })
	next := r.do(token, func(s *sojourn.Session) { s.Login("alice", "n") })
	if _, s := r.open(next); s.Subject() != "alice" || !s.Has("n") || next == token {
		t.Errorf("got subject %q and values %v, want alice's", s.Subject(), s.Values())
	}
	for _, answer := range []error{sojourn.ErrTooLarge, sojourn.ErrEnded} {
		v, s := r.open(next)
		loads := st.count("load")
		st.before = func(_ context.Context, op string) error {
			return map[string]error{"update": answer}[op]
		}
		s.Renew()
		if got, err := r.close(v); !errors.Is(err, answer) || got != "" || st.count("load") != loads {
			t.Errorf("got token %q, %v and %d looks, want %v and none", got, err, st.count("load")-loads, answer)
		}
		st.before = nil
	}
}

// Renew of a token that a periodic renewal has overtaken meanwhile: only the current secret may be renewed.
func TestRenew_overtakenByAPeriodicRenewal_isRefused(t *testing.T) {
	now := time.Now()
	cfg := sojourn.Config{Lifetime: sojourn.Lifetime{Renew: time.Hour}, Now: func() time.Time { return now }}
	onEachKind(t, cfg, func(t *testing.T, st *rigStore, r rig) {
		token := r.do("", func(s *sojourn.Session) { s.Set("n", 1) })
		now = now.Add(time.Hour)
		v, s := r.open(token)
		winner := ""
		conflictOnce(st, "update", func() {
			st.before = nil
			winner = newRig(t, st, cfg).do(token, func(*sojourn.Session) {})
		})
		s.Renew()
		if next, err := r.close(v); next != "" || !errors.Is(err, sojourn.ErrRenewed) {
			t.Errorf("got token %q and %v, want ErrRenewed", next, err)
		}
		if _, s := r.open(winner); s.IsNew() {
			t.Error("the winner's token opens nothing")
		}
	})
}

// A periodic renewal that the store fails is an error like any other: what the handler did in the same write is not known.
func TestRenewal_thatFails_isAStoreError(t *testing.T) {
	now := time.Now()
	st := newRigStore()
	r := newRig(t, st, sojourn.Config{Lifetime: sojourn.Lifetime{Renew: time.Hour}, Now: func() time.Time { return now }})
	token := r.do("", func(s *sojourn.Session) { s.Set("n", 1) })
	now = now.Add(time.Hour)
	v, s := r.open(token)
	st.before = func(_ context.Context, op string) error {
		return map[string]error{"update": errDriver, "load": errDriver}[op]
	}
	s.Set("n", 2)
	next, err := r.close(v)
	if !errors.Is(err, errDriver) || next != "" {
		t.Errorf("got token %q and %v, want the store's error", next, err)
	}
}

// Two counters in one commit, one of which another request has counted meanwhile: neither loses.
func TestFieldUpdate_ofTwoNames_losesNeither(t *testing.T) {
	onEachKind(t, sojourn.Config{}, func(t *testing.T, _ *rigStore, r rig) {
		names := []sojourn.Field[int]{"a", "b", "c"}
		token := r.do("", func(s *sojourn.Session) { names[0].Set(s, 10); names[1].Set(s, 20) })
		for _, meanwhile := range names {
			v, s := r.open(token)
			for _, n := range names {
				n.Update(s, increment)
			}
			r.do(token, func(s *sojourn.Session) { meanwhile.Update(s, increment) })
			if _, err := r.close(v); err != nil {
				t.Fatal(err)
			}
		}
		_, s := r.open(token)
		for n, want := range map[sojourn.Field[int]]int{"a": 14, "b": 24, "c": 4} {
			if got, _ := n.Get(s); got != want {
				t.Errorf("%s: got %d, want %d", n, got, want)
			}
		}
	})
}

// A late request's change leaves the time that remained, whatever way the store changes values.
func TestLate_changeExtendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		onEachKind2(t, sojourn.Config{Lifetime: sojourn.Lifetime{Renew: time.Hour, Idle: 2 * time.Hour, Absolute: 9 * time.Hour}}, func(t *testing.T, st *rigStore, r rig) {
			old := r.do("", func(s *sojourn.Session) { s.Set("n", 1) })
			time.Sleep(time.Hour)
			next := r.do(old, func(*sojourn.Session) {})
			_, s := r.open(next)
			id := s.ID()
			st.age(id, 10*time.Minute)
			time.Sleep(10 * time.Second)
			v, s := r.open(old)
			time.Sleep(10 * time.Second)
			s.Set("n", 2)
			if _, err := r.close(v); err != nil {
				t.Fatal(err)
			}
			if left, want := st.left(id), 10*time.Minute-20*time.Second; left > want || left < want-time.Second {
				t.Errorf("got %v left, want %v", left, want)
			}
		})
	})
}

// onEachKind2 is onEachKind where no subtest may begin.
func onEachKind2(t *testing.T, cfg sojourn.Config, f func(t *testing.T, st *rigStore, r rig)) {
	st := newRigStore()
	f(t, st, newRig(t, rigPatcher{st}, cfg))
	st = newRigStore()
	f(t, st, newRig(t, st, cfg))
}
