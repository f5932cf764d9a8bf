package cookiestore_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
	"github.com/sojourn-go/sojourn/storetest"
)

// amount is how thorough to be: the number in an environment variable, else a small one. The long forms are
// SOJOURN_TEST_COOKIES=1000 and SOJOURN_TEST_SPLICES=1000000.
func amount(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s: %q is not a number above 0", variable, text)
	}
	return n
}

// site is a manager over HTTP whose pages say all that a session shows.
type site struct {
	tb      testing.TB
	handler http.Handler
	leases  *storetest.Faulty // nil if irrevocable
	change  func(s *sojourn.Session)
}

func newSite(tb testing.TB, irrevocable bool) *site {
	s := &site{tb: tb}
	cfg := cookiestore.Config{Irrevocable: irrevocable}
	if !irrevocable {
		s.leases = storetest.NewFaulty(memstore.New(memstore.Config{}), nil)
		cfg.Leases = s.leases
	}
	a := newApp(tb, newStore(tb, cfg), sojourn.Config{})
	s.handler = a.Manager.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, session *sojourn.Session) {
		a.events = nil
		if s.change != nil {
			s.change(session)
		}
		fmt.Fprintf(w, "%q %v", session.Subject(), session.Values())
	})
	return s
}

// serve returns the whole response to a cookie, and the cookie that it sets.
func (s *site) serve(cookie string) (response, set string) {
	r := httptest.NewRequest("GET", "/", nil)
	if cookie != "" {
		r.Header["Cookie"] = []string{cookieName + "=" + cookie}
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	var b strings.Builder
	fmt.Fprintln(&b, w.Code)
	_ = w.Header().Write(&b)
	b.Write(w.Body.Bytes())
	if line := w.Header().Get("Set-Cookie"); line != "" {
		pair, _, _ := strings.Cut(line, ";")
		set = strings.TrimPrefix(pair, cookieName+"=")
	}
	return b.String(), set
}

// begin returns the cookie of a new session. No two have the same length or values for long.
func (s *site) begin(i int) string {
	s.change = func(session *sojourn.Session) {
		session.Login(strconv.Itoa(i))
		for n := range i % 4 {
			session.Set("name"+strconv.Itoa(n), strings.Repeat("7", n*i%17))
		}
	}
	return s.changed("")
}

// next returns the cookie after another change.
func (s *site) next(cookie string, i int) string {
	s.change = func(session *sojourn.Session) { session.Set("state", i) }
	return s.changed(cookie)
}

func (s *site) changed(cookie string) string {
	s.tb.Helper()
	response, set := s.serve(cookie)
	if s.change = nil; set == "" {
		s.tb.Fatalf("a change set no cookie: %s", response)
	}
	return set
}

// flips yields text with each bit of what it spells flipped, each bit of its characters as they are sent, and each
// truncation at either end; at is where the first difference is.
func flips(text string, yield func(damaged string, at int)) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b := []byte(text)
	for i, c := range b {
		if six := strings.IndexByte(alphabet, c); six >= 0 { // it is the dot otherwise
			for bit := range 6 {
				b[i] = alphabet[six^1<<bit]
				yield(string(b), i)
			}
		}
		for bit := range 8 {
			b[i] = c ^ 1<<bit
			yield(string(b), i)
		}
		b[i] = c
		yield(text[:i], i)
		yield(text[i+1:], 0)
	}
}

// Every flip and truncation of a valid cookie: anonymous, and the response of no cookie to the last byte (SEC-56). None
// costs a call of the lease store but where the secret alone is damaged, which only the lease can tell.
func TestDamage_isAnsweredLikeNoCookie(t *testing.T) {
	const secretChars = 43
	for _, irrevocable := range []bool{false, true} {
		s := newSite(t, irrevocable)
		none, _ := s.serve("")
		cookies, refused, accepted := amount(t, "SOJOURN_TEST_COOKIES", 4), 0, 0
		for i := range cookies {
			valid := s.begin(i)
			if response, _ := s.serve(valid); response == none || !strings.Contains(response, strconv.Quote(strconv.Itoa(i))) {
				t.Fatalf("a valid cookie opens nothing: %s", response)
			}
			flips(valid, func(damaged string, at int) {
				if s.leases != nil {
					s.leases.Reset()
				}
				if response, _ := s.serve(damaged); response != none {
					accepted++
					t.Errorf("got %q for a cookie damaged at %d, want the response of no cookie, %q", response, at, none)
				} else {
					refused++
				}
				if s.leases != nil && at > secretChars && s.leases.Count("load") != 0 {
					t.Errorf("a cookie damaged at %d cost a load of the lease", at)
				}
			})
		}
		t.Logf("irrevocable %v: %d flips and truncations of %d cookies refused, %d accepted", irrevocable, refused, cookies, accepted)
	}
}

// No two cookies make a third: a part of one within the other, at every boundary of the token and the seal and at random,
// in bytes and in characters. Some of the cookies are of one session, at different times.
func TestDamage_splicesOpenNothing(t *testing.T) {
	for _, irrevocable := range []bool{false, true} {
		s := newSite(t, irrevocable)
		none, _ := s.serve("")
		var cookies []string
		valid := map[string]bool{}
		for i := range 16 {
			cookie := s.begin(i)
			for n := range 4 {
				cookies, valid[cookie] = append(cookies, cookie), true
				cookie = s.next(cookie, n)
			}
		}
		rng := rand.New(rand.NewPCG(1, 2))
		refused, accepted := 0, 0
		for want := amount(t, "SOJOURN_TEST_SPLICES", 5_000); refused+accepted < want; {
			a, b := cookies[rng.IntN(len(cookies))], cookies[rng.IntN(len(cookies))]
			var spliced string
			if rng.IntN(2) == 0 {
				spliced = splice(rng, a, b, []int{43, 44, 46, 51, 72, 94, 110})
			} else {
				spliced = encodeToken(splice(rng, decodeToken(t, a), decodeToken(t, b), []int{32, 33, 37, 53, 69, 81}))
			}
			if valid[spliced] {
				continue
			}
			if response, _ := s.serve(spliced); response != none {
				accepted++
				t.Errorf("got %q for a splice of two cookies, want the response of no cookie", response)
			} else {
				refused++
			}
		}
		t.Logf("irrevocable %v: %d splices refused, %d accepted", irrevocable, refused, accepted)
	}
}

// decodeToken returns the bytes of a token: 32 of the secret, then those of the sealed state.
func decodeToken(tb testing.TB, token string) string {
	tb.Helper()
	secret, sealed, _ := strings.Cut(token, ".")
	a, err := base64.RawURLEncoding.DecodeString(secret)
	if err != nil {
		tb.Fatal(err)
	}
	b, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		tb.Fatal(err)
	}
	return string(append(a, b...))
}

func encodeToken(raw string) string {
	n := min(32, len(raw))
	return base64.RawURLEncoding.EncodeToString([]byte(raw[:n])) + "." + base64.RawURLEncoding.EncodeToString([]byte(raw[n:]))
}

// splice puts a part of b into a: at the boundaries, or anywhere.
func splice(rng *rand.Rand, a, b string, boundaries []int) string {
	n := min(len(a), len(b))
	cut := func() int {
		if at := boundaries[rng.IntN(len(boundaries))]; rng.IntN(2) == 0 && at < n {
			return at
		}
		return rng.IntN(n + 1)
	}
	from, to := cut(), cut()
	switch from, to = min(from, to), max(from, to); rng.IntN(3) {
	case 0: // the head of one, the tail of the other
		return a[:from] + b[from:]
	case 1: // the middle of the other, in place
		return a[:from] + b[from:to] + a[to:]
	}
	return a[:to] + b[from:] // of another length
}
