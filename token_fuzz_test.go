package sojourn_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
)

// Every byte of a token's way in, against oracles that know nothing of the parsers: encoding/base64, net/http, and a list
// of what was sealed.

// everySession is a store that has a session under each ID, all with the same facts: what opens depends on the secret
// alone. Whoever writes to it finds no method.
type everySession struct {
	sojourn.Store
	state sojourn.State
	keys  []sojourn.Key // that were looked for, since the last take
}

func (st *everySession) Load(_ context.Context, key sojourn.Key) (sojourn.State, error) {
	st.keys = append(st.keys, key)
	return st.state, nil
}

func (st *everySession) take() []sojourn.Key {
	keys := st.keys
	st.keys = nil
	return keys
}

// fuzzSecret is what opens every session of an everySession, and fuzzToken a token with it.
var fuzzSecret = string(randomSecret(77))

func fuzzToken(id byte) string {
	raw := slices.Concat(slices.Repeat([]byte{id}, 16), []byte(fuzzSecret))
	return base64.RawURLEncoding.EncodeToString(raw)
}

func newEverySession(tb testing.TB, cfg sojourn.Config) (*everySession, *sojourn.Manager) {
	clock := newClock()
	now := clock.Now()
	st := &everySession{state: sojourn.State{
		Facts: sojourn.Facts{
			Realm: "fuzz", Subject: "42", Created: now, Authenticated: now, Renewed: now, Deadline: now.Add(time.Hour),
			Digest: sha256.Sum256([]byte(fuzzSecret)),
		},
		TTL: 24 * time.Hour, Version: 1,
	}}
	cfg.Realm, cfg.Now, cfg.Observe = "fuzz", clock.Now, func(context.Context, sojourn.Event) {}
	return st, newManager(tb, st, cfg)
}

// opened makes a visit with these headers and returns its session's ID, zero if none was opened.
func opened(t *testing.T, m *sojourn.Manager, headers map[string][]string) sojourn.ID {
	t.Helper()
	v := m.Begin(func(name string) []string { return headers[name] })
	s, err := v.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if (s.Subject() == "42") == s.ID().IsZero() || s.IsNew() != s.ID().IsZero() {
		t.Fatalf("got subject %q and ID %v", s.Subject(), s.ID())
	}
	if reply, err := v.Commit(t.Context()); err != nil {
		t.Fatal(err)
	} else {
		for name, value := range reply.Headers() {
			if name != "Vary" && (name != "Cache-Control" || value != "private") {
				t.Fatalf("got %s: %q of a visit that only read", name, value)
			}
		}
	}
	return s.ID()
}

// presented says what values present: the distinct well-formed tokens, at most four, and the one session they open.
func presented(values []string) (keys []sojourn.Key, id sojourn.ID) {
	var seen []string
	live := map[sojourn.ID]bool{}
	for _, text := range values {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || len(text) != 64 || len(raw) != 48 || slices.Contains(seen, text) || len(seen) == 4 {
			continue
		}
		seen = append(seen, text)
		keys = append(keys, sojourn.ID(raw[:16]).Key())
		if string(raw[16:]) == fuzzSecret {
			id = sojourn.ID(raw[:16])
			live[id] = true
		}
	}
	if len(live) != 1 {
		id = sojourn.ID{}
	}
	return keys, id
}

func checkOpened(t *testing.T, st *everySession, got sojourn.ID, values []string) {
	t.Helper()
	keys, want := presented(values)
	if got != want {
		t.Fatalf("%q open %v, want %v", values, got, want)
	}
	looked := st.take()
	if len(looked) > len(keys) || !slices.Equal(looked, keys[:len(looked)]) || !want.IsZero() && len(looked) != len(keys) {
		t.Fatalf("%q: the store was asked for %v, want %v", values, looked, keys)
	}
}

func FuzzToken(f *testing.F) {
	live := fuzzToken(1)
	for _, text := range []string{live, unknownToken, live[:63], live + "A", live[:63] + "\n", live[:32] + "=" + live[33:], "", "é", strings.Repeat("-_", 32)} {
		f.Add(text)
	}
	st, m := newEverySession(f, sojourn.Config{Header: "Session-Key"})
	f.Fuzz(func(t *testing.T, text string) {
		got := opened(t, m, map[string][]string{"Session-Key": {text}})
		checkOpened(t, st, got, []string{text})
	})
}

func FuzzHeaderTransport(f *testing.F) {
	one, two := fuzzToken(1), fuzzToken(2)
	for _, lines := range []string{one, one + "\n" + one, one + "\n" + two, unknownToken + "\n\n" + one, "x\n" + one + "\ny", one + ", " + two} {
		f.Add(lines, one)
	}
	st, m := newEverySession(f, sojourn.Config{Header: "Session-Key"})
	f.Fuzz(func(t *testing.T, lines, cookie string) {
		values := strings.Split(lines, "\n")
		// A cookie is no fallback, whatever its name.
		got := opened(t, m, map[string][]string{"Session-Key": values, "Cookie": {cookie, "Session-Key=" + cookie, "fuzz=" + cookie}})
		checkOpened(t, st, got, values)
	})
}

// spacedName is what net/http trims from a name, and we do not; a carriage return cannot come from its server.
var spacedName = regexp.MustCompile(hostID + `\s|\r`)

func FuzzCookieHeader(f *testing.F) {
	one, two := hostID+"="+fuzzToken(1), hostID+"="+fuzzToken(2)
	for _, header := range []string{
		one, "a=1; " + one + "; b=2", one + "; " + two, one + "\n" + two, "=" + one, `a="x;y"; ` + one, one + " \t;", ";;;" + one,
		strings.ToLower(one), "__%48ost-id" + one[9:], hostID + `="` + fuzzToken(1) + `"`, hostID + "2" + one[9:], one + ";" + one,
	} {
		f.Add(header)
	}
	st, m := newEverySession(f, sojourn.Config{})
	f.Fuzz(func(t *testing.T, header string) {
		lines := strings.Split(header, "\n")
		var values []string
		for _, line := range lines {
			for cookie := range strings.SplitSeq(line, ";") {
				if name, value, ok := strings.Cut(strings.Trim(cookie, " \t"), "="); ok && name == hostID {
					values = append(values, value)
				}
			}
		}
		if strings.Count(header, ";")+len(lines) > 3000 {
			values = nil
		}
		got := opened(t, m, map[string][]string{"Cookie": lines})
		checkOpened(t, st, got, values)

		// What net/http reads as our cookie is what we read, unless it found nothing or took quotes or space away.
		if spacedName.MatchString(header) {
			return
		}
		for _, c := range (&http.Request{Header: http.Header{"Cookie": lines}}).CookiesNamed(hostID) {
			read := func(value string) bool { return strings.TrimSpace(value) == strings.TrimSpace(c.Value) }
			if !c.Quoted && c.Value != "" && !slices.ContainsFunc(values, read) {
				t.Fatalf("net/http reads %q, we read %q", c.Value, values)
			}
		}
	})
}

// Nobody can make a sealed token, whatever he has seen: no text opens but those that were sealed.
func FuzzSealedCookie(f *testing.F) {
	v := sealVectors(f)[0]
	secret, err := hex.DecodeString(v.Secret)
	if err != nil {
		f.Fatal(err)
	}
	clock := newClock()
	st := newOneRecord(f, v.Token, v.Realm, clock.Now())
	cookie := sojourn.Cookie{Name: hostID, Secrets: [][]byte{secret, randomSecret(7)}}
	m := newManager(f, st, sojourn.Config{Cookie: cookie, Realm: v.Realm, Now: clock.Now, Observe: func(context.Context, sojourn.Event) {}})
	f.Add(v.Sealed)
	f.Add(v.Token)
	f.Add(v.Sealed[:len(v.Sealed)-1])
	f.Add(v.Sealed + "A")
	f.Add("A" + v.Sealed[1:])
	f.Add(strings.Repeat("A", 151))
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.Trim(text, " \t")
		if strings.Contains(text, ";") {
			return // ends the cookie: FuzzCookieHeader's
		}
		st.loads.Store(0)
		got := opened(t, m, map[string][]string{"Cookie": {hostID + "=" + text}})
		if genuine := text == v.Sealed; genuine == got.IsZero() || genuine != (st.loads.Load() == 1) {
			t.Fatalf("%q opens %v after %d loads", text, got, st.loads.Load())
		}
	})
}
