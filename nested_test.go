package sojourn_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// nestedApps are two managers, each over a store of its own. The outer one's fails at the save.
func nestedApps(t *testing.T) (outer, inner *app) {
	clock := newClock()
	outer = newAppOver(t, newSpy(memstore.New(memstore.Config{Now: clock.Now})), clock, sojourn.Config{})
	inner = newAppOver(t, newSpy(memstore.New(memstore.Config{Now: clock.Now})), clock,
		sojourn.Config{Cookie: sojourn.Cookie{Name: "__Host-inner"}})
	outer.spy.fail(errDriver, "save")
	return outer, inner
}

// A session that the inner manager stored is the client's, whatever becomes of the outer one's: without its cookie a login
// would be lost, and a renewal would log out.
func TestNested_innerTokenGoesOutWhenTheOuterCommitFails(t *testing.T) {
	outer, inner := nestedApps(t)
	outer.Handle("/", outer.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Set("x", 1)
		w.Header().Set("Location", "/elsewhere")
		inner.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
			s.Login("42")
		}).ServeHTTP(w, r)
	}))

	got := outer.browser(t).get("/")

	got.want(t, http.StatusServiceUnavailable, "")
	if cookies := got.setCookies(); len(cookies) != 1 || !strings.HasPrefix(cookies[0], "__Host-inner=") {
		t.Errorf("got Set-Cookie %q, want the inner manager's only", cookies)
	}
	if got.Header.Get("Location") != "" || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got header %v, want nothing of the handler's, and no-store", got.Header)
	}
}

// Also where http.TimeoutHandler between the two has collected it, and answered in time.
func TestNested_innerTokenThroughATimeoutHandlerGoesOut(t *testing.T) {
	outer, inner := nestedApps(t)
	timed := http.TimeoutHandler(inner.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Login("42") }), time.Minute, "too slow")
	got := newBrowser(t, outer.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Set("x", 1)
		timed.ServeHTTP(w, r)
	})).get("/")
	got.want(t, http.StatusServiceUnavailable, "")
	if cookies := got.setCookies(); len(cookies) != 1 || !strings.HasPrefix(cookies[0], "__Host-inner=") {
		t.Errorf("got Set-Cookie %q, want the inner manager's only", cookies)
	}
}

// What a handler between the two has collected and dropped does not come back.
func TestNested_innerTokenThatWasDropped_staysAway(t *testing.T) {
	outer, inner := nestedApps(t)
	got := newBrowser(t, outer.m.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *sojourn.Session) {
		s.Set("x", 1)
		inner.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *sojourn.Session) { s.Login("42") }).
			ServeHTTP(httptest.NewRecorder(), r)
	})).get("/")
	got.want(t, http.StatusServiceUnavailable, "")
	if cookies := got.setCookies(); len(cookies) != 0 {
		t.Errorf("got Set-Cookie %q, want none", cookies)
	}
}

// The inner manager's session is told into what http.TimeoutHandler collects. It is none of the outer response's yet, which may
// be answering the time limit at that moment.
func TestNested_underATimeoutHandlerThatAnswers_leavesTheOuterResponseAlone(t *testing.T) {
	outer, inner := nestedApps(t)
	for range 10 {
		late := make(chan struct{})
		slow := inner.m.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			<-r.Context().Done() // the time is up, and the outer manager about to find that its store fails
			s.Login("42")
		})
		timed := http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(late)
			slow.ServeHTTP(w, r)
		}), time.Millisecond, "too slow")
		h := outer.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *sojourn.Session) {
			s.Set("x", 1)
			timed.ServeHTTP(w, r)
		})
		newBrowser(t, h).get("/").want(t, http.StatusServiceUnavailable, "")
		<-late
	}
}

// RFC 9213: a CDN heeds its own field before Cache-Control.
func TestCache_noStoreSilencesTheFieldsOfCDNs(t *testing.T) {
	fields := []string{
		"CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Vercel-CDN-Cache-Control", "Akamai-Cache-Control",
		"Surrogate-Control", "Edge-Control", "X-Accel-Expires",
	}
	a := newApp(t, sojourn.Config{})
	a.on("/", func(w http.ResponseWriter, _ *http.Request, s *sojourn.Session) {
		for _, name := range fields {
			w.Header().Set(name, "max-age=60")
		}
		s.Set("x", 1)
	})
	got := a.browser(t).get("/")
	for _, name := range fields {
		if value := got.Header.Get(name); value != "" {
			t.Errorf("got %s %q beside no-store", name, value)
		}
	}
	if got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got header %v, want no-store", got.Header)
	}
}

// net/http writes a line break in a value as a space, and a user agent trims that.
func TestForeign_cookieBehindALineBreakIsDropped(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.Handle("/", a.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Set-Cookie", "\n"+hostID+"=evil")
		w.Header().Add("Set-Cookie", "other=fine")
		w.Header()["set-cookie"] = []string{hostID + "=evil"} // as a handler that bypasses Header.Set may write it
	})))
	if got := a.browser(t).get("/").setCookies(); len(got) != 1 || got[0] != "other=fine" {
		t.Errorf("got Set-Cookie %q, want the other one only", got)
	}
}

func TestError_insideOnErrorDoesNotAskItselfForEver(t *testing.T) {
	a := newApp(t, sojourn.Config{OnError: func(w http.ResponseWriter, r *http.Request, err error) { sojourn.Error(w, r, err) }})
	a.does("/", func(s *sojourn.Session) { s.Set("x", 1) })
	a.spy.fail(errDriver, "save")
	a.browser(t).get("/").want(t, http.StatusServiceUnavailable, "")
}

// Opening a sealed cookie costs a key derivation; a request full of them must not cost more than a few.
func TestSeal_atMostFourCookiesOfARequestAreOpened(t *testing.T) {
	a := newApp(t, sojourn.Config{Cookie: sojourn.Cookie{Secrets: [][]byte{randomSecret(1)}}})
	a.does("/", func(s *sojourn.Session) { s.Set("x", 1) })
	b := a.browser(t)
	b.get("/")
	token := b.cookies[hostID]
	other := "A"
	if token[100] == 'A' {
		other = "B"
	}
	forged := token[:100] + other + token[101:] // the key is known, the ciphertext is not what was sealed
	pairs := strings.Repeat(hostID+"="+forged+"; ", 4) + hostID + "=" + token
	a.does("/new", func(s *sojourn.Session) {
		if !s.IsNew() {
			t.Error("the fifth sealed cookie was opened")
		}
	})
	a.browser(t).get("/new", withCookie(pairs))
	// What is no cookie of ours at a glance does not count.
	a.does("/old", func(s *sojourn.Session) {
		if s.IsNew() {
			t.Error("cookies of another shape hid the session")
		}
	})
	a.browser(t).get("/old", withCookie(strings.Repeat(hostID+"=x; ", 100)+hostID+"="+token))
}
