package sojourn

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sojourn-go/sojourn/internal/cookiename"
	"github.com/sojourn-go/sojourn/internal/entropy"
)

// Cookie describes the cookie. It is always HttpOnly (SEC-28). It is sent once per secret; a persistent one lives until
// the session's deadline.
type Cookie struct {
	// Name is the cookie's name. A name with the prefix __Host-, __Secure-, __Http- or __Host-Http- must keep what the
	// prefix promises (RFC 6265bis §4.1.3, SEC-29, SEC-30). Default: "__Host-id"; "__Secure-id" with a Domain or a Path;
	// "id" if Insecure.
	Name string
	// Domain, if set, shares the cookie with all subdomains, each of which can then plant one (RFC 6265bis §8.6).
	// Default: this host only.
	Domain string
	// Path must begin with a slash. It is no protection against other paths of the host. Default: "/".
	Path string
	// SameSite is the attribute of that name. Default: Lax.
	SameSite http.SameSite
	// Partitioned is for use in frames of other sites (CHIPS); it needs SameSite None. Default: false.
	Partitioned bool
	// Insecure sends the cookie over plain HTTP: development only. On http://localhost Chromium and Firefox keep a secure
	// cookie as well, and only Safari needs this. Default: false.
	Insecure bool

	// Secrets, if any, seal the cookie's content (AES-256-GCM under a key derived per message, bound to realm and name),
	// so that a made-up token costs no store call and whoever can write to the store still cannot make one. The first
	// seals, all open; to rotate, add the new one last, deploy, move it to the front, deploy, and remove the old one after
	// one lifetime. 32 or more random bytes each. Default: none, the token itself.
	Secrets [][]byte
}

// Format prints c without its secrets, under every verb.
func (c Cookie) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "{Name:%s Domain:%s Path:%s SameSite:%d Partitioned:%t Insecure:%t Secrets:%d}",
		c.Name, c.Domain, c.Path, c.SameSite, c.Partitioned, c.Insecure, len(c.Secrets))
}

// LogValue is what Format prints.
func (c Cookie) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// MarshalText is what Format prints, for encoders that would show every field.
func (c Cookie) MarshalText() ([]byte, error) { return fmt.Append(nil, c), nil }

func (c *Cookie) isZero() bool {
	return c.Name == "" && c.Domain == "" && c.Path == "" && c.SameSite == 0 && !c.Partitioned && !c.Insecure && len(c.Secrets) == 0
}

func (c *Cookie) complete(refuse func(field, reason string, args ...any)) {
	if c.Path == "" {
		c.Path = "/"
	}
	if c.SameSite == 0 {
		c.SameSite = http.SameSiteLaxMode
	}
	if c.Name == "" {
		switch {
		case c.Insecure:
			c.Name = "id"
		case c.Domain != "" || c.Path != "/":
			c.Name = "__Secure-id"
		default:
			c.Name = "__Host-id"
		}
	}
	c.checkName(refuse)
	if c.Domain != "" && !isDomain(c.Domain) {
		refuse("Cookie.Domain", "%q is not a domain name", c.Domain)
	}
	if c.Path[0] != '/' || len(c.Path) > 1024 || strings.ContainsFunc(c.Path, func(r rune) bool { return r <= ' ' || r > '~' || r == ';' }) {
		refuse("Cookie.Path", "%q is not an absolute path of visible ASCII", c.Path)
	}
	switch c.SameSite {
	case http.SameSiteLaxMode, http.SameSiteStrictMode:
	case http.SameSiteNoneMode:
		if c.Insecure {
			refuse("Cookie.SameSite", "None needs a secure cookie (RFC 6265bis §5.7)")
		}
	default:
		refuse("Cookie.SameSite", "want Lax, Strict or None")
	}
	if c.Partitioned && (c.Insecure || c.SameSite != http.SameSiteNoneMode) {
		refuse("Cookie.Partitioned", "needs a secure cookie with SameSite None")
	}
	c.checkSecrets(refuse)
}

func (c *Cookie) checkName(refuse func(field, reason string, args ...any)) {
	if !isToken(c.Name) || len(c.Name) > 256 {
		refuse("Cookie.Name", "%q is not a cookie name (RFC 6265bis §4.1.1) of at most 256 bytes", c.Name)
		return
	}
	// A user agent matches prefixes without regard to case, so another spelling is refused rather than taken for an
	// ordinary name.
	for _, prefix := range cookiename.Prefixes() {
		if len(c.Name) < len(prefix) || !strings.EqualFold(c.Name[:len(prefix)], prefix) {
			continue
		}
		switch {
		case !strings.HasPrefix(c.Name, prefix):
			refuse("Cookie.Name", "%q: write the prefix as %s", c.Name, prefix)
		case len(c.Name) == len(prefix):
			refuse("Cookie.Name", "%q is only a prefix", c.Name)
		case c.Insecure:
			refuse("Cookie.Name", "%q promises a secure cookie, but Insecure is set", c.Name)
		case strings.HasPrefix(prefix, "__Host-") && (c.Domain != "" || c.Path != "/"):
			refuse("Cookie.Name", "%q promises no Domain and the path /", c.Name)
		}
		return
	}
}

func (c *Cookie) checkSecrets(refuse func(field, reason string, args ...any)) {
	for i, secret := range c.Secrets {
		field := "Cookie.Secrets[" + strconv.Itoa(i) + "]"
		if reason := entropy.Lack(secret); reason != "" {
			refuse(field, "%s", reason)
		}
		for j := range i {
			if string(c.Secrets[j]) == string(secret) {
				refuse(field, "the same as Cookie.Secrets[%d]", j)
			}
		}
	}
}

// isToken reports whether s is a token of RFC 9110 §5.6.2.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, r)
	})
}

func isDomain(s string) bool {
	if len(s) > 253 || net.ParseIP(s) != nil {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool {
			return r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		}) {
			return false
		}
	}
	return true
}

// cookieWriter makes Set-Cookie headers. The attributes never change, so they are put together once.
type cookieWriter struct {
	name  string // with the equals sign
	attrs string
}

func newCookieWriter(c *Cookie) cookieWriter {
	var b strings.Builder
	b.WriteString("; Path=" + c.Path)
	if c.Domain != "" {
		b.WriteString("; Domain=" + c.Domain)
	}
	b.WriteString("; HttpOnly")
	if !c.Insecure {
		b.WriteString("; Secure")
	}
	switch c.SameSite {
	case http.SameSiteStrictMode:
		b.WriteString("; SameSite=Strict")
	case http.SameSiteNoneMode:
		b.WriteString("; SameSite=None")
	default:
		b.WriteString("; SameSite=Lax")
	}
	if c.Partitioned {
		b.WriteString("; Partitioned")
	}
	return cookieWriter{name: c.Name + "=", attrs: b.String()}
}

// set returns the header for a token that lives age; 0 means as long as the browser runs.
func (c *cookieWriter) set(token []byte, age time.Duration) string {
	maxAge := ""
	if age > 0 {
		seconds := int64(min(age, maxCookieAge) / time.Second)
		maxAge = "; Max-Age=" + strconv.FormatInt(max(seconds, 1), 10)
	}
	var b strings.Builder
	b.Grow(len(c.name) + len(token) + len(maxAge) + len(c.attrs))
	b.WriteString(c.name)
	b.Write(token)
	b.WriteString(maxAge)
	b.WriteString(c.attrs)
	return b.String()
}

// remove returns the header that removes the cookie: the same name and scope, or it would remove another one (SEC-39).
func (c *cookieWriter) remove() string {
	return c.name + "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT" + c.attrs
}

// isOurs reports whether a Set-Cookie header sets the cookie of this name, however it is spaced. A cookie without a name
// counts by its value: a user agent sends back "=id=x" as "id=x" (RFC 6265bis §5.7, SEC-36).
func (c *cookieWriter) isOurs(header string) bool {
	pair, _, _ := strings.Cut(header, ";")
	name, value, ok := strings.Cut(pair, "=")
	if name = trimControls(name); name == "" {
		name, _, ok = strings.Cut(value, "=")
		name = trimControls(name)
	}
	return ok && name == c.name[:len(c.name)-1]
}

// trimControls also trims the line breaks that net/http turns into spaces when it writes the header.
func trimControls(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
}

// maxCookiePairs is Go's own limit (GODEBUG httpcookiemaxnum, CVE-2025-58186): beyond it a handler sees no cookie at all,
// so neither do we, but we know that some were there (SEC-38).
const maxCookiePairs = 3000

// cookieValues calls yield with each value of the exact name in the Cookie headers, byte for byte as it was sent: no
// decoding, no unquoting (SEC-35, SEC-36). It reports false if there are too many cookies to read.
func cookieValues(headers []string, name string, yield func(value string)) bool {
	size := 0
	for _, header := range headers {
		size += len(header) + 1 // no more cookies than that
	}
	if size > maxCookiePairs {
		pairs := 0
		for _, header := range headers {
			pairs += strings.Count(header, ";") + 1
		}
		if pairs > maxCookiePairs {
			return false
		}
	}
	for _, header := range headers {
		for header != "" {
			var cookie string
			cookie, header, _ = strings.Cut(header, ";")
			for cookie != "" && isBlank(cookie[0]) {
				cookie = cookie[1:]
			}
			for cookie != "" && isBlank(cookie[len(cookie)-1]) {
				cookie = cookie[:len(cookie)-1]
			}
			if len(cookie) > len(name) && cookie[len(name)] == '=' && cookie[:len(name)] == name {
				yield(cookie[len(name)+1:])
			}
		}
	}
	return true
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
