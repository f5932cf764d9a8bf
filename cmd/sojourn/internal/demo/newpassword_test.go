package demo_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

const better = "quite another sentence"

func TestChangePassword_endsTheOthersAndRenews(t *testing.T) {
	st := newSite(t)
	here, there := st.client(t), st.client(t)
	here.signUp("ada")
	there.signIn("ada")
	token := here.cookie

	here.goesTo(here.post("/password", "current", password, "password", better), "/devices")
	if there.signedIn() {
		t.Error("the other device is still signed in")
	}
	if here.cookie == token || !here.signedIn() {
		t.Error("this device should be signed in under a new token")
	}
	old := st.client(t)
	old.cookie = token
	if old.signedIn() {
		t.Error("the token from before the change is still good")
	}
	old.want(old.post("/signin", "name", "ada", "password", password), http.StatusUnprocessableEntity)
	old.goesTo(old.post("/signin", "name", "ada", "password", better), "/")
}

func TestChangePassword_asksForTheOldOne(t *testing.T) {
	st := newSite(t)
	c, there := st.client(t), st.client(t)
	c.signUp("ada")
	there.signIn("ada")
	before := st.rows(t)
	for _, tt := range []struct{ current, chosen, fault string }{
		{"not my password", better, "not your current password"},
		{"", better, "not your current password"},
		{password, "short", "at least 15"},
	} {
		got := c.want(c.post("/password", "current", tt.current, "password", tt.chosen), http.StatusUnprocessableEntity)
		if !strings.Contains(got.body, tt.fault) {
			t.Errorf("got no %q", tt.fault)
		}
	}
	if !there.signedIn() || strings.Split(st.rows(t), "\n")[0] != strings.Split(before, "\n")[0] {
		t.Error("a refused change changed something")
	}
	for range 5 {
		c.post("/password", "current", "a wrong guess here", "password", better)
	}
	c.want(c.post("/password", "current", password, "password", better), http.StatusTooManyRequests)
}

func TestChangePassword_asksForAFreshSignIn(t *testing.T) {
	st := newSite(t)
	c := st.client(t)
	c.post("/cart/add", "tea", "mint")
	c.signUp("ada")
	c.get("/")
	st.clock.advance(11 * time.Minute)
	c.goesTo(c.get("/password"), "/signin?next=%2Fpassword")
	c.goesTo(c.post("/password", "current", password, "password", better), "/signin?next=%2Fpassword")

	page := c.get("/signin?next=%2Fpassword").body
	if !strings.Contains(page, "Please confirm that it is you.") || !strings.Contains(page, `value="ada"`) {
		t.Error("the page does not say what it wants")
	}
	c.goesTo(c.post("/signin", "name", "ada", "password", password, "next", "/password"), "/password")
	c.want(c.get("/password"), http.StatusOK)
	if n := len(deviceIDs(c.get("/devices").body)); n != 1 {
		t.Errorf("got %d devices after signing in again, want 1", n)
	}
	if !strings.Contains(c.get("/cart").body, "Nana Mint") {
		t.Error("the cart did not outlive the second sign-in")
	}
}

func TestPassword_pageIsForMembers(t *testing.T) {
	c := newSite(t).client(t)
	c.goesTo(c.get("/password"), "/signin?next=%2Fpassword")
	c.goesTo(c.post("/password", "current", password, "password", better), "/signin")
}
