package sojourn_test

import (
	"encoding/base64"
	"go/parser"
	"go/token"
	"math/bits"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
)

// SEC-01 to SEC-03: a token is 384 random bits and says nothing else.

func TestToken_isRandomInEveryBit(t *testing.T) {
	a := newApp(t, sojourn.Config{})
	a.does("/login", func(s *sojourn.Session) { s.Login("42") })
	const n = 4000
	var ones [48 * 8]int
	seen := map[string]bool{}
	equal := 0 // bits of two tokens that follow each other
	var last []byte
	for range n {
		text := a.browser(t).get("/login").cookie(hostID).Value
		raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || len(raw) != 48 {
			t.Fatalf("got token %q", text)
		}
		if seen[text[:22]] || seen[text[22:]] {
			t.Fatal("an ID or a secret came twice")
		}
		seen[text[:22]], seen[text[22:]] = true, true
		for i := range ones {
			ones[i] += int(raw[i/8] >> (i % 8) & 1)
		}
		for i := range last {
			equal += 8 - bits.OnesCount8(raw[i]^last[i])
		}
		last = raw
	}
	// Six standard deviations: once in a million runs.
	const half, far = n / 2, 6 * 32 // sqrt(4000)/2 = 31.6
	for i, k := range ones {
		if k < half-far || k > half+far {
			t.Errorf("bit %d is set in %d of %d tokens", i, k, n)
		}
	}
	if mean := float64(equal) / (n - 1); mean < 190 || mean > 194 {
		t.Errorf("neighbours have %.1f of 384 bits in common, want about 192", mean)
	}
}

// Only crypto/rand makes what must not be guessed. It fails a process sooner than it returns (Go 1.24), so there is
// nothing to fall back to, and no Config to give another one. math/rand spreads pauses.
func TestRandomness_isTheSystems(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	users := map[string][]string{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			users[spec.Path.Value] = append(users[spec.Path.Value], path)
		}
	}
	for pkg, want := range map[string][]string{
		`"crypto/rand"`:  {"id.go", "seal.go", "token.go"},
		`"math/rand/v2"`: {"manager.go", "touch.go"},
		`"math/rand"`:    nil, `"unsafe"`: {"codec.go", "token.go"}, `"encoding/gob"`: nil, `"compress/flate"`: nil, `"compress/gzip"`: nil,
	} {
		if got := users[pkg]; !slices.Equal(got, want) {
			t.Errorf("%s is used by %q, want %q", pkg, got, want)
		}
	}
}
