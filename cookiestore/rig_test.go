package cookiestore_test

import (
	"crypto/sha256"
	"testing"

	"github.com/sojourn-go/sojourn/cookiestore"
)

// randomSecret returns 32 bytes that look random and are the same in each run.
func randomSecret(seed byte) []byte {
	sum := sha256.Sum256([]byte{seed, 's', 'e', 'c', 'r', 'e', 't'})
	return sum[:]
}

func newStore(tb testing.TB, cfg cookiestore.Config) *cookiestore.Store {
	tb.Helper()
	if cfg.Secrets == nil {
		cfg.Secrets = [][]byte{randomSecret(1)}
	}
	st, err := cookiestore.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return st
}
