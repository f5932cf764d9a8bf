package sojourn_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// Attacks, items 15 and 29: what a client may present, and what it costs. SEC-05, SEC-35, SEC-36, SEC-38, I7.

const unknownToken = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// tokenApp returns an app, and the live tokens of two sessions.
func tokenApp(t *testing.T, cfg sojourn.Config) (a *app, alice, bob string) {
	a = newApp(t, cfg)
	a.on("/login/{who}", func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) { s.Login(r.PathValue("who")) })
	a.on("/who", who)
	a.does("/change", func(s *sojourn.Session) { visits.Update(s, increment) })
	a.does("/renew", func(s *sojourn.Session) { s.Renew() })
	a.does("/clear", func(s *sojourn.Session) { s.Clear() })
	a.does("/remove", func(s *sojourn.Session) { s.Remove("visits") })
	a.does("/logout", func(s *sojourn.Session) { s.Logout() })
	token := func(who string) string {
		got := a.browser(t).get("/login/" + who)
		if cfg.Header != "" {
			return got.Header.Get(cfg.Header)
		}
		return got.Cookies()[0].Value
	}
	alice, bob = token("alice"), token("bob")
	a.spy.take()
	a.log.take()
	return a, alice, bob
}

// Two live sessions are no session: nothing is served, saved or told the client, except by a login.
func TestTokens_duplicates(t *testing.T) {
	a, alice, bob := tokenApp(t, sojourn.Config{})
	dead := func(i int) string { return fmt.Sprintf("%s%04d", unknownToken[4:], i) }
	for _, tt := range []struct {
		name    string
		tokens  []string
		subject string
		loads   int
		event   sojourn.EventKind
	}{
		{"one", []string{alice}, "alice", 1, 0},
		{"the same twice", []string{alice, alice}, "alice", 1, 0},
		{"dead before", []string{dead(1), alice}, "alice", 2, sojourn.EventUnknownKey},
		{"dead after", []string{alice, dead(1)}, "alice", 2, sojourn.EventUnknownKey},
		{"dead around", []string{dead(1), alice, dead(2)}, "alice", 3, sojourn.EventUnknownKey},
		{"garbage around", []string{"x", alice, strings.Repeat("y", 5000)}, "alice", 1, sojourn.EventForgedKey},
		{"the right ID with another secret before", []string{alice[:40] + dead(1)[40:], alice}, "alice", 2, sojourn.EventWrongSecret},
		{"two live", []string{alice, bob}, "", 2, sojourn.EventAmbiguous},
		{"two live, the other way round", []string{bob, alice}, "", 2, sojourn.EventAmbiguous},
		{"two live among dead", []string{dead(1), bob, dead(2), alice}, "", 4, sojourn.EventAmbiguous},
		{"the live one is the fifth", []string{dead(1), dead(2), dead(3), dead(4), alice}, "", 4, sojourn.EventUnknownKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var pairs []string
			for _, token := range tt.tokens {
				pairs = append(pairs, hostID+"="+token)
			}
			header := withCookie(strings.Join(pairs, "; "))
			a.spy.take()
			a.log.take()
			got := a.browser(t).get("/who", header)
			got.want(t, 200, tt.subject)
			got.wantNoCookie(t)
			if loads := len(a.spy.take()); loads != tt.loads {
				t.Errorf("got %d loads, want %d", loads, tt.loads)
			}
			if events := a.log.take(); tt.event != 0 && !slices.ContainsFunc(events, func(e sojourn.Event) bool { return e.Kind == tt.event }) {
				t.Errorf("got events %v, want a %v", events, tt.event)
			}
			if tt.event != sojourn.EventAmbiguous {
				return
			}
			for _, path := range []string{"/change", "/renew", "/clear", "/remove", "/logout"} {
				got := a.browser(t).get(path, header)
				if got.StatusCode != 409 {
					t.Errorf("%s: got %d, want 409", path, got.StatusCode)
				}
				got.wantNoCookie(t)
				if calls := a.spy.take(); slices.ContainsFunc(calls, func(op string) bool { return op != "load" }) {
					t.Errorf("%s: got store calls %v, want loads only", path, calls)
				}
			}
		})
	}
	// A login is the way out.
	b := a.browser(t)
	if got := b.get("/login/carol", withCookie(hostID+"="+alice+"; "+hostID+"="+bob)); got.cookie(hostID) == nil {
		t.Errorf("got Set-Cookie %q from a login, want one", got.setCookies())
	}
	b.get("/who").want(t, 200, "carol")
}

// Several Cookie headers are one list: HTTP/2 clients split them.
func TestTokens_severalCookieHeaders(t *testing.T) {
	a, alice, bob := tokenApp(t, sojourn.Config{})
	split := func(headers ...string) func(r *http.Request) {
		return func(r *http.Request) { r.Header["Cookie"] = headers }
	}
	a.browser(t).get("/who", split("a=1", hostID+"="+alice, "b=2")).want(t, 200, "alice")
	a.browser(t).get("/who", split(hostID+"="+alice, hostID+"="+bob)).want(t, 200, "")
}

// One request never costs the store more than four loads, whatever it carries (I7).
func TestTokens_thousandDuplicates(t *testing.T) {
	for _, name := range []string{"", "Session-Key"} {
		a, _, _ := tokenApp(t, sojourn.Config{Header: name})
		got := a.browser(t).get("/who", func(r *http.Request) {
			var pairs []string
			for i := range 1000 {
				token := fmt.Sprintf("%s%04d", unknownToken[4:], i)
				pairs = append(pairs, hostID+"="+token)
				if name != "" {
					r.Header.Add(name, token)
				}
			}
			r.Header.Set("Cookie", strings.Join(pairs, "; "))
		})
		got.want(t, 200, "")
		if loads := len(a.spy.take()); loads > 4 {
			t.Errorf("got %d loads, want at most 4", loads)
		}
	}
}

// Go returns no cookie at all above 3000 pairs (CVE-2025-58186): the visitor would look new, and a write would replace
// his cookie.
func TestTokens_unreadableCookieHeader(t *testing.T) {
	a, alice, _ := tokenApp(t, sojourn.Config{})
	pairs := func(n int) func(*http.Request) {
		return withCookie(strings.Repeat("a=1; ", n-1) + hostID + "=" + alice)
	}
	a.browser(t).get("/who", pairs(3000)).want(t, 200, "alice")
	a.spy.take()
	a.log.take()
	got := a.browser(t).get("/change", pairs(3001))
	got.want(t, 409, "")
	got.wantNoCookie(t)
	a.spy.wantCalls(t)
	a.log.wantEvents(t, sojourn.EventAmbiguous, sojourn.EventLost)
	a.browser(t).get("/who", withCookie(strings.Repeat(";", 1<<20))).want(t, 200, "")
}

// Whatever is not exactly one of our tokens costs no store call and looks like none: no decoding, no unquoting, one
// spelling (SEC-05, SEC-36; rack CVE-2020-8184).
func TestTokens_malformed(t *testing.T) {
	a, alice, _ := tokenApp(t, sojourn.Config{})
	corpus := map[string]string{
		"quoted":              hostID + `="` + alice + `"`,
		"half quoted":         hostID + `="` + alice,
		"padded":              hostID + "=" + alice + "=",
		"short":               hostID + "=" + alice[:63],
		"long":                hostID + "=" + alice + "A",
		"line break":          hostID + "=" + alice[:32] + "\n" + alice[32:],
		"line break inside":   hostID + "=" + alice[:31] + "\n" + alice[32:],
		"carriage return":     hostID + "=" + alice[:63] + "\r",
		"standard alphabet":   hostID + "=" + strings.Repeat("+/", 32),
		"percent":             hostID + "=%41" + alice[3:],
		"NUL":                 hostID + "=" + alice[:63] + "\x00",
		"not ASCII":           hostID + "=" + alice[:62] + "é",
		"a megabyte":          hostID + "=" + strings.Repeat("A", 1<<20),
		"only an ID":          hostID + "=" + alice[:22],
		"hex":                 hostID + "=" + strings.Repeat("0f", 32) + "0",
		"spaced":              hostID + "= " + alice,
		"spaced name":         hostID + " =" + alice,
		"other case of name":  "__host-id=" + alice,
		"encoded name":        "__%48ost-id=" + alice,
		"longer name":         hostID + "2=" + alice,
		"as another's value":  "other=" + hostID + "=" + alice,
		"nameless":            "=" + hostID + "=" + alice,
		"comma":               "a=1, " + hostID + "=" + alice,
		"nothing":             hostID + "=",
		"no equals sign":      hostID,
		"equals signs":        hostID + "==" + alice[1:],
		"a client-side token": hostID + "=" + alice[:43] + "." + alice[44:],
	}
	for name, header := range corpus {
		a.spy.take()
		got := a.browser(t).get("/who", withCookie(header))
		got.want(t, 200, "")
		got.wantNoCookie(t)
		if calls := a.spy.take(); len(calls) > 0 {
			t.Errorf("%s: got store calls %v, want none", name, calls)
		}
	}
	// Neighbours do not matter.
	a.browser(t).get("/who", withCookie(`a="x;y"; =; ;; b=; %zz=%; `+"\t"+hostID+"="+alice+" ;c")).want(t, 200, "alice")
}

// No two spellings open the same session: any other last character names another secret.
func TestTokens_oneSpelling(t *testing.T) {
	a, alice, _ := tokenApp(t, sojourn.Config{})
	for i := range alice {
		for _, c := range []byte{'A', 'b', '9', '-', '_', '.', '='} {
			if c == alice[i] {
				continue
			}
			text := alice[:i] + string(c) + alice[i+1:]
			if got := a.browser(t).get("/who", withCookie(hostID+"="+text)); got.body != "" {
				t.Fatalf("%d: %q opens a session", i, c)
			}
		}
	}
}

// Never adopt an ID or a secret that a client made up (session fixation).
func TestTokens_fixation(t *testing.T) {
	a, _, _ := tokenApp(t, sojourn.Config{})
	for _, path := range []string{"/change", "/login/victim"} {
		b := a.browser(t)
		b.cookies[hostID] = unknownToken
		b.get(path)
		if got := b.cookies[hostID]; got == unknownToken || got[:22] == unknownToken[:22] {
			t.Errorf("%s: got token %q of the client's making", path, got)
		}
	}
	for e := range a.m.All(t.Context()) {
		if e.ID == (sojourn.ID{}) {
			t.Error("got a session under the client's ID")
		}
	}
}

// The header transport: the token travels both ways in it, cookies do not count, and there is no fallback.
func TestHeaderTransport(t *testing.T) {
	a, alice, bob := tokenApp(t, sojourn.Config{Header: "session-key"}) // any spelling of the name
	send := func(values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Session-Key"] = values }
	}
	b := a.browser(t)
	b.get("/who", send(alice)).want(t, 200, "alice")
	b.get("/who", send(alice, bob)).want(t, 200, "")
	b.get("/who", withCookie("id="+alice+"; Session-Key="+alice)).want(t, 200, "")

	read := b.get("/who", send(alice))
	if read.Header.Get("Vary") != "Session-Key" || read.Header.Get("Cache-Control") != "private" || read.Header.Get("Session-Key") != "" {
		t.Errorf("got %v of a read, want Vary: Session-Key, private and no token", read.Header)
	}
	renewed := b.get("/renew", send(alice))
	token := renewed.Header.Get("Session-Key")
	if len(token) != 64 || token == alice || renewed.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %v of a renewal, want a new token and no-store", renewed.Header)
	}
	renewed.wantNoCookie(t)
	out := b.get("/logout", send(token))
	if got, ok := out.Header["Session-Key"]; !ok || len(got) != 1 || got[0] != "" {
		t.Errorf("got Session-Key %q of a logout, want an empty one", got)
	}
	out.wantNoCookie(t)
	b.get("/who", send(token)).want(t, 200, "")
	if got := b.get("/who", func(r *http.Request) { r.Header["Session-Key"] = slices.Repeat([]string{bob}, 3001) }); got.body != "" {
		t.Errorf("got %q of 3001 header lines, want nobody", got.body)
	}
}
