package demo

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
)

// DefaultAddr is where [Listen] listens if no address is given, or on the next free port.
const DefaultAddr = "localhost:8080"

// Listen listens on addr, which must be of this machine: the demo has no TLS, and what it serves is nobody else's
// business. An empty addr is [DefaultAddr] or one of the 19 ports after it, whichever is free.
func Listen(addr string) (net.Listener, error) {
	if addr != "" {
		return listen(addr)
	}
	host, first, err := net.SplitHostPort(DefaultAddr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(first)
	if err != nil {
		return nil, err
	}
	var taken error
	for i := range 20 {
		l, err := listen(net.JoinHostPort(host, strconv.Itoa(port+i)))
		if err == nil {
			return l, nil
		}
		taken = errors.Join(taken, err)
	}
	return nil, taken
}

func listen(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", addr, err)
	}
	if !loopback(host) {
		return nil, fmt.Errorf("address %q is not of this machine: the demo listens on localhost, 127.0.0.1 or [::1] only", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	// A name is what the resolver makes of it, "localhost" too.
	if tcp, ok := l.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		l.Close()
		return nil, fmt.Errorf("address %q resolves to %v, which is not of this machine", addr, l.Addr())
	}
	return l, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// URL returns the address to open in a browser. It says localhost, which browsers trust with Secure cookies.
func URL(l net.Listener) string {
	tcp, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return ""
	}
	if tcp.IP.Equal(net.IPv4(127, 0, 0, 1)) || tcp.IP.Equal(net.IPv6loopback) {
		return "http://localhost:" + strconv.Itoa(tcp.Port)
	}
	return "http://" + l.Addr().String()
}

// thisMachine refuses requests under any other host name. Without it a page elsewhere whose name is made to point to
// 127.0.0.1 (DNS rebinding) would count as the same origin.
func thisMachine(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !loopback(host) {
			http.Error(w, "this demo answers to localhost only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
