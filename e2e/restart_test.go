package e2e_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestRestart_afterAKillNothingIsLostAndOpenPagesComeBack(t *testing.T) {
	s := newSite(t)
	b := newBrowser(t, s)
	b.faults.expect("net::ERR_") // while nobody is there
	b.open("/")
	b.add("sencha")
	b.signUp("ada")
	b.open("/")
	b.add("rooibos")
	token := b.cookie().Value
	b.open("/devices")
	b.do("mark", chromedp.Evaluate[chromedp.Void]("window.untouched = true"))
	b.heard.beyond(t, 0)

	before := b.heard.now()
	addr := s.addr()
	another := func() {
		t.Helper()
		if got := s.ask("/signin", "", "name", "ada", "password", password); got.status != http.StatusSeeOther {
			t.Fatalf("sign in on another device: got %d", got.status)
		}
	}
	s.kill()
	s.start(addr)
	another() // nobody tells the page, which does not listen yet
	b.heard.beyond(t, before)
	b.until(`window.untouched && document.querySelectorAll("[data-test=device]").length === 2`)
	another()
	b.until(`window.untouched && document.querySelectorAll("[data-test=device]").length === 3`)
	b.shows("[data-test=live]", "Signed in on another device: A Go program.")
	if b.has("#ended[open]") {
		t.Error("the page says that it was signed out")
	}

	b.signedInAs("ada")
	b.shows("[data-test=line-sencha]", "Sencha")
	b.shows("[data-test=line-rooibos]", "Rooibos")
	if got := b.cookie().Value; got != token {
		t.Error("the restart changed the token")
	}
	b.signOut()
	s.dead(token)
}
