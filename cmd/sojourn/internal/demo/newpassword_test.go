package demo_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	sqlitestore "github.com/sojourn-go/sojourn/stores/sqlite"
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

// breakIn is a store in which a thief acts in the middle of a request: at its first load, or when the others are to end.
type breakIn struct {
	*sqlitestore.Store
	steal func(moment string)
}

func (st *breakIn) Load(ctx context.Context, key sojourn.Key) (sojourn.State, error) {
	state, err := st.Store.Load(ctx, key)
	st.steal("load")
	return state, err
}

func (st *breakIn) DeleteSubject(ctx context.Context, realm, subject string, keep sojourn.ID) (int, error) {
	st.steal("before the end")
	defer st.steal("after the end")
	return st.Store.DeleteSubject(ctx, realm, subject, keep)
}

// A thief who has a copy of the token renews it with a change of password or by ending the others, at whatever moment
// somebody does the same.
func TestEndOthers_noThiefWithTheSameTokenStays(t *testing.T) {
	for _, path := range []string{"/password", "/devices/others"} {
		for moment, stays := range map[string]bool{"load": false, "before the end": true, "after the end": true} {
			t.Run(strings.Trim(path, "/")+" at "+moment, func(t *testing.T) {
				store := &breakIn{steal: func(string) {}}
				st := openSiteOver(t, filepath.Join(t.TempDir(), "demo.db"), func(inner *sqlitestore.Store) sojourn.Store {
					store.Store = inner
					return store
				})
				here, there, thief := st.client(t), st.client(t), st.client(t)
				here.signUp("ada")
				there.signIn("ada")
				thief.cookie = here.cookie
				stole := false
				store.steal = func(now string) {
					if now != moment || stole {
						return
					}
					stole = true
					thief.post("/devices/others")
					if now == "load" {
						there.signIn("ada") // or the thief has ended it already
					}
				}

				got := here.post(path, "current", password, "password", better)

				store.steal = func(string) {}
				if !stole {
					t.Fatal("nobody stole anything")
				}
				if thief.signedIn() || there.signedIn() {
					t.Errorf("signed in: the thief %v, the other device %v; want neither", thief.signedIn(), there.signedIn())
				}
				if here.signedIn() != stays {
					t.Errorf("signed in here: %v, want %v", !stays, stays)
				}
				if stays {
					here.goesTo(got, "/devices")
					return
				}
				here.goesTo(got, "/signin")
				if page := here.get("/signin").body; !strings.Contains(page, "all devices are signed out") &&
					!strings.Contains(page, "All devices are signed out") {
					t.Error("no notice of what happened")
				}
			})
		}
	}
}

// A page of the same browser that still has the old token is not told that it is signed out: the new one is on its way.
func TestDevicesList_underTheTokenBefore_isToBeAskedAgain(t *testing.T) {
	st := newSite(t)
	c := st.client(t)
	c.signUp("ada")
	tab := st.client(t)
	tab.cookie = c.cookie
	c.goesTo(c.post("/devices/others"), "/devices")
	if tab.cookie == c.cookie {
		t.Fatal("the token is the old one")
	}
	tab.want(tab.get("/devices/list"), http.StatusConflict)
	st.clock.advance(time.Minute)
	tab.want(tab.get("/devices/list"), http.StatusUnauthorized)
}
