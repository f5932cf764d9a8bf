package cookiestore_test

import (
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/cookiestore"
	"github.com/sojourn-go/sojourn/memstore"
)

// Rotation as Config.Secrets documents it (SEC-55): add last, deploy, promote, deploy, remove. At every step old and new
// instances serve the same clients in turn.
func TestRotation_logsNobodyOut(t *testing.T) {
	older, newer := randomSecret(1), randomSecret(2)
	phases := [][][]byte{{older}, {older, newer}, {newer, older}, {newer}}
	for _, irrevocable := range []bool{false, true} {
		leases := memstore.New(memstore.Config{})
		node := func(secrets [][]byte) *app {
			cfg := cookiestore.Config{Secrets: secrets, Irrevocable: irrevocable}
			if !irrevocable {
				cfg.Leases = leases
			}
			return newApp(t, newStore(t, cfg), sojourn.Config{})
		}
		var c client
		c.do(node(phases[0]), login)
		value := "start"
		for i := range len(phases) - 1 {
			from, to := node(phases[i]), node(phases[i+1])
			for range 5 {
				for _, a := range []*app{from, to} {
					value += "."
					c.do(a, set("v", value))
					c.wantSees(t, from, "v", "42", value)
					c.wantSees(t, to, "v", "42", value)
				}
			}
		}
		last := node(phases[3])
		kept := c
		// Removing a secret ends exactly its cookies, and a cookie under a secret that is not known is left alone.
		var old client
		old.do(node(phases[0]), login)
		before := old.cookie
		old.wantSees(t, last, "v", "", "")
		if old.cookie != before || len(last.events) != 1 || last.events[0].Kind != sojourn.EventForgedKey {
			t.Errorf("got cookie changed: %v, events %v for an unknown secret, want the cookie untouched and one event", old.cookie != before, last.events)
		}
		old.wantSees(t, node(phases[1]), "v", "42", "")
		kept.wantSees(t, last, "v", "42", value)
	}
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
		{"long name", cookiestore.Config{Secrets: [][]byte{good}, Leases: leases, Name: strings.Repeat("n", 257)}, []string{"Name"}},
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

// What is configured is frozen: New has copies.
func TestNew_copiesSecrets(t *testing.T) {
	secret, leases := randomSecret(1), memstore.New(memstore.Config{})
	a := newApp(t, newStore(t, cookiestore.Config{Secrets: [][]byte{secret}, Leases: leases}), sojourn.Config{})
	clear(secret)
	var c client
	c.do(a, login)
	c.wantSees(t, newApp(t, newStore(t, cookiestore.Config{Leases: leases}), sojourn.Config{}), "v", "42", "")
}
