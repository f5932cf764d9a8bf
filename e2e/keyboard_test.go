package e2e_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// focus names the element that has the focus, and adds "unseen" if nothing shows that it has.
const focus = `(() => {
	const e = document.activeElement;
	const style = getComputedStyle(e);
	const box = e.getBoundingClientRect();
	const seen = e.matches(":focus-visible") && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 &&
		box.width > 4 && box.height > 4 && box.bottom > 0 && box.top >= 0 && box.bottom <= innerHeight;
	return (e.id || e.name || e.className || e.textContent.trim()) + (seen ? "" : " unseen");
})()`

func TestKeyboard_isEnoughToSignInAndOut(t *testing.T) {
	s := newSite(t)
	s.ask("/signup", "", "name", "ada", "password", password)
	b := newBrowser(t, s)
	b.open("/signin")

	press := func(keys string) {
		t.Helper()
		b.do("press a key", chromedp.KeyEvent(keys))
	}
	tabTo := func(want ...string) {
		t.Helper()
		for _, w := range want {
			press(kb.Tab)
			if got := run[string](b, focus); got != w {
				b.fatal("the focus is on %q, want %q", got, w)
			}
		}
	}
	tabTo("skip", "brand", "Shop", "Try to break it", "nav-cart", "nav-signin", "nav-signup", "name")
	press("ada")
	tabTo("password")
	press(password)
	tabTo("remember")
	press(" ")
	tabTo("wide")
	b.load("press Enter on the button", chromedp.KeyEvent(kb.Enter))
	b.shows("[data-test=who]", "ada")
	if b.cookie().Session {
		t.Error("the space bar did not tick the box")
	}

	// The link past the navigation is the first stop, and leads past it.
	tabTo("skip")
	press(kb.Enter)
	if got := run[string](b, "document.activeElement.id"); got != "main" {
		t.Errorf("the focus is on %q, want the page's content", got)
	}
	b.open("/cart")
	tabTo("skip", "brand", "Shop", "Try to break it", "nav-cart", "nav-devices", "signout")
	b.load("press the space bar on the button", chromedp.KeyEvent(" "))
	if b.has("[data-test=who]") {
		t.Error("signed in after the sign-out")
	}

	// Enter in a field sends the form.
	b.signedOutAndBack()
}

// signedOutAndBack signs in with Enter in the password field.
func (b *browser) signedOutAndBack() {
	b.t.Helper()
	b.open("/signin")
	b.fill("#name", "ada")
	b.load("press Enter in the field", chromedp.SendKeys(chromedp.CSS("#password"), password+kb.Enter))
	b.shows("[data-test=who]", "ada")
}
