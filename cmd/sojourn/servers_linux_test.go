package main

import (
	"bytes"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sojourn-go/sojourn/enginetest"
)

// The servers are real ones, started once each and stopped at the end.

// hunter is a password that must be escaped in an address. hunter2 is a wrong one.
const (
	hunter  = "hunt/er"
	escaped = "hunt%2Fer"
	wrong   = "hunter2"
)

var running []*enginetest.Server

func started(s *enginetest.Server, err error) (*enginetest.Server, error) {
	if err == nil {
		running = append(running, s)
	}
	return s, err
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range running {
		s.Close()
	}
	os.Exit(code)
}

func runCommand(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, &out, &errs)
	return status, out.String(), errs.String()
}

// checkUnreachable asks a port where nobody listens, and one where nobody answers, which takes time.
func checkUnreachable(t *testing.T, scheme string) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close() // the system accepts for it, and it never answers
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for what, host := range map[string]string{"connection refused": gone.Addr().String(), "no answer": silent.Addr().String()} {
		if got := wantRefusal(t, scheme+"://ada:"+wrong+"@"+host+"/0", scheme+"://"+host+"/0: "); !strings.Contains(got, what) {
			t.Errorf("%s: got %q, want it to say %q", scheme, got, what)
		}
	}
}

// checkWrongPassword asks with the right address but for the password.
func checkWrongPassword(t *testing.T, address string) {
	t.Helper()
	scheme, rest, _ := strings.Cut(address, "://")
	_, host, _ := strings.Cut(rest, "@")
	wantRefusal(t, strings.Replace(address, escaped, wrong, 1), scheme+"://"+host+": ")
}

// wantRefusal starts the demo with an address that cannot work, and returns what it says: it names the scheme and the host,
// never a password, and soon.
func wantRefusal(t *testing.T, address, name string) string {
	t.Helper()
	began := time.Now()
	status, _, text := runCommand(t, "demo", "--addr", "localhost:0", "--db", t.TempDir()+"/a.db", "--store", address)
	if status != 1 || !strings.HasPrefix(text, "sojourn demo: "+name) || strings.Contains(text, "hunt") || strings.Contains(text, "er2") {
		t.Errorf("%s: got %d, %q, want it to name %s and no password", address, status, text, name)
	}
	if lines := strings.Count(text, "\n"); lines > 4 {
		t.Errorf("%s: got a story of %d lines: %q", address, lines, text)
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("%s: took %v", address, took)
	}
	return text
}
