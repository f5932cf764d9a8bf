package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// What browsers of other devices call themselves.
const (
	onWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
	onPhone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)

// atOnce is how long an open page may take to say what happened to its session. The server's own re-check, for changes
// that another process made, comes every two seconds.
const atOnce = 5 * time.Second

// A page that is told of its end asks what is left of its session, and hears that there is nothing.
const endAnswered = "status of 401"

func TestDevices_twoBrowsersOfOneAccount(t *testing.T) {
	s := newSite(t)
	laptop := newBrowser(t, s)
	other := newBrowser(t, s, onWindows)
	other.faults.expect(endAnswered)
	laptop.signUp("ada")
	laptop.open("/devices")
	laptop.shows("#devices", "Open this page in a second browser")

	// An open page hears of the second device without being touched.
	laptop.do("mark", chromedp.Evaluate[chromedp.Void]("window.untouched = true"))
	laptop.heard.beyond(t, 0)
	other.signIn("ada", password, true)
	laptop.until(`window.untouched && document.querySelectorAll("[data-test=device]").length === 2`)
	laptop.shows("[data-test=live]", "Signed in on another device: Edge on Windows.")

	other.open("/devices")
	for _, b := range []struct {
		*browser
		mine, others string
	}{
		{laptop, "Chrome on Linux", "Edge on Windows"},
		{other, "Edge on Windows", "Chrome on Linux"},
	} {
		devices := b.texts("[data-test=device]")
		if len(devices) != 2 {
			b.fatal("got %d devices, want 2", len(devices))
		}
		for i, want := range [][]string{
			{b.mine, "This device", "Signed in just now", "Last seen now"},
			{b.others, "Signed in just now", "Last seen just now"},
		} {
			shown := strings.Join(strings.Fields(devices[i]), " ")
			for _, piece := range want {
				if !strings.Contains(shown, piece) {
					t.Errorf("device %d: %q shows no %q", i, shown, piece)
				}
			}
		}
		if n := len(b.texts("[data-test=current]")); n != 1 {
			t.Errorf("%d devices are marked as this one, want 1", n)
		}
	}
	if !strings.Contains(other.text("[data-test=device]"), "Remembered") {
		t.Error("the device that is to be remembered is not marked")
	}

	t.Run("revoke one, and its open page says so by itself", func(t *testing.T) {
		laptop, other := laptop.in(t), other.in(t)
		token := other.cookie().Value
		other.open("/cart")
		other.heard.beyond(t, 0)
		if got := laptop.follow("[data-test=revoke]"); got != http.StatusOK {
			t.Fatalf("got %d", got)
		}
		laptop.shows("[data-test=notice]", "The device is signed out.")
		if took := other.until("document.getElementById('ended').open"); took > atOnce {
			t.Errorf("the page of the revoked device took %v, want at most %v", took, atOnce)
		}
		other.shows("#ended", "You are signed out here")
		s.dead(token)
		if n := len(laptop.texts("[data-test=device]")); n != 1 {
			t.Errorf("%d devices are left, want 1", n)
		}
		other.follow("#ended-signin")
		other.shows("h1", "Sign in")
	})

	t.Run("sign out all others", func(t *testing.T) {
		laptop, other := laptop.in(t), other.in(t)
		other.signIn("ada", password, false)
		third := s.ask("/signin", "", "name", "ada", "password", password).token
		token := other.cookie().Value
		other.heard.beyond(t, 0)
		laptop.open("/devices")
		laptop.follow("#revoke-others")
		laptop.shows("[data-test=notice]", "2 other devices are signed out.")
		if took := other.until("document.getElementById('ended').open"); took > atOnce {
			t.Errorf("the page of the other device took %v, want at most %v", took, atOnce)
		}
		s.dead(token)
		s.dead(third)
		laptop.signedInAs("ada")
	})

	t.Run("a new password ends the others", func(t *testing.T) {
		laptop, other := laptop.in(t), other.in(t)
		const chosen = "another shop, a longer road"
		other.signIn("ada", password, false)
		other.heard.beyond(t, 0)
		token, mine := other.cookie().Value, laptop.cookie().Value
		laptop.open("/password")
		laptop.fill("#current", "not the password at all")
		laptop.fill("#password", chosen)
		laptop.faults.expect("status of 422")
		if got := laptop.follow("#password-form button"); got != http.StatusUnprocessableEntity {
			t.Errorf("with a wrong password: got %d, want 422", got)
		}
		laptop.shows("[data-test=fault]", "not your current password")
		laptop.fill("#current", password)
		laptop.fill("#password", chosen)
		laptop.follow("#password-form button")
		laptop.shows("[data-test=notice]", "Your password is changed")
		other.until("document.getElementById('ended').open")
		s.dead(token)
		if now := laptop.cookie().Value; now == mine {
			t.Error("the device that changed the password kept its secret")
		}
		s.dead(mine)
		laptop.signedInAs("ada")
		other.open("/signin")
		other.faults.expect("status of 422")
		other.fill("#name", "ada")
		other.fill("#password", password)
		if got := other.follow("#signin-form button.wide"); got != http.StatusUnprocessableEntity {
			t.Errorf("with the old password: got %d, want 422", got)
		}
		other.signIn("ada", chosen, false)
		laptop.open("/devices")
		if labels := laptop.texts("[data-test=device] h2"); !slices.ContainsFunc(labels, func(l string) bool { return strings.Contains(l, "Edge") }) {
			t.Errorf("got devices %q", labels)
		}
	})
}
