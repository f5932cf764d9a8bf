package e2e_test

import "testing"

func TestAccount_cartOfAVisitorSurvivesTheLogin(t *testing.T) {
	b := newBrowser(t, newSite(t))
	b.open("/")
	b.shows("[data-test=facts]", "There is none yet")
	if jar := b.jar(); len(jar) != 0 {
		t.Errorf("a visitor who keeps nothing has cookies: %s", cookieNames(jar))
	}
	b.add("sencha")
	b.add("mint")
	b.shows("[data-test=cart-count]", "2")

	b.signUp("ada")
	b.shows("[data-test=cart-count]", "2")
	b.signOut()
	if b.has("[data-test=cart-count]") {
		t.Error("the cart of the account stays with the visitor")
	}

	// Another cart, put together before the sign-in.
	b.open("/")
	b.add("keemun")
	b.signIn("ada", password, false)
	b.open("/cart")
	b.shows("[data-test=line-keemun]", "Keemun")
	b.shows("[data-test=total]", "€10.50")
	if b.has("[data-test=line-sencha]") {
		t.Error("the cart of the session that ended is back")
	}
}

func TestAccount_noticeIsShownOnce(t *testing.T) {
	b := newBrowser(t, newSite(t))
	b.open("/")
	b.follow("[data-test=add-oolong]")
	b.shows("[data-test=notice]", "High Mountain Oolong is in your cart.")
	b.reload()
	if b.has("[data-test=notice]") {
		t.Error("the notice is there again after a reload")
	}
	b.signUp("ada")
	b.shows("[data-test=notice]", "Welcome, ada.")
	b.open("/cart")
	if b.has("[data-test=notice]") {
		t.Error("the welcome is there again on another page")
	}
}
