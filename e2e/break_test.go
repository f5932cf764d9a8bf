package e2e_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestBreakPage_bothRacesHold(t *testing.T) {
	s := newSite(t)
	s.races = true
	b := newBrowser(t, s)
	b.open("/break")
	if got := b.follow("#run"); got != http.StatusOK {
		b.fatal("got %d", got)
	}
	if held := b.texts("[data-test=result][data-passed=true] caption"); len(held) != 2 {
		b.fatal("held: %q, want both races", held)
	}
	rows := make(map[string]string)
	for _, row := range b.texts("[data-test=result] tbody tr") {
		what, got, _ := strings.Cut(row, "\t")
		rows[what] = got
	}
	for what, want := range map[string]string{
		"Sign-outs, each with a request under way": "20",
		"Sessions readable afterwards":             "0",
		"Cookies set by the late response":         "0",
		"Server errors":                            "0",
		"Requests at once":                         "200",
		"Acknowledged":                             "200 of 200",
		"Counted":                                  "200 of 200",
	} {
		if rows[what] != want {
			t.Errorf("%s: got %q, want %q", what, rows[what], want)
		}
	}
	if jar := b.jar(); len(jar) != 0 {
		t.Errorf("the races left cookies with their spectator: %s", cookieNames(jar))
	}
}
