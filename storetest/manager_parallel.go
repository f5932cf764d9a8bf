package storetest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/sojourn-go/sojourn"
)

const (
	increments    = 200
	parallelNames = 50
)

// checkCounter has one session's counter incremented by many requests at once, on both nodes; the first time over a real
// server too.
func checkCounter(t *testing.T, gate *gateStore, rounds int) {
	increment := func(_ http.ResponseWriter, _ *http.Request, ses *sojourn.Session) {
		siteCounter.Update(ses, func(n int) int { return n + 1 })
	}
	for round := range rounds {
		s := newSite(t, gate, nil)
		send := func(i int, token string) answer { return s.send(s.nodes[i%2], increment, nil, token) }
		if round == 0 {
			server := httptest.NewServer(s.nodes[0].HandlerFunc(increment))
			defer server.Close()
			send = func(_ int, token string) answer { return s.visit(server, token) }
		}
		token, _ := s.open(s.nodes[0], "", nil)
		answers := make([]answer, increments)
		inParallel(increments, func(i int) { answers[i] = send(i, token) })
		for _, a := range answers {
			if !a.ok() || a.cookie != "" {
				t.Errorf("an increment got status %d, cookie %q", a.status, a.cookie)
			}
		}
		if got := s.look(token).values.Get(string(siteCounter)); got != fmt.Sprint(increments) {
			t.Fatalf("round %d: the counter is %s after %d increments", round, got, increments)
		}
	}
	t.Logf("%d times %d parallel increments: each time exactly %d", rounds, increments, increments)
}

// visit sends a request to a real server.
func (s *site) visit(server *httptest.Server, token string) answer {
	r, err := http.NewRequestWithContext(s.tb.Context(), "POST", server.URL, nil)
	if err != nil {
		s.tb.Error(err)
		return answer{}
	}
	r.Header.Set("Cookie", siteCookie+"="+token)
	res, err := server.Client().Do(r)
	if err != nil {
		s.tb.Error(err)
		return answer{}
	}
	defer res.Body.Close()
	return answerOf(s.tb, res)
}

// checkNames has many requests at once set a name each.
func checkNames(t *testing.T, gate *gateStore, rounds int) {
	for round := range rounds {
		s := newSite(t, gate, nil)
		token, _ := s.open(s.nodes[0], "", nil)
		answers := make([]answer, parallelNames)
		inParallel(parallelNames, func(i int) {
			answers[i] = s.send(s.nodes[i%2], func(_ http.ResponseWriter, _ *http.Request, ses *sojourn.Session) {
				ses.Set(fmt.Sprint("name-", i), i)
			}, nil, token)
		})
		if i := slices.IndexFunc(answers, func(a answer) bool { return !a.ok() || a.cookie != "" }); i >= 0 {
			t.Errorf("a change got status %d, cookie %q", answers[i].status, answers[i].cookie)
		}
		got := s.look(token).values
		for i := range parallelNames {
			if text := got.Get(fmt.Sprint("name-", i)); text != fmt.Sprint(i) {
				t.Errorf("name %d is %q", i, text)
			}
		}
		if t.Failed() {
			t.Fatalf("round %d: %d names", round, got.Len())
		}
	}
	t.Logf("%d times %d parallel requests, a name each: each time all %d", rounds, parallelNames, parallelNames)
}
