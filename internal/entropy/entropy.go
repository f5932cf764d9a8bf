// Package entropy tells secrets that somebody made up from random ones.
package entropy

import "strconv"

// Lack tells why a secret is no 32 random bytes (SEC-54), "" if it may be.
func Lack(secret []byte) string {
	if len(secret) < 32 {
		return strconv.Itoa(len(secret)) + " bytes, at least 32 random ones are needed"
	}
	var seen [256]bool
	distinct, printable := 0, 0
	for _, b := range secret {
		if !seen[b] {
			seen[b] = true
			distinct++
		}
		if ' ' <= b && b <= '~' {
			printable++
		}
	}
	if distinct < 8 {
		return "not random"
	}
	// 43 characters of base64 hold 256 bits; a shorter text does not.
	if printable == len(secret) && len(secret) < 43 {
		return "a text of " + strconv.Itoa(len(secret)) + " characters: decode it, 32 random bytes are needed"
	}
	return ""
}
