package sojourn_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/memstore"
)

// Attacks, items 19 and 20: rotation of Cookie.Secrets, and the seal itself. SEC-54 to SEC-60.

// randomSecret returns 32 bytes that look random and are the same in each run.
func randomSecret(seed byte) []byte {
	sum := sha256.Sum256([]byte{seed, 's', 'e', 'c', 'r', 'e', 't'})
	return sum[:]
}

// sealVector is a sealed token of an earlier release: what opens today opens tomorrow.
type sealVector struct {
	Name, Realm string
	Secret      string // hex
	Token       string // what is sealed
	Sealed      string
	Opens       bool
}

func sealVectors(t testing.TB) []sealVector {
	t.Helper()
	b, err := os.ReadFile("testdata/seal.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []sealVector
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// oneRecord is a store that has one session, known by its token: a vector cannot say which ID a store is to make.
type oneRecord struct {
	sojourn.Store
	id    sojourn.ID
	state sojourn.State
	loads atomic.Int32
}

func newOneRecord(t testing.TB, token, realm string, now time.Time) *oneRecord {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != 48 {
		t.Fatalf("token %q: %v", token, err)
	}
	f := sojourn.Facts{Realm: realm, Subject: "42", Created: now, Authenticated: now, Renewed: now, Deadline: now.Add(time.Hour), Digest: sha256.Sum256(raw[16:])}
	return &oneRecord{id: sojourn.ID(raw[:16]), state: sojourn.State{Facts: f, TTL: time.Hour, Version: 1}}
}

func (s *oneRecord) Load(_ context.Context, key sojourn.Key) (sojourn.State, error) {
	s.loads.Add(1)
	if key.ID() != s.id {
		return sojourn.State{}, sojourn.ErrNotFound
	}
	return s.state, nil
}

func who(w http.ResponseWriter, _ *http.Request, s *sojourn.Session) { fmt.Fprint(w, s.Subject()) }

// opener returns a function that tells what a sealed text opens, and what its response looks like.
func opener(t *testing.T, st sojourn.Store, clock *fakeClock, cookie sojourn.Cookie, realm string) func(text string) (body, header string) {
	m := newManager(t, st, sojourn.Config{Cookie: cookie, Realm: realm, Now: clock.Now, Observe: func(context.Context, sojourn.Event) {}})
	b := newBrowser(t, m.HandlerFunc(who))
	return func(text string) (body, header string) {
		got := b.get("/", withCookie(cookie.Name+"="+text))
		var h strings.Builder
		got.Header.Write(&h)
		return got.body, h.String()
	}
}

func TestSeal_goldenVectors(t *testing.T) {
	for _, v := range sealVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			secret, err := hex.DecodeString(v.Secret)
			if err != nil {
				t.Fatal(err)
			}
			clock := newClock()
			st := newOneRecord(t, v.Token, v.Realm, clock.Now())
			body, _ := opener(t, st, clock, sojourn.Cookie{Name: "__Host-id", Secrets: [][]byte{secret}}, v.Realm)(v.Sealed)
			if opened := body == "42"; opened != v.Opens {
				t.Errorf("opened: %v, want %v", opened, v.Opens)
			}
			if !v.Opens && st.loads.Load() > 0 {
				t.Error("a seal that does not open cost a store call")
			}
		})
	}
}

// Every bit flip and truncation, every other alphabet: anonymous, no store call, and a response like that without a cookie.
func TestSeal_everyDamageIsRefusedAlike(t *testing.T) {
	v := sealVectors(t)[0]
	secret, _ := hex.DecodeString(v.Secret)
	clock := newClock()
	st := newOneRecord(t, v.Token, v.Realm, clock.Now())
	open := opener(t, st, clock, sojourn.Cookie{Name: "__Host-id", Secrets: [][]byte{secret}}, v.Realm)
	if body, _ := open(v.Sealed); body != "42" {
		t.Fatalf("got %q, want the undamaged seal to open", body)
	}
	_, anonymous := open("")
	st.loads.Store(0)
	refuse := func(what, text string) {
		t.Helper()
		if body, header := open(text); body != "" || header != anonymous {
			t.Errorf("%s: got %q and header %q, want those of no cookie", what, body, header)
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(v.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			refuse(fmt.Sprint("bit ", bit, " of byte ", i), base64.RawURLEncoding.EncodeToString(raw))
			raw[i] ^= 1 << bit
		}
		refuse(fmt.Sprint("truncated to ", i), base64.RawURLEncoding.EncodeToString(raw[:i]))
		refuse(fmt.Sprint("from ", i+1), base64.RawURLEncoding.EncodeToString(raw[i+1:]))
	}
	for i := range v.Sealed {
		refuse(fmt.Sprint("text cut at ", i), v.Sealed[:i])
	}
	last := v.Sealed[:len(v.Sealed)-1]
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if text := last + string(c); text != v.Sealed {
			refuse("another last character", text)
		}
	}
	for _, text := range []string{
		v.Token, // the token itself: no downgrade to what is not sealed
		v.Sealed + "=", v.Sealed + "A", " " + v.Sealed + "\t.", `"` + v.Sealed + `"`,
		strings.NewReplacer("-", "+", "_", "/").Replace(v.Sealed) + "+", strings.Repeat("A", 4097), strings.Repeat(v.Sealed, 2),
	} {
		refuse(fmt.Sprintf("%.20q", text), text)
	}
	if n := st.loads.Load(); n > 0 {
		t.Errorf("got %d store calls, want none", n)
	}
}

// The seal binds realm, cookie name and secret; a plain manager does not open what was sealed, and the other way round.
func TestSeal_opensNowhereElse(t *testing.T) {
	v := sealVectors(t)[0]
	secret, _ := hex.DecodeString(v.Secret)
	clock := newClock()
	for _, tt := range []struct {
		name   string
		cookie sojourn.Cookie
		realm  string
		opens  bool
	}{
		{"itself", sojourn.Cookie{Name: "__Host-id", Secrets: [][]byte{secret}}, v.Realm, true},
		{"among others", sojourn.Cookie{Name: "__Host-id", Secrets: [][]byte{randomSecret(7), secret}}, v.Realm, true},
		{"another realm", sojourn.Cookie{Name: "__Host-id", Secrets: [][]byte{secret}}, v.Realm + "2", false},
		{"another name", sojourn.Cookie{Name: "__Host-id2", Secrets: [][]byte{secret}}, v.Realm, false},
		{"the boundary of realm and name", sojourn.Cookie{Name: "_Host-id", Secrets: [][]byte{secret}}, v.Realm + "_", false},
		{"another secret", sojourn.Cookie{Name: "__Host-id", Secrets: [][]byte{randomSecret(7)}}, v.Realm, false},
		{"no secret", sojourn.Cookie{Name: "__Host-id"}, v.Realm, false},
	} {
		st := newOneRecord(t, v.Token, tt.realm, clock.Now())
		body, _ := opener(t, st, clock, tt.cookie, tt.realm)(v.Sealed)
		if opened := body == "42"; opened != tt.opens {
			t.Errorf("%s: opened: %v, want %v", tt.name, opened, tt.opens)
		}
	}
}

// Rotation as Cookie.Secrets documents it: add last, deploy, promote, deploy, remove. Two nodes at every pair of
// neighbouring phases, each opening what the other sealed.
func TestSeal_rotationLogsNobodyOut(t *testing.T) {
	older, newer := randomSecret(1), randomSecret(2)
	phases := [][][]byte{{older}, {older, newer}, {newer, older}, {newer}}
	clock := newClock()
	st := memstore.New(memstore.Config{Now: clock.Now})
	node := func(secrets [][]byte) *app {
		a := newAppOver(t, newSpy(st), clock, sojourn.Config{Cookie: sojourn.Cookie{Secrets: secrets}})
		a.does("/login", func(s *sojourn.Session) { s.Login("42") })
		a.on("/who", who)
		return a
	}
	for i := range len(phases) - 1 {
		from, to := node(phases[i]), node(phases[i+1])
		for _, pair := range [][2]*app{{from, to}, {to, from}} {
			b := pair[0].browser(t)
			b.get("/login")
			b.handler = pair[1]
			got := b.get("/who")
			got.want(t, 200, "42")
			got.wantNoCookie(t)
		}
	}
	// Removing a secret ends exactly its cookies, and a cookie under a secret that is not known yet is left alone.
	oldCookie, newCookie := node(phases[0]).browser(t), node(phases[3]).browser(t)
	oldCookie.get("/login")
	newCookie.get("/login")
	last := node(phases[3])
	oldCookie.handler, newCookie.handler = last, last
	gone := oldCookie.get("/who")
	gone.want(t, 200, "")
	gone.wantNoCookie(t)
	last.log.wantEvents(t, sojourn.EventForgedKey)
	newCookie.get("/who").want(t, 200, "42")
}

// Whoever can write to the store still cannot make a token: a row of his own opens nothing without the seal (promise 5).
func TestSeal_insertedRowOpensNothing(t *testing.T) {
	a := newApp(t, sojourn.Config{Cookie: sojourn.Cookie{Secrets: [][]byte{randomSecret(1)}}})
	a.on("/who", who)
	secret := randomSecret(9)
	now := a.clock.Now()
	key, err := a.spy.Save(t.Context(), sojourn.State{Facts: sojourn.Facts{
		Realm: "id", Subject: "root", Created: now, Authenticated: now, Renewed: now, Deadline: now.Add(time.Hour), Digest: sha256.Sum256(secret),
	}}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	id := key.ID()
	a.spy.take()
	token := base64.RawURLEncoding.EncodeToString(append(id[:], secret...))
	a.browser(t).get("/who", withCookie(hostID+"="+token)).want(t, 200, "")
	a.spy.wantCalls(t)
	// The same row does open where nothing is sealed: the test would see it.
	plain := newAppOver(t, a.spy, a.clock, sojourn.Config{})
	plain.on("/who", who)
	plain.browser(t).get("/who", withCookie(hostID+"="+token)).want(t, 200, "root")
}

// Two seals of one token share nothing but version and key ID: salt and nonce are fresh.
func TestSeal_isRandomized(t *testing.T) {
	a := newApp(t, sojourn.Config{Cookie: sojourn.Cookie{Secrets: [][]byte{randomSecret(1)}}})
	a.does("/", func(s *sojourn.Session) { s.Set("x", 1) })
	seen := map[string]bool{}
	for range 64 {
		raw, err := base64.RawURLEncoding.DecodeString(a.browser(t).get("/").cookie(hostID).Value)
		if err != nil {
			t.Fatal(err)
		}
		if raw[0] != 1 || len(raw) != 1+4+16+12+64+16 {
			t.Fatalf("got version %d and %d bytes, want 1 and 113", raw[0], len(raw))
		}
		for _, part := range []string{string(raw[5:21]), string(raw[21:33])} {
			if seen[part] {
				t.Fatal("a salt or nonce came twice")
			}
			seen[part] = true
		}
	}
}

// All of it in Go's FIPS 140-3 only mode, in a process of its own, because the mode is chosen at its start.
func TestSeal_underFIPSOnly(t *testing.T) {
	if os.Getenv("SOJOURN_TEST_FIPS") != "" {
		t.Skip("this is the process of its own")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^(TestSeal|TestActix|TestLogout|TestRealm)", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only", "SOJOURN_TEST_FIPS=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "--- PASS: TestSeal_everyDamageIsRefusedAlike") {
		t.Errorf("the seal's tests did not run:\n%s", out)
	}
}
