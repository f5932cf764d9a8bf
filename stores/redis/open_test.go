package redisstore_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/enginetest"
	redisstore "github.com/sojourn-go/sojourn/stores/redis"
	"github.com/sojourn-go/sojourn/storetest"
)

// opened opens a store that the test closes.
func opened(tb testing.TB, url string, cfg redisstore.Config) *redisstore.Store {
	tb.Helper()
	st, err := redisstore.Open(tb.Context(), url, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { st.Close() })
	return st
}

// works makes a session, changes and ends it.
func works(tb testing.TB, st *redisstore.Store) {
	tb.Helper()
	key := save(tb, st, member("ada", start.Add(time.Hour), "n", "1"))
	if err := st.Patch(tb.Context(), key, sojourn.Patch{Generation: 1, Set: values("n", "2")}, time.Hour); err != nil {
		tb.Fatal(err)
	}
	if got := load(tb, st, key).Values.Get("n"); got != "2" {
		tb.Fatalf("got %s, want 2", got)
	}
	if err := st.Delete(tb.Context(), key); err != nil {
		tb.Fatal(err)
	}
	if _, err := st.Load(tb.Context(), key); !errors.Is(err, sojourn.ErrNotFound) {
		tb.Fatalf("Load after Delete: %v", err)
	}
}

func TestOpen_connectsToEachKindOfDeployment(t *testing.T) {
	t.Run("single", func(t *testing.T) { works(t, opened(t, "redis://"+singleAddr(t), redisstore.Config{})) })
	t.Run("database", func(t *testing.T) {
		st := opened(t, "redis://"+singleAddr(t)+"/5", redisstore.Config{})
		works(t, st)
		key := save(t, st, visitor())
		if _, err := opened(t, "redis://"+singleAddr(t), redisstore.Config{}).Load(t.Context(), key); !errors.Is(err, sojourn.ErrNotFound) {
			t.Errorf("a session of database 5 in database 0: %v", err)
		}
	})
	t.Run("cluster", func(t *testing.T) {
		nodes := clusterAddrs(t)
		works(t, opened(t, "redis://"+nodes[0], redisstore.Config{}))
		works(t, opened(t, "redis://"+nodes[5]+"?addr="+nodes[1], redisstore.Config{}))
	})
	t.Run("unix", func(t *testing.T) {
		socket := filepath.Join(t.TempDir(), "redis.sock")
		own(t, "unixsocket "+socket)
		works(t, opened(t, "unix://"+socket+"?db=1", redisstore.Config{}))
	})
}

func TestOpen_saysWhatIsWrong(t *testing.T) {
	if _, err := redisstore.Open(t.Context(), "redis://h?x=1", redisstore.Config{Prefix: "{"}); err == nil ||
		!strings.Contains(err.Error(), "Prefix") || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("got %v, want both faults", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	if _, err := redisstore.Open(t.Context(), "redis://"+addr, redisstore.Config{}); err == nil {
		t.Error("Open where nobody listens: got no error")
	}
}

// A server that takes connections and says nothing holds Open up no longer than its context.
func TestOpen_endsWithItsContext(t *testing.T) {
	proxy := storetest.NewProxy(t, "tcp", singleAddr(t))
	proxy.Stall()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := redisstore.Open(ctx, "redis://"+proxy.Addr(), redisstore.Config{})
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
		t.Errorf("got %v after %v", err, took)
	}
}

// Close closes the client that Open made, and not one that was given to New.
func TestClose_closesWhatOpenOpened(t *testing.T) {
	st := opened(t, "redis://"+singleAddr(t), redisstore.Config{})
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Load(t.Context(), sojourn.NewID().Key()); err == nil || errors.Is(err, sojourn.ErrNotFound) {
		t.Errorf("Load after Close: %v", err)
	}
	if err := st.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	client := connect(t, singleAddr(t))
	given, err := redisstore.New(client, redisstore.Config{})
	if err != nil {
		t.Fatal(err)
	}
	given.Close()
	works(t, given)
}

func TestOpen_overTLS(t *testing.T) {
	dir := t.TempDir()
	ca := certificates(t, dir)
	server := own(t)
	port := freePort(t)
	secured := own(t, "tls-port "+port, "tls-cert-file "+dir+"/server.pem", "tls-key-file "+dir+"/server.key", "tls-ca-cert-file "+ca)
	_ = secured
	query := url.Values{"ca": {ca}, "cert": {dir + "/client.pem"}, "key": {dir + "/client.key"}, "server_name": {"redis.test"}}
	works(t, opened(t, "rediss://127.0.0.1:"+port+"?"+query.Encode(), redisstore.Config{}))

	for name, change := range map[string]func(url.Values){
		"another name":          func(q url.Values) { q.Set("server_name", "other.test") },
		"no trust":              func(q url.Values) { q.Del("ca") },
		"no client certificate": func(q url.Values) { q.Del("cert"); q.Del("key") },
	} {
		q := url.Values{}
		for option, value := range query {
			q[option] = value
		}
		change(q)
		if _, err := redisstore.Open(t.Context(), "rediss://127.0.0.1:"+port+"?"+q.Encode(), redisstore.Config{}); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if _, err := redisstore.Open(t.Context(), "rediss://"+server.Addr(), redisstore.Config{}); err == nil {
		t.Error("a server without TLS: got no error")
	}
}

func freePort(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

// certificates writes an authority, and a server and a client that it vouches for.
func certificates(tb testing.TB, dir string) (ca string) {
	tb.Helper()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			tb.Fatal(err)
		}
		return path
	}
	issue := func(name string, parent *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		c := &x509.Certificate{
			SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
		if parent == nil {
			parent, by = c, key
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		}
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
		if err != nil {
			tb.Fatal(err)
		}
		if c, err = x509.ParseCertificate(der); err != nil {
			tb.Fatal(err)
		}
		return c, key
	}
	root, rootKey := issue("authority", nil, nil)
	ca = write("ca.pem", "CERTIFICATE", root.Raw)
	for _, name := range []string{"server", "client"} {
		c, key := issue(map[string]string{"server": "redis.test", "client": "client"}[name], root, rootKey)
		write(name+".pem", "CERTIFICATE", c.Raw)
		der, err := x509.MarshalECPrivateKey(key)
		if err != nil {
			tb.Fatal(err)
		}
		write(name+".key", "EC PRIVATE KEY", der)
	}
	return ca
}

// aclRules are what a user of the store needs, as docs/redis.md says: commands of an application, and keys of the prefix.
const aclRules = "~sojourn:* +hello +ping +client|setname +client|tracking +get +pttl +set +getrange +setrange " +
	"+del +exists +pexpire +hgetall +hget +hset +hdel +hlen +hexists +eval +evalsha +eval_ro +evalsha_ro +time +scan +info +wait " +
	"+cluster|slots +cluster|shards +select"

func TestACL_theDocumentedCommandsAreEnough(t *testing.T) {
	t.Parallel()
	user := "user app on >secret resetkeys resetchannels -@all " + aclRules
	single := own(t, user)
	for _, cfg := range []redisstore.Config{{}, {Sharded: true}} {
		aclWorks(t, opened(t, "redis://app:secret@"+single.Addr(), cfg))
	}
	t.Run("cluster", func(t *testing.T) {
		c, err := enginetest.Cluster(user)
		enginetest.Require(t, err)
		t.Cleanup(func() { c.Close() })
		aclWorks(t, opened(t, "redis://app:secret@"+c.Nodes[0].Addr(), redisstore.Config{}))
	})
	t.Run("no more than needed", func(t *testing.T) {
		for _, url := range []string{"redis://app:wrong@", "redis://"} {
			st, err := redisstore.Open(t.Context(), url+single.Addr(), redisstore.Config{Prefix: "other:"})
			if err == nil {
				_, err = st.Save(t.Context(), visitor(), time.Hour)
				st.Close()
			}
			if url != "redis://" && err == nil {
				t.Errorf("%s: got no error", url)
			}
		}
		st := opened(t, "redis://app:secret@"+single.Addr(), redisstore.Config{Prefix: "other:"})
		if _, err := st.Save(t.Context(), visitor(), time.Hour); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("a key outside of the user's: got %v", err)
		}
	})
}

// aclWorks calls everything that there is.
func aclWorks(t *testing.T, st *redisstore.Store) {
	t.Helper()
	works(t, st)
	if err := st.Check(t.Context()); err != nil {
		t.Errorf("Check: %v", err)
	}
	later := start.Add(time.Hour)
	for range 3 {
		save(t, st, member("ada", later))
	}
	if all, err := st.ListSubject(t.Context(), "app", "ada"); err != nil || len(all) != 3 {
		t.Errorf("ListSubject: %d, %v", len(all), err)
	}
	if gone, err := st.TrimSubject(t.Context(), "app", "ada", 2, sojourn.ID{}); err != nil || len(gone) != 1 {
		t.Errorf("TrimSubject: %d, %v", len(gone), err)
	}
	if n, err := st.DeleteSubject(t.Context(), "app", "ada", sojourn.ID{}); err != nil || n != 2 {
		t.Errorf("DeleteSubject: %d, %v", n, err)
	}
	key := save(t, st, visitor())
	if err := st.UpdateTTL(t.Context(), key, 2*time.Hour); err != nil {
		t.Errorf("UpdateTTL: %v", err)
	}
	login := load(t, st, key)
	login.Facts.Subject, login.Facts.Authenticated = "bob", later
	if _, err := st.Update(t.Context(), key, login, time.Hour); err != nil {
		t.Errorf("Update: %v", err)
	}
	if err := st.UpdateTTL(t.Context(), key, 100*24*time.Hour); err != nil {
		t.Errorf("UpdateTTL beyond the deadline: %v", err)
	}
	if _, _, err := st.List(t.Context(), "", 100); err != nil {
		t.Errorf("List: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := st.Watch(ctx, func(sojourn.ID) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("Watch: %v", err)
	}
}
