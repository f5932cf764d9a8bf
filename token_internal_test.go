package sojourn

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"
)

// decodeText is encoding/base64's strict decoding, but for line breaks: every byte at every place of texts of each length.
func TestDecodeText_readsWhatStrictBase64Does(t *testing.T) {
	strict := base64.RawURLEncoding.Strict()
	random := rand.NewChaCha8([32]byte{1})
	good := 0
	for _, size := range []int{0, 1, 2, 3, 4, 5, 6, 32, 48} {
		raw := make([]byte, size)
		for range 4 {
			random.Read(raw)
			text := []byte(strict.EncodeToString(raw))
			for _, spare := range []string{"", "A"} { // one digit too many is no byte
				for at := range append(text, spare...) {
					for c := range 256 {
						changed := append(bytes.Clone(text), spare...)
						changed[at] = byte(c)
						want, err := strict.DecodeString(string(changed))
						ok := err == nil && !strings.ContainsAny(string(changed), "\r\n")
						got := make([]byte, base64.RawURLEncoding.DecodedLen(len(changed)))
						if decoded := decodeText(got, string(changed)); decoded != ok || ok && !bytes.Equal(got, want) {
							t.Fatalf("%q: decodeText says %t, %x; encoding/base64 %x, %v", changed, decoded, got, want, err)
						}
						if ok {
							good++
						}
					}
				}
			}
		}
		if size > 0 && decodeText(make([]byte, size-1), strict.EncodeToString(raw)) || decodeText(make([]byte, size+1), strict.EncodeToString(raw)) {
			t.Errorf("%d bytes were decoded into fewer or more", size)
		}
	}
	if good == 0 {
		t.Error("no text was well-formed")
	}
}

// Every text of every length, decoded into what would fit.
func FuzzDecodeText(f *testing.F) {
	for _, text := range []string{"", "A", "AA", "AB", "AAA", "AAB", "AAAA", "AA\n", "AA==", "-_-_", "+/+/", strings.Repeat("A", 42) + "B", strings.Repeat("_", 64)} {
		f.Add(text)
	}
	strict := base64.RawURLEncoding.Strict()
	f.Fuzz(func(t *testing.T, text string) {
		want, err := strict.DecodeString(text)
		ok := err == nil && !strings.ContainsAny(text, "\r\n")
		got := make([]byte, base64.RawURLEncoding.DecodedLen(len(text)))
		if decoded := decodeText(got, text); decoded != ok || ok && !bytes.Equal(got, want) {
			t.Fatalf("%q: decodeText says %t, %x; encoding/base64 %x, %v", text, decoded, got, want, err)
		}
	})
}
