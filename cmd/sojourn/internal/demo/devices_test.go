package demo_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// deviceIDs returns the IDs on a page of devices, the current one first.
func deviceIDs(page string) (ids []string) {
	for _, match := range regexp.MustCompile(`data-id="([0-9a-f]{32})"`).FindAllStringSubmatch(page, -1) {
		ids = append(ids, match[1])
	}
	return ids
}

func TestDevices_signOutOne(t *testing.T) {
	st := newSite(t)
	here, there := st.client(t), st.client(t)
	here.signUp("ada")
	there.agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1"
	there.signIn("ada")

	page := here.get("/devices").body
	ids := deviceIDs(page)
	if len(ids) != 2 || strings.Count(page, `data-test="current"`) != 1 {
		t.Fatalf("got devices %v of\n%s", ids, page)
	}
	for _, label := range []string{"Firefox on Linux", "Safari on iPhone"} {
		if !strings.Contains(page, label) {
			t.Errorf("no device is called %q", label)
		}
	}
	here.goesTo(here.post("/devices/"+ids[1]+"/revoke"), "/devices")
	if there.signedIn() || !here.signedIn() {
		t.Errorf("signed in: there %v, here %v; want only here", there.signedIn(), here.signedIn())
	}
	here.want(here.post("/devices/"+ids[1]+"/revoke"), http.StatusNotFound) // gone already
}

func TestDevices_signOutAllOthers(t *testing.T) {
	st := newSite(t)
	here := st.client(t)
	here.signUp("ada")
	others := []*client{st.client(t), st.client(t)}
	for _, c := range others {
		c.signIn("ada")
	}
	stranger := st.client(t)
	stranger.signUp("bob")

	here.goesTo(here.post("/devices/others"), "/devices")
	if page := here.get("/devices").body; !strings.Contains(page, "2 other devices are signed out.") {
		t.Error("no notice of two devices")
	}
	for i, c := range others {
		if c.signedIn() {
			t.Errorf("device %d is still signed in", i)
		}
	}
	if !here.signedIn() || !stranger.signedIn() {
		t.Error("the sign-out of others reached too far")
	}
}

// Whose the session is must not be told: another's is as unknown as one that never was.
func TestDevices_anothersIsNotFound(t *testing.T) {
	st := newSite(t)
	ada, eve := st.client(t), st.client(t)
	ada.signUp("ada")
	eve.signUp("eve")
	eve.get("/devices") // takes the notice off the page
	theirs := deviceIDs(ada.get("/devices").body)[0]

	var bodies []string
	for _, id := range []string{theirs, sojourn.NewID().String(), "0", strings.ToUpper(theirs), theirs + "0", strings.Repeat("0", 32)} {
		got := eve.want(eve.post("/devices/"+id+"/revoke"), http.StatusNotFound)
		bodies = append(bodies, got.body)
	}
	for _, body := range bodies[1:] {
		if body != bodies[0] {
			t.Error("the answers differ")
		}
	}
	if !ada.signedIn() {
		t.Error("a stranger signed ada out")
	}
}

func TestDevices_labelIsNeverTheHeadersText(t *testing.T) {
	st := newSite(t)
	c := st.client(t)
	c.signUp("ada")
	for _, agent := range []string{
		`<script>alert(1)</script>`, `Firefox/1"><img src=x onerror=alert(1)>`, "\x1b[31mLinux\x1b]0;title\a",
		"\u202egnp.exe Chrome/1", "=cmd|' /C calc'!A0", "\xff\xfe Safari/1", "a\r\nSet-Cookie: x=y", "", strings.Repeat("A", 5000) + "Firefox/",
	} {
		d := st.client(t)
		d.agent = agent
		d.from = "127.0.0.2:1"
		d.signIn("ada")
	}
	page := c.get("/devices").body
	for _, piece := range []string{"<script>alert", "onerror", "\x1b", "\u202e", "=cmd", "\xff", "x=y", "AAAA"} {
		if strings.Contains(page, piece) {
			t.Errorf("the page has %q from a header", piece)
		}
	}
	for _, label := range []string{"Firefox", "Chrome", "Safari", "Browser on Linux", "Unknown browser"} {
		if !strings.Contains(page, label) {
			t.Errorf("no device is called %q", label)
		}
	}
}
