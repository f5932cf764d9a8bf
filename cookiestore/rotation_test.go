package cookiestore_test

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
)

// rotation is the four phases that Config.Secrets documents (SEC-55): one secret, the new one added, promoted, and the old
// one removed.
func rotation() [4][][]byte {
	older, newer := randomSecret(1), randomSecret(2)
	return [4][][]byte{{older}, {older, newer}, {newer, older}, {newer}}
}

// nodes returns a function that starts an instance with some secrets, all over the same leases.
func nodes(t *testing.T, irrevocable bool) func(secrets [][]byte) *app {
	leases := memstore.New(memstore.Config{})
	return func(secrets [][]byte) *app {
		cfg := cookiestore.Config{Secrets: secrets, Irrevocable: irrevocable}
		if !irrevocable {
			cfg.Leases = leases
		}
		return newApp(t, newStore(t, cfg), sojourn.Config{})
	}
}

// Instances of neighbouring phases serve the same clients in turn, at random: while the new secret is deployed, promoted,
// and the old one removed after everybody's cookie has been sealed anew.
func TestRotation_logsNobodyOut(t *testing.T) {
	for _, irrevocable := range []bool{false, true} {
		node, phases := nodes(t, irrevocable), rotation()
		rng := rand.New(rand.NewPCG(3, 4))
		clients, values := make([]client, 20), make([]string, 20)
		first := node(phases[0])
		for i := range clients {
			clients[i].do(first, login)
		}
		requests := 0
		for step := range len(phases) - 1 {
			instances := []*app{node(phases[step]), node(phases[step+1]), node(phases[step+1])}
			for range 400 {
				i, a := rng.IntN(len(clients)), instances[rng.IntN(len(instances))]
				clients[i].wantSees(t, a, "v", "42", values[i])
				if requests++; rng.IntN(2) == 0 {
					values[i] += "."
					clients[i].do(a, set("v", values[i]))
				}
			}
			// What was sealed in this phase is old in the next but one: one lifetime later all cookies are of this phase.
			for i := range clients {
				values[i] += "."
				clients[i].do(instances[1], set("v", values[i]))
			}
		}
		last := node(phases[3])
		for i := range clients {
			clients[i].wantSees(t, last, "v", "42", values[i])
		}
		t.Logf("irrevocable %v: %d requests of %d clients by two instances of old and new secrets, nobody logged out", irrevocable, requests, len(clients))
	}
}

// Whatever the client does with a cookie that was sealed under a secret which is not known, of tomorrow or of yesterday:
// it is answered like none, costs no lease, and stays as it is unless a session begins.
func TestRotation_unknownKeyIDLeavesTheCookieAlone(t *testing.T) {
	for _, irrevocable := range []bool{false, true} {
		node, phases := nodes(t, irrevocable), rotation()
		for _, way := range []struct {
			name    string
			by, met [][]byte
		}{{"of tomorrow", phases[3], phases[0]}, {"of yesterday", phases[0], phases[3]}} {
			var c client
			c.do(node(way.by), login)
			before, a := c.cookie, node(way.met)
			for name, act := range map[string]func(s *sojourn.Session){
				"a look":              func(s *sojourn.Session) {},
				"a logout":            func(s *sojourn.Session) { s.Logout() },
				"a renewal":           func(s *sojourn.Session) { s.Renew() },
				"a removal of values": func(s *sojourn.Session) { s.Clear() },
			} {
				a.events = nil
				resp := c.do(a, act)
				if c.cookie != before || resp.Header.Get("Set-Cookie") != "" || len(a.events) != 1 || a.events[0].Kind != sojourn.EventForgedKey {
					t.Errorf("%s, %s: got cookie %q, events %v, want it untouched and one event", way.name, name, resp.Header.Get("Set-Cookie"), a.events)
				}
			}
			c.wantSees(t, a, "v", "", "")
			c.wantSees(t, node(phases[1]), "v", "42", "")
			if c.do(a, set("v", "new")); c.cookie == before {
				t.Errorf("%s: a session that began did not set its cookie", way.name)
			}
		}
	}
}

// numbered is a secret that looks random.
func numbered(n uint64) []byte {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	sum := sha256.Sum256(b[:])
	return sum[:]
}

func TestNew_refusesSecretsAndStores(t *testing.T) {
	good, leases := randomSecret(1), memstore.New(memstore.Config{})
	inner := newStore(t, cookiestore.Config{Leases: leases})
	for _, tt := range []struct {
		name string
		cfg  cookiestore.Config
		want []string
	}{
		{"good", cookiestore.Config{Secrets: [][]byte{good}, Leases: leases}, nil},
		{"irrevocable", cookiestore.Config{Secrets: [][]byte{good}, Irrevocable: true}, nil},
		{"nothing", cookiestore.Config{}, []string{"Secrets", "Leases"}},
		{"no leases", cookiestore.Config{Secrets: [][]byte{good}}, []string{"Leases"}},
		{"both", cookiestore.Config{Secrets: [][]byte{good}, Leases: leases, Irrevocable: true}, []string{"Irrevocable"}},
		{"short secret", cookiestore.Config{Secrets: [][]byte{good, good[:31]}, Leases: leases}, []string{"Secrets[1]"}},
		{"password", cookiestore.Config{Secrets: [][]byte{[]byte("correct horse battery staple 1234")}, Leases: leases}, []string{"Secrets[0]"}},
		{"twice", cookiestore.Config{Secrets: [][]byte{good, randomSecret(2), good}, Leases: leases}, []string{"Secrets[2]"}},
		{"leases at the client", cookiestore.Config{Secrets: [][]byte{good}, Leases: inner}, []string{"Leases"}},
		{"long name", cookiestore.Config{Secrets: [][]byte{good}, Leases: leases, Name: strings.Repeat("n", 257), Realm: "id"}, []string{"Name"}},
		{"long realm", cookiestore.Config{Secrets: [][]byte{good}, Leases: leases, Realm: strings.Repeat("r", 256)}, []string{"Realm"}},
	} {
		st, err := cookiestore.New(tt.cfg)
		if (err != nil) != (tt.want != nil) || (st == nil) != (err != nil) {
			t.Errorf("%s: got error %v, want one about %q", tt.name, err, tt.want)
			continue
		}
		for _, field := range tt.want {
			if !strings.Contains(err.Error(), "cookiestore: Config."+field+":") {
				t.Errorf("%s: got %v, want it to name %s", tt.name, err, field)
			}
		}
	}
}

// Two secrets whose key IDs are the same by chance are refused when the program starts: of the two only one would ever be
// tried. The same two are fine under another name, where their IDs are others.
func TestNew_refusesKeyIDsThatCollide(t *testing.T) {
	secrets := [][]byte{numbered(57639), randomSecret(2), numbered(79289)}
	_, err := cookiestore.New(cookiestore.Config{Secrets: secrets, Leases: memstore.New(memstore.Config{})})
	if err == nil || !strings.Contains(err.Error(), "Config.Secrets[2]: the same key ID as an earlier one") {
		t.Errorf("got %v, want the collision of two secrets named", err)
	}
	if _, err := cookiestore.New(cookiestore.Config{Secrets: secrets, Leases: memstore.New(memstore.Config{}), Name: "__Host-id2"}); err != nil {
		t.Errorf("got %v under another name, want none", err)
	}
}

// What is configured is frozen: New has copies.
func TestNew_copiesSecrets(t *testing.T) {
	secret, leases := randomSecret(1), memstore.New(memstore.Config{})
	a := newApp(t, newStore(t, cookiestore.Config{Secrets: [][]byte{secret}, Leases: leases}), sojourn.Config{})
	clear(secret)
	var c client
	c.do(a, login)
	c.wantSees(t, newApp(t, newStore(t, cookiestore.Config{Leases: leases}), sojourn.Config{}), "v", "42", "")
}
