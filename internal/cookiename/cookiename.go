// Package cookiename knows the prefixes of cookie names that user agents give a meaning.
package cookiename

import "strings"

// Prefixes returns them, longest first (RFC 6265bis §4.1.3). A user agent matches them without regard to case.
func Prefixes() [4]string { return [...]string{"__Host-Http-", "__Host-", "__Secure-", "__Http-"} }

// WithoutPrefix returns name without its prefix: the default of a realm.
func WithoutPrefix(name string) string {
	for _, prefix := range Prefixes() {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			return rest
		}
	}
	return name
}
