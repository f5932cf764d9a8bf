package demo_test

import (
	"net/url"
	"testing"

	"github.com/sojourn-go/sojourn/cmd/sojourn/internal/demo"
)

func TestLocalPath(t *testing.T) {
	for next, want := range map[string]string{
		"":                                 "/",
		"/":                                "/",
		"/devices":                         "/devices",
		"/cart?a=1&b=2":                    "/cart?a=1&b=2",
		"devices":                          "/",
		"/devices#x":                       "/devices",
		"//evil.example":                   "/",
		"///evil.example":                  "/evil.example",
		"/..//evil.example":                "/evil.example",
		"/.//evil.example":                 "/evil.example",
		"/%2f/evil.example":                "/evil.example",
		"/%2e%2e//evil.example":            "/evil.example",
		`/\evil.example`:                   "/",
		`\\evil.example`:                   "/",
		"/%5cevil.example":                 "/",
		"/%09/evil.example":                "/",
		"/\t/evil.example":                 "/",
		"/\n/evil.example":                 "/",
		"/%0d%0aSet-Cookie:x=y":            "/",
		" //evil.example":                  "/",
		"http:evil.example":                "/",
		"http:///evil.example":             "/",
		"https://evil.example":             "/",
		"HTTPS://evil.example":             "/",
		"https:/evil.example":              "/",
		"javascript:alert(1)":              "/",
		"data:text/html,x":                 "/",
		"//localhost:8080@evil.example/":   "/",
		"http://localhost:8080/devices":    "/",
		"/?next=https://evil.example":      "/?next=https%3A%2F%2Fevil.example",
		"/a/../../..//evil.example/%2e%2e": "/",
		"/%ff":                             "/",
	} {
		if got := demo.LocalPath(next); got != want {
			t.Errorf("%q: got %q, want %q", next, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	f.Add("//evil.example")
	f.Add(`/\evil.example`)
	f.Add("/devices?x=%0a")
	base, err := url.Parse("http://localhost:8080/signin")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, next string) {
		got := demo.LocalPath(next)
		u, err := base.Parse(got)
		if err != nil || u.Scheme != "http" || u.Host != base.Host || u.User != nil {
			t.Errorf("%q: got %q, which leaves the site", next, got)
		}
		if got == "" || got[0] != '/' || len(got) > 1 && (got[1] == '/' || got[1] == '\\') {
			t.Errorf("%q: got %q", next, got)
		}
		for _, c := range []byte(got) {
			if c <= ' ' || c == '\\' || c >= 0x7f {
				t.Errorf("%q: got %q with a byte %#x", next, got, c)
			}
		}
		if again := demo.LocalPath(got); again != got {
			t.Errorf("%q: got %q, and of that %q", next, got, again)
		}
	})
}
