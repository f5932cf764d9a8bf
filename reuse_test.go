package sojourn_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// A token in the wrong hands or the wrong place. SEC-07, SEC-11, SEC-21, SEC-96, SEC-97.

// After a periodic renewal the old secret opens nothing once the grace is over, and that somebody still has it is told: the
// thief, or the client whose response was lost. After a login it is a wrong secret like any other.
func TestReuse_ofARenewedSecretIsAnEvent(t *testing.T) {
	a := newApp(t, sojourn.Config{Lifetime: sojourn.Lifetime{Renew: time.Hour}})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.on("/who", who)
	client := a.browser(t)
	client.get("/login")
	thief := client.clone()
	a.clock.advance(time.Hour)
	a.log.take()
	client.get("/who").want(t, 200, "42")
	a.log.wantEvents(t, sojourn.EventRenew)
	if client.cookies[hostID] == thief.cookies[hostID] {
		t.Fatal("got no renewal after an hour")
	}
	a.clock.advance(30 * time.Second)
	a.log.take()
	thief.get("/who").want(t, 200, "42")
	a.log.wantEvents(t)
	a.clock.advance(time.Millisecond)
	got := thief.get("/who")
	got.want(t, 200, "")
	got.wantNoCookie(t)
	a.log.wantEvents(t, sojourn.EventReuse)
	client.get("/who").want(t, 200, "42") // the event is for the application to act upon

	before := client.clone()
	client.get("/login")
	a.clock.advance(31 * time.Second)
	a.log.take()
	before.get("/who").want(t, 200, "")
	a.log.wantEvents(t, sojourn.EventWrongSecret)
}

// A token counts in its cookie and nowhere else.
func TestTokens_nowhereElse(t *testing.T) {
	a, alice, _ := tokenApp(t, sojourn.Config{})
	a.on("/who/{rest...}", who)
	pair := hostID + "=" + alice
	for name, edit := range map[string]func(r *http.Request){
		"query":    func(r *http.Request) { r.URL.RawQuery = pair + "&id=" + alice },
		"path":     func(r *http.Request) { r.URL.Path += "/" + alice + ";" + pair },
		"bearer":   func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+alice) },
		"basic":    func(r *http.Request) { r.SetBasicAuth("id", alice) },
		"a header": func(r *http.Request) { r.Header.Set(hostID, alice); r.Header.Set("Set-Cookie", pair) },
		"Cookie2":  func(r *http.Request) { r.Header.Set("Cookie2", pair) },
		"trailer":  func(r *http.Request) { r.Trailer = http.Header{"Cookie": {pair}} },
		"form": func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Body = io.NopCloser(strings.NewReader(pair))
			r.ContentLength = int64(len(pair))
		},
	} {
		a.browser(t).do("POST", "/who", edit).want(t, 200, "")
		if calls := a.spy.take(); len(calls) > 0 {
			t.Errorf("%s: got store calls %v, want none", name, calls)
		}
	}
	a.browser(t).do("POST", "/who", withCookie(pair)).want(t, 200, "alice")
}

// What lists and sessions show of themselves has no digest, in whatever form an application renders it.
func TestSessions_showNoDigest(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	var shown []any
	a.does("/show", func(s *sojourn.Session) { shown = append(shown, s.Facts()) })
	b := a.browser(t)
	b.get("/login")
	b.get("/login") // so that there is a previous secret
	b.get("/show")
	list, err := a.m.Sessions(t.Context(), "42")
	if err != nil || len(list) != 1 {
		t.Fatalf("got %v, %v, want one session", list, err)
	}
	shown = append(shown, list[0])
	for e := range a.m.All(t.Context()) {
		shown = append(shown, e)
	}
	state, err := a.spy.Load(t.Context(), list[0].ID.Key())
	if err != nil || state.Facts.Previous == [32]byte{} {
		t.Fatalf("got %v, %v, want a record with both digests", state, err)
	}
	for _, digest := range [][32]byte{state.Facts.Digest, state.Facts.Previous} {
		for _, v := range shown {
			js, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprintf("%v %x %s", v, v, js)
			for _, form := range []string{
				hex.EncodeToString(digest[:]), base64.StdEncoding.EncodeToString(digest[:]), strings.Trim(fmt.Sprint(digest), "[]"),
				strings.ReplaceAll(strings.Trim(fmt.Sprint(digest), "[]"), " ", ","),
			} {
				if strings.Contains(text, form) {
					t.Errorf("%T shows a digest: %s", v, text)
				}
			}
		}
	}
}

// Another browser or address is no reason to end a session: both change for honest reasons, and a thief copies them.
func TestSession_isBoundToNoBrowserOrAddress(t *testing.T) {
	a := newApp(t, sojourn.Config{Label: (*http.Request).UserAgent})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	a.on("/who", who)
	b := a.browser(t)
	b.get("/login", func(r *http.Request) { r.Header.Set("User-Agent", "one"); r.RemoteAddr = "192.0.2.1:1" })
	got := b.get("/who", func(r *http.Request) { r.Header.Set("User-Agent", "two"); r.RemoteAddr = "[2001:db8::1]:2" })
	got.want(t, 200, "42")
	got.wantNoCookie(t)
}
