package sojourn_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

func sentinels() []error {
	return []error{
		sojourn.ErrNotFound, sojourn.ErrConflict, sojourn.ErrCorrupt, sojourn.ErrNewer, sojourn.ErrTooLarge,
		sojourn.ErrEnded, sojourn.ErrRenewed, sojourn.ErrSent, sojourn.ErrNoManager,
	}
}

func TestSentinels_areDistinctAndPrefixed(t *testing.T) {
	seen := make(map[string]bool)
	for i, err := range sentinels() {
		text := err.Error()
		if !strings.HasPrefix(text, "sojourn: ") || strings.HasSuffix(text, ".") || seen[text] {
			t.Errorf("text %q", text)
		}
		seen[text] = true
		for j, other := range sentinels() {
			if errors.Is(err, other) != (i == j) {
				t.Errorf("errors.Is(%v, %v) is %t", err, other, i != j)
			}
		}
	}
}

func TestStoreError_text(t *testing.T) {
	id := testID(t)
	for _, tt := range []struct {
		name string
		err  *sojourn.StoreError
		want string
	}{
		{"known", &sojourn.StoreError{Op: "load", ID: id, Err: sojourn.ErrNotFound}, "sojourn: store call load of " + idText + ": no such session"},
		{"without an ID", &sojourn.StoreError{Op: "save", Err: sojourn.ErrTooLarge}, "sojourn: store call save: session too large"},
		{"wrapped", &sojourn.StoreError{Op: "patch", Err: fmt.Errorf("key s3cret: %w", sojourn.ErrConflict)}, "sojourn: store call patch: conflicting change"},
		{"corrupt", &sojourn.StoreError{Op: "load", Err: sojourn.ErrCorrupt}, "sojourn: store call load: unreadable record"},
		{"newer", &sojourn.StoreError{Op: "load", Err: sojourn.ErrNewer}, "sojourn: store call load: record of a newer version"},
		{"ended", &sojourn.StoreError{Op: "update", Err: sojourn.ErrEnded}, "sojourn: store call update: session has ended"},
		{"unsupported", &sojourn.StoreError{Op: "list", Err: errors.ErrUnsupported}, "sojourn: store call list: unsupported operation"},
		{"the driver's words", &sojourn.StoreError{Op: "load", ID: id, Err: errors.New("dial redis://:s3cret@10.0.0.1")}, "sojourn: store call load of " + idText + ": store unavailable"},
		{"no cause", &sojourn.StoreError{Op: "touch"}, "sojourn: store call touch: store unavailable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestStoreError_isFoundAndUnwraps(t *testing.T) {
	cause := fmt.Errorf("driver: %w", errors.Join(io.ErrUnexpectedEOF, sojourn.ErrNotFound))
	err := fmt.Errorf("handler: %w", &sojourn.StoreError{Op: "load", Err: cause})
	for _, target := range []error{cause, sojourn.ErrNotFound, io.ErrUnexpectedEOF} {
		if !errors.Is(err, target) {
			t.Errorf("errors.Is(err, %v) is false", target)
		}
	}
	if errors.Is(err, sojourn.ErrConflict) {
		t.Error("it is ErrConflict too")
	}
	var storeErr *sojourn.StoreError
	if !errors.As(err, &storeErr) || storeErr.Op != "load" {
		t.Errorf("errors.As: got %v", storeErr)
	}
}

func TestConfigError_namesTheField(t *testing.T) {
	err := &sojourn.ConfigError{Field: "Cookie.Name", Reason: "is empty"}
	if got, want := err.Error(), "sojourn: Config.Cookie.Name: is empty"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
