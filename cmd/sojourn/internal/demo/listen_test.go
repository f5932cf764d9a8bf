package demo_test

import (
	"net"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/demo"
)

func TestListen_refusesOtherMachinesAddresses(t *testing.T) {
	for _, addr := range []string{":8080", "0.0.0.0:0", "[::]:0", "10.1.2.3:0", "evil.example:0", "*:0", "8080", "localhost"} {
		l, err := demo.Listen(addr)
		if err == nil {
			l.Close()
			t.Errorf("%q: no error", addr)
			continue
		}
		// Before listening, not after.
		if strings.Contains(addr, ":") && !strings.Contains(err.Error(), "is not of this machine: the demo") {
			t.Errorf("%q: got %v", addr, err)
		}
	}
}

func TestListen_takesThisMachines(t *testing.T) {
	for _, addr := range []string{"localhost:0", "127.0.0.1:0"} {
		l, err := demo.Listen(addr)
		if err != nil {
			t.Errorf("%q: %v", addr, err)
			continue
		}
		if url := demo.URL(l); !strings.HasPrefix(url, "http://localhost:") {
			t.Errorf("%q: got URL %q", addr, url)
		}
		l.Close()
	}
}

func TestListen_takesTheNextFreePortUnlessToldWhich(t *testing.T) {
	first, err := demo.Listen("")
	if err != nil {
		t.Skipf("no port near the default is free: %v", err)
	}
	defer first.Close()
	second, err := demo.Listen("")
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if a, b := first.Addr().(*net.TCPAddr).Port, second.Addr().(*net.TCPAddr).Port; a == b {
		t.Errorf("got port %d twice", a)
	}
	if l, err := demo.Listen(first.Addr().String()); err == nil {
		l.Close()
		t.Error("a port that is taken was given away")
	}
}
