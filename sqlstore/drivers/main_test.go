package drivers_test

import (
	"os"
	"sync"
	"testing"

	"github.com/sojourn-go/sojourn/enginetest"
)

// started are the servers that tests have asked for.
var started struct {
	sync.Mutex
	servers []*enginetest.Server
}

// shared starts a server at the first call, for all tests.
func shared(start func() (*enginetest.Server, error)) func() (*enginetest.Server, error) {
	return sync.OnceValues(func() (*enginetest.Server, error) {
		s, err := start()
		if err == nil {
			started.Lock()
			defer started.Unlock()
			started.servers = append(started.servers, s)
		}
		return s, err
	})
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range started.servers {
		s.Close()
	}
	os.Exit(code)
}
