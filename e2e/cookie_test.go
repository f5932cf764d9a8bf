package e2e_test

import (
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
)

func TestCookie_asTheBrowserStoresIt(t *testing.T) {
	b := newBrowser(t, newSite(t))
	b.open("/")
	b.add("mint")
	visitor := b.cookie()
	b.signUp("ada")
	session := b.cookie()
	if session.Value == visitor.Value {
		t.Error("the sign-up left the visitor's token in the jar")
	}
	for name, c := range map[string]*network.Cookie{"visitor": visitor, "signed in": session} {
		harmless(t, name, c)
		if !c.Session || c.Expires != -1 {
			t.Errorf("%s: persistent until %v, want the end of the browser's session", name, c.Expires)
		}
	}
	b.faults.expect("PerformanceIssue") // "document.cookie is slow"
	if got := run[string](b, "document.cookie"); got != "" {
		t.Error("a script of the page can read the cookie")
	}

	token := session.Value
	b.signOut()
	if jar := b.jar(); len(jar) != 0 {
		t.Errorf("after the sign-out the jar has %s", cookieNames(jar))
	}
	b.site.dead(token)

	before := time.Now()
	b.signIn("ada", password, true)
	remembered := b.cookie()
	harmless(t, "remembered", remembered)
	const month = 30 * 24 * time.Hour // the demo's deadline
	left := time.UnixMilli(int64(remembered.Expires * 1000)).Sub(before)
	if remembered.Session || left < month-time.Minute || left > month+time.Minute {
		t.Errorf("the remembered cookie lasts %v, want until the deadline, %v", left, month)
	}
	b.signOut()
	if jar := b.jar(); len(jar) != 0 {
		t.Errorf("after the second sign-out the jar has %s", cookieNames(jar))
	}
}

// harmless sees the attributes that every cookie of ours has.
func harmless(t *testing.T, name string, c *network.Cookie) {
	t.Helper()
	if !c.Secure || !c.HTTPOnly || c.SameSite != network.CookieSameSiteLax || c.Path != "/" {
		t.Errorf("%s: Secure %t, HttpOnly %t, SameSite %s, path %q; want true, true, Lax, \"/\"", name, c.Secure, c.HTTPOnly, c.SameSite, c.Path)
	}
	// A cookie with a Domain is stored with a dot in front: this one goes to no other host.
	if c.Domain != "localhost" {
		t.Errorf("%s: domain %q, want the host only", name, c.Domain)
	}
	if c.PartitionKey != nil {
		t.Errorf("%s: partitioned", name)
	}
}
