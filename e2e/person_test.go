package e2e_test

import (
	"net/http"

	"github.com/chromedp/chromedp"
)

// What people do on the site, as they do it.

func (b *browser) signUp(name string) {
	b.t.Helper()
	b.open("/signup")
	b.fill("#name", name)
	b.fill("#password", password)
	b.follow("#signup-form button")
	b.shows("[data-test=who]", name)
}

func (b *browser) signIn(name, password string, remember bool) {
	b.t.Helper()
	b.open("/signin")
	b.fill("#name", name)
	b.fill("#password", password)
	if remember {
		b.do("remember", chromedp.Click(chromedp.CSS("input[name=remember]")))
	}
	b.follow("#signin-form button.wide")
	b.shows("[data-test=who]", name)
}

func (b *browser) signOut() {
	b.t.Helper()
	b.follow("#signout")
	if b.has("[data-test=who]") {
		b.fatal("signed in after the sign-out")
	}
}

// add puts a tea into the cart, on the shop's page.
func (b *browser) add(tea string) {
	b.t.Helper()
	b.follow("[data-test=add-" + tea + "]")
	b.shows("[data-test=notice]", "is in your cart.")
}

// signedInAs sees what a freshly loaded page says.
func (b *browser) signedInAs(name string) {
	b.t.Helper()
	if status := b.open("/cart"); status != http.StatusOK {
		b.fatal("got %d", status)
	}
	if got := b.text("[data-test=who]"); got != name {
		b.fatal("the page is of %q, want %q", got, name)
	}
}
