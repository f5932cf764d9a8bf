package e2e_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
)

// hostile is a page of another server with a form for each of the attacks.
func hostile(s *site) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!DOCTYPE html><title>A prize</title><link rel="icon" href="data:,">
<form method="post" action="%[1]s/signin"><input type="hidden" name="name" value="mallory">
<input type="hidden" name="password" value="%[2]s"><button id="signin">Win</button></form>
<form method="post" action="%[1]s/signout"><button id="signout-there">Win</button></form>
<form method="post" action="%[1]s/devices/others"><button id="others">Win</button></form>`, s.url, password)
	}
}

// Two origins, for two defences: to a page of another site the browser gives no Lax cookie, but another port is the same
// site, and there the request comes with the cookie and only the origin tells.
func TestCrossSite_postsAreRefused(t *testing.T) {
	s := newSite(t)
	s.ask("/signup", "", "name", "mallory", "password", password)
	sameSite, otherSite := neighbour(t, hostile(s))
	b := newBrowser(t, s)
	b.faults.expect("status of 403", "ExcludeSameSiteLax")

	for name, page := range map[string]string{"same site, other port": sameSite, "other site": otherSite} {
		t.Run("sign-in, "+name, func(t *testing.T) {
			b := b.in(t)
			b.open(page)
			if got := b.follow("#signin"); got != http.StatusForbidden {
				t.Errorf("got %d, want 403", got)
			}
			b.open("/")
			if b.has("[data-test=who]") || len(b.jar()) != 0 {
				t.Fatal("the victim is signed in as the attacker")
			}
		})
	}

	b.signUp("ada")
	second := s.ask("/signin", "", "name", "ada", "password", password).token
	token := b.cookie().Value
	for name, page := range map[string]string{"same site, other port": sameSite, "other site": otherSite} {
		for _, button := range []string{"#signout-there", "#others"} {
			t.Run(button+", "+name, func(t *testing.T) {
				b := b.in(t)
				b.open(page)
				if got := b.follow(button); got != http.StatusForbidden {
					t.Errorf("got %d, want 403", got)
				}
				b.shows("main", "came from another site")
				b.signedInAs("ada")
			})
		}
		t.Run("script, "+name, func(t *testing.T) {
			b := b.in(t)
			b.faults.expect("CorsIssue", "BlockedByResponse", "blocked by CORS", "net::ERR_BLOCKED_BY_RESPONSE", "net::ERR_FAILED", "BLOCKED_BY_LOCAL")
			b.open(page)
			for _, mode := range []string{"no-cors", "cors"} {
				b.do("fetch", chromedp.Evaluate[chromedp.Void](
					fmt.Sprintf(`fetch("%s/signout", {method: "POST", mode: %q, credentials: "include"}).catch(() => {})`, s.url, mode),
					chromedp.EvalAwaitPromise))
			}
			b.signedInAs("ada")
		})
	}
	if got := b.cookie().Value; got != token {
		t.Error("the cookie was replaced")
	}
	if got := s.ask("/devices", second); got.status != http.StatusOK {
		t.Error("the other device was signed out")
	}
}
