package entropy_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn/internal/entropy"
)

func TestLack_tellsWhatIsMadeUp(t *testing.T) {
	random := make([]byte, 32)
	rand.Read(random)
	for _, tt := range []struct {
		name   string
		secret []byte
		lacks  bool
	}{
		{"random", random, false},
		{"none", nil, true},
		{"short", random[:31], true},
		{"zeros", make([]byte, 64), true},
		{"few distinct bytes", []byte(strings.Repeat("\x00\x01\x02\x03\x04\x05\x06", 8)), true},
		{"hexadecimal of 128 bits", []byte("0123456789abcdef0123456789abcdef"), true},
		{"base64 of 256 bits", []byte("abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"), false},
	} {
		if got := entropy.Lack(tt.secret); (got != "") != tt.lacks {
			t.Errorf("%s: got %q, want a reason: %v", tt.name, got, tt.lacks)
		}
	}
}
