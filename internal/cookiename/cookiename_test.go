package cookiename_test

import (
	"testing"

	"github.com/sojourn-go/sojourn/internal/cookiename"
)

func TestWithoutPrefix_takesTheLongestOne(t *testing.T) {
	for name, want := range map[string]string{
		"__Host-id": "id", "__Secure-id": "id", "__Http-id": "id", "__Host-Http-id": "id", "id": "id", "": "",
		"__host-id": "__host-id", "__Host-__Secure-id": "__Secure-id", "X-Session": "X-Session",
	} {
		if got := cookiename.WithoutPrefix(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
