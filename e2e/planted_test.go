package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// neighbour is another server of the same host. Ports share their cookies (RFC 6265 §8.5), so it can plant what a
// subdomain or an injected response could elsewhere.
func neighbour(t *testing.T, h http.HandlerFunc) (local, foreign string) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1), server.URL
}

// planting answers with the cookie that the query names.
func planting(w http.ResponseWriter, r *http.Request) {
	w.Header()["Set-Cookie"] = []string{r.URL.Query().Get("cookie")}
	w.Header().Set("Content-Type", "text/html")
	fmt.Fprint(w, `<!DOCTYPE html><title>Neighbour</title><link rel="icon" href="data:,">`)
}

func TestPlantedCookie_leavesTheSessionAlone(t *testing.T) {
	s := newSite(t)
	mallory := s.ask("/signup", "", "name", "mallory", "password", password).token
	if got := s.ask("/devices", mallory); got.status != http.StatusOK {
		t.Fatalf("mallory's token does not open mallory's session: %d", got.status)
	}
	beside, _ := neighbour(t, planting)
	b := newBrowser(t, s)
	b.faults.expect("CookieIssue", "PerformanceIssue") // refused; "document.cookie is slow"
	b.signUp("ada")
	ours := b.cookie().Value

	// Each holds a token that opens mallory's session, were it ever believed.
	for _, tt := range []struct {
		cookie string // but for the value
		stored bool   // the browser takes it, as a cookie of another name
	}{
		{"__Host-id=%s; Path=/", false},                           // not Secure
		{"__Host-id=%s; Secure; Path=/cart", false},               // a longer path would be sent first
		{"__Host-id=%s; Secure; Path=/; Domain=localhost", false}, // not of this host only
		{"__Host-id=%s; Secure", false},                           // the path of the page, and of a script's page
		{"__host-id=%s; Path=/", false},                           // prefixes know no case (RFC 6265bis §4.1.3)
		{"__HOST-ID=%s; Secure; Path=/cart", false},
		{"=__Host-id=%s; Path=/", false}, // no name: its value would be sent as name and value
		{"__Host-id%%3D=%s; Path=/", false},
		{"__host-id=%s; Secure; Path=/", true}, // keeps what the prefix promises, and is not our name
		{"id=%s; Path=/", true},
		{"id=%s; Path=/cart", true},
		{"__Secure-id=%s; Secure; Path=/cart", true},
	} {
		cookie := fmt.Sprintf(tt.cookie, mallory)
		for _, way := range []struct {
			name  string
			plant func()
		}{
			{"by another port", func() { b.open(beside + "/cart/deep?cookie=" + url.QueryEscape(cookie)) }},
			{"by a script", func() {
				b.open("/cart")
				run[string](b, fmt.Sprintf("document.cookie = %q", cookie))
			}},
		} {
			way.plant()
			stored := 0
			for _, c := range b.jar() {
				switch {
				case c.Name == cookieName && c.Value != ours:
					t.Errorf("%s %s: took our cookie's place", tt.cookie, way.name)
				case strings.Contains(c.Value, mallory) || c.Value == mallory:
					stored++
				}
			}
			if tt.stored != (stored > 0) {
				t.Errorf("%s %s: stored %d, want stored %t", tt.cookie, way.name, stored, tt.stored)
			}
			b.signedInAs("ada")
			b.uproot()
		}
	}

	// The exact cookie of ours a script cannot write either: it is HttpOnly.
	b.open("/cart")
	run[string](b, fmt.Sprintf("document.cookie = %q", cookieName+"="+mallory+"; Secure; Path=/"))
	run[string](b, fmt.Sprintf("document.cookie = %q", cookieName+"=; Secure; Path=/; Max-Age=0"))
	b.signedInAs("ada")
	if got := b.cookie().Value; got != ours {
		t.Error("a script took our cookie's place")
	}
}

func TestPlantedToken_opensNothingAfterTheLogin(t *testing.T) {
	s := newSite(t)
	// The attacker's own visit: a token that the server made, with something in the cart.
	planted := s.ask("/cart/add", "", "tea", "keemun").token
	if planted == "" {
		t.Fatal("no token to plant")
	}
	beside, _ := neighbour(t, planting)
	b := newBrowser(t, s)
	b.open(beside + "/?cookie=" + url.QueryEscape(cookieName+"="+planted+"; Secure; HttpOnly; SameSite=Lax; Path=/"))
	b.open("/cart")
	b.shows("[data-test=line-keemun]", "Keemun") // it is in the jar, and the server's own
	if got := b.cookie().Value; got != planted {
		t.Fatal("the token is not in the jar: nothing is tested here")
	}

	b.signUp("ada")
	if got := b.cookie().Value; got == planted {
		t.Error("the planted token is the one of the session")
	}
	s.dead(planted)
	b.signOut()
	s.dead(planted)

	// The same over an account that exists, with a token planted under the eyes of the sign-in page.
	planted = s.ask("/cart/add", "", "tea", "mint").token
	b.open(beside + "/?cookie=" + url.QueryEscape(cookieName+"="+planted+"; Secure; HttpOnly; SameSite=Lax; Path=/"))
	b.signIn("ada", password, true)
	s.dead(planted)
	b.signedInAs("ada")
}

// uproot removes all cookies but ours.
func (b *browser) uproot() {
	b.t.Helper()
	b.removeBut(cookieName)
}

// removeBut removes all cookies but those of a name.
func (b *browser) removeBut(name string) {
	b.t.Helper()
	for _, c := range b.jar() {
		if c.Name != name {
			if _, err := chromedp.Call(b.ctx, network.DeleteCookies, network.DeleteCookiesParams{Name: c.Name, Domain: c.Domain, Path: c.Path}); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}
