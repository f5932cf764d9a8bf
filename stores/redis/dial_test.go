package redisstore_test

import (
	"io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	redisstore "github.com/sojourn-go/sojourn/stores/redis"
)

// A connection lets others run before it writes, so that what they ask is written together: only while an answer is
// awaited, and not where they take long.
func TestDial_letsOthersRunBeforeItWrites(t *testing.T) {
	const rounds = 30
	for _, tt := range []struct {
		name        string
		answered    bool          // all that was asked before each write
		busy        time.Duration // what others take of the processor
		least, most int
	}{
		{"while an answer is awaited", false, 0, rounds * 3 / 4, rounds},
		{"not if nothing is under way", true, 0, 0, rounds / 4},
		{"not if others keep the processor", false, 20 * time.Millisecond, 0, rounds / 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// With one processor others have their turn when somebody lets them. The system may let them too, or stop us in the
			// middle, so one try of several counts.
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			var turns int
			for range 20 {
				if turns = turnsBeforeWrites(t, rounds, tt.answered, tt.busy); turns >= tt.least && turns <= tt.most {
					return
				}
			}
			t.Errorf("others ran before %d of %d writes, want %d to %d", turns, rounds, tt.least, tt.most)
		})
	}
}

// turnsBeforeWrites counts the writes before whose end another goroutine had its turn.
func turnsBeforeWrites(t *testing.T, rounds int, answered bool, busy time.Duration) (turns int) {
	t.Helper()
	conn := dialEcho(t)
	defer conn.Close()
	write := func() {
		t.Helper()
		if _, err := conn.Write([]byte("a")); err != nil {
			t.Fatal(err)
		}
	}
	read := func() {
		t.Helper()
		if !answered {
			return
		}
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	for range rounds {
		write()
		read()
		var ran atomic.Bool
		done := make(chan struct{})
		go func() {
			ran.Store(true)
			for began := time.Now(); time.Since(began) < busy; {
			}
			close(done)
		}()
		write()
		if ran.Load() {
			turns++
		}
		<-done
		read()
	}
	return turns
}

// dialEcho connects, as a client of ParseURL's does, to a server that answers each byte with itself.
func dialEcho(t *testing.T) net.Conn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() }) // not before it has accepted
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.Copy(conn, conn)
	}()
	option, err := redisstore.ParseURL("redis://localhost")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := option.DialCtxFn(t.Context(), listener.Addr().String(), &option.Dialer, nil)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}
