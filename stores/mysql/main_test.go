package mysqlstore_test

import (
	"os"
	"sync"
	"testing"

	"github.com/sojourn-go/sojourn/enginetest"
)

var started *enginetest.Server // nil if no test has asked for it

var server = sync.OnceValues(func() (s *enginetest.Server, err error) {
	// What a killed server must not lose is in the system's hands at a commit; only a power cut would ask for more.
	started, err = enginetest.MariaDBWithClock("--innodb-flush-log-at-trx-commit=2", "--max-connections=500")
	return started, err
})

func TestMain(m *testing.M) {
	code := m.Run()
	if started != nil {
		started.Close()
	}
	os.Exit(code)
}
