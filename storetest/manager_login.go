package storetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

const parallelChanges = 36

// checkCarryOver logs a visitor in while many requests change what the visitor has: a third of them append to a value
// that the login keeps, a third set a name each that it keeps, a third set names that it does not. Some names were there
// before. Every other time it is a double click: two logins at once.
func checkCarryOver(t *testing.T, gate *gateStore, rounds int) {
	carried, refused := 0, 0
	for round := 0; round < 10*rounds && !t.Failed(); round++ {
		s := newSite(t, gate, nil)
		keep := []string{string(siteCart)}
		for i := range parallelChanges {
			keep = append(keep, fmt.Sprint("wish-", i))
		}
		token, id := s.open(s.nodes[0], "", func(ses *sojourn.Session) {
			ses.Set("planted", "by somebody else")
			for i := 0; i < parallelChanges; i += 2 {
				ses.Set(fmt.Sprint("wish-", i), "before")
				ses.Set(fmt.Sprint("stray-", i), "before")
			}
		})
		logins := 1 + round%2
		answers := make([]answer, parallelChanges+logins)
		answered := make(chan bool, parallelChanges)
		inParallel(len(answers), func(i int) {
			answers[i] = s.send(s.nodes[i%2], func(_ http.ResponseWriter, _ *http.Request, ses *sojourn.Session) {
				switch {
				case i >= parallelChanges:
					if i == parallelChanges { // in the middle of the changes, each time somewhere else
						for range round % parallelChanges {
							<-answered
						}
					}
					ses.Login(s.subject, keep...)
				case i%3 == 0:
					siteCart.Update(ses, func(c []string) []string { return append(slices.Clone(c), fmt.Sprint("item-", i)) })
				case i%3 == 1:
					ses.Set(fmt.Sprint("wish-", i), "now")
				default:
					ses.Set(fmt.Sprint("stray-", i), "now")
				}
			}, nil, token)
			if i < parallelChanges {
				answered <- true
			}
		})
		winner := s.winner(answers[parallelChanges:], id)
		for i, a := range answers[:parallelChanges] {
			s.checkCarried(i, a, winner)
			if a.ok() {
				carried++
			} else {
				refused++
			}
		}
		for _, name := range winner.names() {
			if !slices.Contains(keep, name) {
				t.Errorf("%s crossed the login", name)
			}
		}
		if got := s.look(token); got.live || got.values.Len() > 0 {
			t.Errorf("the visitor's token still opens %+v", got)
		}
	}
	t.Logf("%d logins against %d parallel changes each: one winner each time, %d changes acknowledged and carried or left behind as named, %d refused",
		10*rounds, parallelChanges, carried, refused)
}

// winner returns what the login that got the visitor's session made of it, and checks that the others got nothing of it.
func (s *site) winner(logins []answer, visitor sojourn.ID) (winner sight) {
	s.tb.Helper()
	winners := 0
	for _, a := range logins {
		s.expect(a, http.StatusOK, "set")
		got := s.look(a.token)
		switch {
		case !got.live || got.subject != s.subject:
			s.tb.Errorf("a login's token opens %+v", got)
		case got.values.Len() > 0 || got.id == visitor:
			winners++
			winner = got
		}
	}
	if winners != 1 {
		s.tb.Errorf("%d of %d logins got the visitor's session", winners, len(logins))
	}
	return winner
}

// checkCarried checks that a change is there exactly if it was acknowledged and kept.
func (s *site) checkCarried(i int, a answer, winner sight) {
	s.tb.Helper()
	if !a.ok() && a.status != http.StatusConflict || a.cookie != "" {
		s.tb.Errorf("change %d got status %d, cookie %q", i, a.status, a.cookie)
	}
	switch i % 3 {
	case 0:
		var items []string
		if err := json.Unmarshal([]byte(winner.values.Get(string(siteCart))), &items); err != nil {
			s.tb.Errorf("the cart: %v", err)
		}
		if slices.Contains(items, fmt.Sprint("item-", i)) != a.ok() || !slices.Contains(items, "tea") {
			s.tb.Errorf("item %d got status %d; the cart is %v", i, a.status, items)
		}
	case 1:
		want := ""
		if i%2 == 0 {
			want = `"before"`
		}
		if a.ok() {
			want = `"now"`
		}
		if got := winner.values.Get(fmt.Sprint("wish-", i)); got != want {
			s.tb.Errorf("wish %d got status %d and is %s, want %s", i, a.status, got, want)
		}
	}
}

// visitorChange is a change of a visitor's session that a login meets. kept says what the login must find of it.
type visitorChange struct {
	name string
	do   func(ses *sojourn.Session)
	kept func(v sojourn.Values, acknowledged bool) bool
}

func visitorChanges() []visitorChange {
	hasCart := func(v sojourn.Values) bool { return v.Get(string(siteCart)) != "" }
	return []visitorChange{
		{"append to a kept value", func(s *sojourn.Session) {
			siteCart.Update(s, func(c []string) []string { return append(slices.Clone(c), "milk") })
		}, func(v sojourn.Values, ok bool) bool { return strings.Contains(v.Get(string(siteCart)), "milk") == ok }},
		{"set a kept name", func(s *sojourn.Session) { s.Set("wish", 1) },
			func(v sojourn.Values, ok bool) bool { return hasCart(v) && (v.Get("wish") != "") == ok }},
		{"set another name", func(s *sojourn.Session) { s.Set("stray", 1) },
			func(v sojourn.Values, _ bool) bool { return hasCart(v) && v.Get("stray") == "" }},
		{"remove a kept name", func(s *sojourn.Session) { siteCart.Remove(s) },
			func(v sojourn.Values, ok bool) bool { return hasCart(v) != ok }},
		{"clear", func(s *sojourn.Session) { s.Clear() },
			func(v sojourn.Values, ok bool) bool { return hasCart(v) != ok }},
	}
}

// checkLoginInterleavings has a login and a change meet at each store call of either.
func checkLoginInterleavings(t *testing.T, gate *gateStore, rounds int) {
	met := 0
	for round := range rounds {
		for _, c := range visitorChanges() {
			for _, holdLogin := range []bool{false, true} {
				for at := 0; ; at++ {
					before := meetLogin(t, gate, c, round, holdLogin, heldAt(at, false))
					after := meetLogin(t, gate, c, round, holdLogin, heldAt(at, true))
					if !before && !after {
						break
					}
					met++
				}
			}
		}
	}
	t.Logf("%d interleavings of a login and a change", met)
}

func meetLogin(t *testing.T, gate *gateStore, c visitorChange, round int, holdLogin bool, held *exchange) bool {
	s := newSite(t, gate, nil)
	token, id := s.open(s.nodes[0], "", func(s *sojourn.Session) { s.Set("planted", 1) })
	var login, change answer
	x := [2]*exchange{new(exchange), new(exchange)}
	logIn := func() {
		login = s.send(s.nodes[0], func(_ http.ResponseWriter, _ *http.Request, ses *sojourn.Session) {
			ses.Login(s.subject, string(siteCart), "wish")
		}, x[0], token)
	}
	alter := func() {
		change = s.send(s.nodes[round%2], func(_ http.ResponseWriter, _ *http.Request, ses *sojourn.Session) { c.do(ses) }, x[1], token)
	}
	met := false
	if holdLogin {
		x[0] = held
		met = held.run(logIn, alter)
	} else {
		x[1] = held
		met = held.run(alter, logIn)
	}
	if !met {
		return false
	}
	got := s.look(login.token)
	if login.cookie != "set" || got.id != id || got.subject != s.subject || got.values.Get("planted") != "" {
		t.Errorf("the login got status %d, cookie %q, and opens %+v", login.status, login.cookie, got)
	}
	if !change.ok() && change.status != http.StatusConflict || change.cookie != "" {
		t.Errorf("the change got status %d, cookie %q", change.status, change.cookie)
	}
	if !c.kept(got.values, change.ok()) {
		t.Errorf("the change got status %d, and the login has %v", change.status, got.names())
	}
	if s.look(token).live {
		t.Error("the visitor's token is alive")
	}
	if t.Failed() {
		t.Fatalf("%s, held at call %d (after: %t; the login: %t): calls %q against %q", c.name, held.at, held.after, holdLogin, x[0].calls(), x[1].calls())
	}
	return true
}

// checkBusyLogin is about a record that others change faster than a login can: after a few conflicts the login takes what
// it keeps to a session of its own and ends the busy one.
func checkBusyLogin(t *testing.T, gate *gateStore, _ int) {
	for _, of := range []string{"", "own"} {
		t.Run("of "+of, func(t *testing.T) {
			s := newSite(t, gate, nil)
			subject := ""
			if of == "own" {
				subject = s.subject
			}
			token, id := s.open(s.nodes[0], subject, nil)
			x := &exchange{faults: faults{refuse: map[string]error{"update": sojourn.ErrConflict}}}
			a := s.send(s.nodes[1], func(_ http.ResponseWriter, _ *http.Request, ses *sojourn.Session) {
				ses.Login(s.subject, string(siteCart))
			}, x, token)
			s.expect(a, http.StatusOK, "set")
			if got := s.look(a.token); !got.live || got.id == id || got.subject != s.subject || got.values.Len() != 1 {
				t.Errorf("got %+v, want a new session of the subject with the cart", got)
			}
			if s.look(token).live {
				t.Error("the token before the login is alive")
			}
			if calls := strings.Fields(x.calls()); len(calls) > 24 {
				t.Errorf("one login cost %d store calls", len(calls))
			}
		})
	}
}
