package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// screenshotsVar names the folder that keeps the pictures. Default: they go when the test does.
const screenshotsVar = "SOJOURN_E2E_SCREENSHOTS"

// The faults that fail every other test would be worth nothing if nobody heard them.
func TestFaults_areHeard(t *testing.T) {
	b := newBrowser(t, newSite(t))
	b.open("/")
	b.do("violate", chromedp.Evaluate[chromedp.Void](`
		const s = document.createElement("script"); s.textContent = "window.inline = true"; document.body.append(s);
		console.error("on purpose");
		setTimeout(() => { throw new Error("thrown on purpose") });
		fetch("/nowhere").then(() => window.over = true);`))
	b.until("window.over")
	if run[bool](b, "window.inline === true") {
		t.Error("the policy let an inline script run")
	}
	wanted := []string{"ContentSecurityPolicyIssue script-src", "console: \"on purpose\"", "thrown on purpose", "status of 404"}
	b.faults.expect(append(wanted, "Content Security Policy")...)
	for _, want := range wanted {
		if heard := b.faults.all(); !slices.ContainsFunc(heard, func(f string) bool { return strings.Contains(f, want) }) {
			t.Errorf("nobody heard %q among %q", want, heard)
		}
	}
}

// screen is a size and a colour scheme to look at a page in.
type screen struct {
	name          string
	width, height int64
	mobile        bool
	scheme        string
}

var screens = []screen{
	{"phone-light", 390, 844, true, "light"},
	{"phone-dark", 390, 844, true, "dark"},
	{"desktop-light", 1280, 900, false, "light"},
	{"desktop-dark", 1280, 900, false, "dark"},
}

func TestPages_lookRight(t *testing.T) {
	dir := os.Getenv(screenshotsVar)
	if dir == "" {
		dir = t.TempDir()
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	s.races = true
	b := newBrowser(t, s)
	b.faults.expect("status of 422", "status of 404", endAnswered)
	shoot := func(name string) {
		t.Helper()
		b.shoot(dir, name)
	}

	b.open("/")
	shoot("shop-visitor")
	b.open("/cart")
	shoot("cart-empty")
	b.open("/signup")
	shoot("signup")
	b.open("/signin")
	b.fill("#name", "ada")
	b.fill("#password", "not the password")
	if got := b.follow("#signin-form button.wide"); got != http.StatusUnprocessableEntity {
		t.Fatalf("a wrong password: got %d", got)
	}
	shoot("signin-fault")
	b.open("/")
	b.add("sencha")
	b.add("oolong")
	b.add("oolong")
	b.open("/cart")
	shoot("cart-visitor")
	b.signUp("ada")
	shoot("shop-signed-in")
	b.open("/cart")
	shoot("cart-signed-in")
	b.open("/devices")
	shoot("devices-one")
	for _, s.agent = range []string{onWindows, onPhone} {
		s.ask("/signin", "", "name", "ada", "password", password, "remember", "1")
	}
	b.open("/devices")
	shoot("devices-three")
	b.open("/password")
	b.fill("#current", "not the password")
	b.fill("#password", "another shop, a longer road")
	b.follow("#password-form button")
	shoot("password-fault")
	b.open("/nowhere")
	shoot("not-found")
	b.open("/break")
	shoot("break")
	b.follow("#run")
	shoot("break-results")

	// Signed out by another device, with the devices still on the screen.
	second := s.ask("/signin", "", "name", "ada", "password", password).token
	b.open("/devices")
	b.heard.beyond(t, 0)
	s.ask("/devices/others", second, "all", "1")
	b.until("document.getElementById('ended').open")
	shoot("ended")
	b.signIn("ada", password, false)
	b.signOut()
	shoot("signed-out")
}

// shoot takes a picture of the whole page on each screen, and sees that none has to be scrolled sideways.
func (b *browser) shoot(dir, name string) {
	b.t.Helper()
	for _, s := range screens {
		options := []chromedp.EmulateViewportOption{chromedp.EmulateScale(1)}
		if s.mobile {
			options = append(options, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
		}
		b.do("set the screen", chromedp.EmulateViewport(s.width, s.height, options...))
		if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
		}); err != nil {
			b.t.Fatal(err)
		}
		if got := run[bool](b, fmt.Sprintf("matchMedia('(prefers-color-scheme: %s)').matches", s.scheme)); !got {
			b.t.Errorf("%s: the colour scheme is not %s", s.name, s.scheme)
		}
		if wide := run[int64](b, "document.documentElement.scrollWidth"); wide > s.width {
			b.t.Errorf("%s on %s is %d pixels wide, want at most %d", name, s.name, wide, s.width)
		}
		// The whole page, but of a dialog what it covers: the screen.
		whole := !b.has("dialog[open]")
		height := s.height
		if whole {
			height = run[int64](b, "document.documentElement.scrollHeight")
		}
		picture, err := chromedp.Call(b.ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{
			CaptureBeyondViewport: &whole,
			Clip:                  &page.Viewport{Width: float64(s.width), Height: float64(height), Scale: 1},
		})
		if err != nil {
			b.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+"-"+s.name+".png"), picture.Data, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	b.do("reset the screen", chromedp.ResetViewport())
}
