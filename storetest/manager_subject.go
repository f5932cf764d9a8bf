package storetest

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

const (
	limit          = 3
	parallelLogins = 50
)

func loggingIn(subject string) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Login(subject) }
}

// checkMaxSessions has one subject log in many times at once, half of the time from a visitor's session.
func checkMaxSessions(t *testing.T, gate *gateStore, rounds int) {
	for round := range 2 * rounds {
		s := newLiveSite(t, gate, func(cfg *sojourn.Config) { cfg.MaxSessions = limit })
		visitors := make([][]string, parallelLogins)
		for i := range visitors {
			if i%2 == 0 {
				visitors[i], _ = s.openOne("")
			}
		}
		answers := make([]answer, parallelLogins)
		inParallel(parallelLogins, func(i int) {
			answers[i] = s.send(s.nodes[i/2%2], loggingIn(s.subject), nil, visitors[i]...)
		})
		live := 0
		for _, a := range answers {
			if !a.ok() || a.cookie != "set" {
				t.Errorf("a login got status %d, cookie %q", a.status, a.cookie)
			}
			if s.look(a.token).live {
				live++
			}
		}
		list, err := s.nodes[0].Sessions(t.Context(), s.subject)
		if live != limit || len(list) != limit || err != nil {
			t.Fatalf("round %d: %d sessions live, %d listed (%v), want %d", round, live, len(list), err, limit)
		}
		// The slowest login of all is the oldest of them, but it is never the one that goes.
		slow := &flight{kind: kind{do: loggingIn(s.subject)}, x: heldAt(inHandler, false)}
		slow.x.run(func() { slow.send(s, s.nodes[1], "") }, func() {
			time.Sleep(2 * time.Millisecond) // logins are told apart by milliseconds
			for range limit {
				s.send(s.nodes[0], loggingIn(s.subject), nil)
			}
		})
		if !slow.ok() || !s.look(slow.token).live {
			t.Fatal("a login over the limit ended itself")
		}
	}
	t.Logf("%d times %d parallel logins with a limit of %d: each time exactly %d live and listed", 2*rounds, parallelLogins, limit, limit)
}

// checkRevocation ends all sessions of a subject while logins of every kind are about:
//
//   - acknowledged before: dead afterwards,
//   - begun before, with the password verified, released together with the revocation or after it: dead or refused,
//   - begun while it runs: dead, refused, or authenticated after it began,
//   - begun after it returned: alive at once.
func checkRevocation(t *testing.T, gate *gateStore, rounds int) {
	survivors, refused, ended := 0, 0, 0
	for round := 0; round < 100*rounds && !t.Failed(); round++ {
		s := newLiveSite(t, gate, nil)
		var before []string
		for i := range 2 {
			token, _ := s.open(s.nodes[i], s.subject, nil)
			before = append(before, token)
		}
		visitor, _ := s.openOne("")

		const underWay, racers = 3, 2
		var verified [underWay]chan struct{}
		released := make(chan struct{})
		for i := range verified {
			verified[i] = make(chan struct{})
		}
		answers := make([]answer, underWay+racers)
		slow := make(chan struct{})
		go func() {
			defer close(slow)
			inParallel(underWay, func(i int) {
				var tokens []string
				switch i {
				case 1:
					tokens = visitor
				case 2:
					tokens = before[:1]
				}
				answers[i] = s.send(s.nodes[i%2], func(w http.ResponseWriter, r *http.Request, ses *sojourn.Session) {
					close(verified[i])
					<-released
					loggingIn(s.subject)(w, r, ses)
				}, nil, tokens...)
			})
		}()
		for _, c := range verified {
			<-c
		}
		var began time.Time
		inParallel(1+racers, func(i int) {
			if i > 0 {
				answers[underWay+i-1] = s.send(s.nodes[i%2], loggingIn(s.subject), nil)
				return
			}
			if round%2 == 0 {
				close(released)
			}
			began = time.Now().UTC().Truncate(time.Millisecond)
			if _, err := s.nodes[0].RevokeAll(t.Context(), s.subject); err != nil {
				t.Errorf("RevokeAll: %s", withCause(err))
			}
		})
		if round%2 == 1 {
			close(released)
		}
		next := s.send(s.nodes[1], loggingIn(s.subject), nil)
		<-slow

		for _, token := range before {
			if s.look(token).live {
				survivors++
				t.Error("a login acknowledged before the revocation began is alive")
			}
		}
		for i, a := range answers {
			switch {
			case a.status == http.StatusConflict && a.cookie == "":
				refused++
				continue
			case !a.ok() || a.cookie != "set":
				t.Errorf("a login got status %d, cookie %q", a.status, a.cookie)
				continue
			}
			got := s.look(a.token)
			switch {
			case !got.live:
				ended++
			case i < underWay:
				survivors++
				t.Errorf("login %d, under way when the revocation began, is alive", i)
			case !s.authenticated(got.id).After(began):
				survivors++
				t.Errorf("a login begun before the revocation is alive")
			}
		}
		if !next.ok() || !s.look(next.token).live {
			t.Errorf("a login begun after the revocation returned got status %d, and is alive: %t", next.status, s.look(next.token).live)
		}
	}
	t.Logf("%d revocations against %d logins under way and 2 racing: %d survivors, %d refused, %d ended", 100*rounds, 3, survivors, refused, ended)
}

func (s *site) authenticated(id sojourn.ID) time.Time {
	state, err := s.gate.inner.Load(s.tb.Context(), id.Key())
	if err != nil {
		s.tb.Errorf("load: %s", withCause(err))
	}
	return state.Facts.Authenticated
}

// checkHeldLogins holds a login before and after each of its store calls while all sessions of its subject are ended.
func checkHeldLogins(t *testing.T, gate *gateStore, rounds int) {
	met := 0
	for round := range rounds {
		for from, open := range map[string]func(s *site) []string{
			"nothing":   func(*site) []string { return nil },
			"a visitor": func(s *site) []string { token, _ := s.openOne(""); return token },
			"its own":   func(s *site) []string { token, _ := s.openOne(s.subject); return token },
			"another's": func(s *site) []string { token, _ := s.openOne("bob-" + s.subject); return token },
		} {
			for at := 0; ; at++ {
				reached := 0
				for _, after := range []bool{false, true} {
					s := newLiveSite(t, gate, func(cfg *sojourn.Config) { cfg.MaxSessions = limit })
					tokens := open(s)
					x := heldAt(at, after)
					var a answer
					if !x.run(
						func() { a = s.send(s.nodes[round%2], loggingIn(s.subject), x, tokens...) },
						func() {
							if _, err := s.nodes[1].RevokeAll(t.Context(), s.subject); err != nil {
								t.Errorf("RevokeAll: %s", withCause(err))
							}
						}) {
						continue
					}
					reached++
					where := fmt.Sprintf("login from %s, held at %d of %q (after: %t): status %d, cookie %q", from, at, x.calls(), after, a.status, a.cookie)
					if list, err := s.nodes[0].Sessions(t.Context(), s.subject); err != nil || len(list) != 0 {
						t.Errorf("%s: %d sessions are listed (%v)", where, len(list), err)
					}
					if a.cookie == "set" && s.look(a.token).live {
						t.Errorf("%s: it survived", where)
					}
					if a.status != http.StatusConflict && !a.ok() {
						t.Error(where)
					}
				}
				if met += reached; reached == 0 {
					break
				}
			}
		}
	}
	t.Logf("%d logins, held at each store call while all was revoked: 0 survivors", met)
}
