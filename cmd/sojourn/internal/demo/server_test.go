package demo_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

func TestHandler_everyAnswerHasThePolicy(t *testing.T) {
	c := newSite(t).client(t)
	c.signUp("ada")
	answers := map[string]answer{"cross-origin": c.do("POST", "/signout", nil, http.Header{"Sec-Fetch-Site": {"cross-site"}})}
	for _, target := range []string{"/", "/cart", "/signin", "/signup", "/devices", "/devices/list", "/password", "/break",
		"/nowhere", "/static/style.css", "/static/live.js", "/static/icon.svg", "/static/", "/lab/count"} {
		answers[target] = c.get(target)
	}
	for target, got := range answers {
		if p := got.Header.Get("Content-Security-Policy"); p != policy {
			t.Errorf("%s: got policy %q", target, p)
		}
		if n := got.Header.Get("X-Content-Type-Options"); n != "nosniff" {
			t.Errorf("%s: got X-Content-Type-Options %q", target, n)
		}
		if !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
			continue
		}
		if cc := got.Header.Get("Cache-Control"); cc != "no-store" {
			t.Errorf("%s: got Cache-Control %q", target, cc)
		}
		for _, inline := range []string{"<style", " style=", " onclick=", "javascript:", "<script>"} {
			if strings.Contains(got.body, inline) {
				t.Errorf("%s: the page has %q, which its policy forbids", target, inline)
			}
		}
	}
}

func TestHandler_getChangesNothing(t *testing.T) {
	st := newSite(t)
	c, other := st.client(t), st.client(t)
	c.post("/cart/add", "tea", "mint")
	c.signUp("ada")
	other.signIn("ada")
	c.get("/") // shows the notice
	other.get("/")
	id := deviceIDs(other.want(other.get("/devices"), http.StatusOK).body)[1]
	before := st.rows(t)
	for _, target := range []string{
		"/", "/cart", "/signin", "/signup", "/devices", "/devices/list", "/password", "/break", "/lab/count", "/nowhere",
		"/signout", "/cart/add?tea=mint", "/cart/set?tea=mint&count=0", "/devices/others", "/devices/" + id + "/revoke",
		"/signup?name=eve&password=" + strings.ReplaceAll(password, " ", "+"), "/signin?name=ada&password=x",
		"/password?current=x&password=y", "/lab/hold/x",
	} {
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			got := c.do(method, target, nil, nil)
			if got.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s %s set a cookie", method, target)
			}
			if after := st.rows(t); after != before {
				t.Fatalf("%s %s changed the database", method, target)
			}
		}
	}
}

// Every change, asked for by every kind of page. A program that sends neither header is no browser, carries nobody's
// cookie unawares, and is let through.
func TestHandler_changesAreAskedForByThisSiteOnly(t *testing.T) {
	st := newSite(t)
	owner := st.client(t)
	owner.signUp("ada")
	targets := []string{"/cart/add", "/cart/set", "/signup", "/signin", "/signout", "/devices/others",
		"/devices/00000000000000000000000000000000/revoke", "/password", "/break", "/lab/count", "/lab/hold/x"}
	for _, site := range []string{"", "none", "same-origin", "same-site", "cross-site"} {
		for _, origin := range []string{"", "null", "http://localhost:8080", "http://localhost:9999", "https://evil.example"} {
			allowed := site == "none" || site == "same-origin" || site == "" && (origin == "" || origin == "http://localhost:8080")
			before := st.rows(t)
			for _, target := range targets {
				for _, method := range []string{"POST", "DELETE"} {
					if allowed && target == "/break" {
						continue // runs for a while, and is tested by itself
					}
					c := st.client(t)
					if !allowed {
						c.cookie = owner.cookie
					}
					header := http.Header{}
					if site != "" {
						header.Set("Sec-Fetch-Site", site)
					}
					if origin != "" {
						header.Set("Origin", origin)
					}
					got := c.do(method, target, fields("tea", "mint", "count", "1"), header)
					if (got.StatusCode != http.StatusForbidden) != allowed {
						t.Errorf("%s %s, Sec-Fetch-Site %q, Origin %q: got status %d", method, target, site, origin, got.StatusCode)
					}
				}
			}
			if !allowed && st.rows(t) != before {
				t.Fatalf("Sec-Fetch-Site %q, Origin %q: changed the database", site, origin)
			}
		}
	}
}

func TestHandler_answersToThisMachineOnly(t *testing.T) {
	st := newSite(t)
	for host, want := range map[string]int{
		"localhost:8080": 200, "localhost": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200,
		"evil.example": 421, "evil.example:8080": 421, "localhost.evil.example": 421, "10.0.0.1:8080": 421, "": 421,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		st.handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: got status %d, want %d", host, w.Code, want)
		}
	}
}

func TestHandler_visitorsAndBotsBeginNoSession(t *testing.T) {
	st := newSite(t)
	before := st.rows(t)
	for _, target := range []string{"/", "/cart", "/signin", "/signup", "/devices", "/devices/list", "/events", "/break", "/nowhere"} {
		c := st.client(t)
		c.cookie = "__Host-id=" + strings.Repeat("A", 64)
		if got := c.get(target); got.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s set a cookie", target)
		}
	}
	if st.rows(t) != before {
		t.Error("a look at the pages left a record")
	}
}

func TestAssets_areImmutableUnderTheirVersionOnly(t *testing.T) {
	c := newSite(t).client(t)
	_, rest, _ := strings.Cut(c.get("/").body, `<link rel="stylesheet" href="`)
	address, _, _ := strings.Cut(rest, `"`)
	for target, want := range map[string]string{
		address:                       "public, max-age=31536000, immutable",
		"/static/style.css":           "no-cache",
		"/static/style.css?v=another": "no-cache",
	} {
		got := c.want(c.get(target), http.StatusOK)
		if cc := got.Header.Get("Cache-Control"); cc != want {
			t.Errorf("%s: got Cache-Control %q, want %q", target, cc, want)
		}
	}
	for _, target := range []string{"/static/", "/static/../templates/layout.html", "/static/x/style.css", "/templates/layout.html"} {
		if got := c.get(target); got.StatusCode == http.StatusOK {
			t.Errorf("%s: got status 200", target)
		}
	}
}
