package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// search finds bytes in every form in which a program may show them.
type search []form

// form is a way to write some of the bytes down.
type form struct {
	name string
	text []byte
	at   int // where it was found
}

// newSearch prepares the forms. Windows of nine bytes suffice, and find a part that leaks; base64 has another text at each of
// three alignments.
func newSearch(secret []byte) search {
	var all search
	for at := 0; at+9 <= len(secret); at++ {
		part := secret[at : at+9]
		list := strings.Trim(fmt.Sprint(part), "[]")
		goSyntax := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", part), "[]byte{"), "}")
		for name, text := range map[string]string{
			"raw": string(part), "hexadecimal": hex.EncodeToString(part), "HEXADECIMAL": strings.ToUpper(hex.EncodeToString(part)),
			"spaced hexadecimal": fmt.Sprintf("% x", part), "base64": base64.StdEncoding.EncodeToString(part), "base64url": base64.URLEncoding.EncodeToString(part),
			"quoted": strings.Trim(fmt.Sprintf("%q", part), `"`), "list": list, "list with commas": strings.ReplaceAll(list, " ", ","),
			"list with commas and spaces": strings.ReplaceAll(list, " ", ", "), "Go": goSyntax,
		} {
			all = append(all, form{name: name, text: []byte(text)})
		}
	}
	return all
}

// in returns the forms that are in b, each kind once.
func (s search) in(b []byte) []form {
	var found []form
	seen := map[string]bool{}
	for _, f := range s {
		if seen[f.name] {
			continue
		}
		if at := bytes.Index(b, f.text); at >= 0 {
			seen[f.name] = true
			f.at = at
			found = append(found, f)
		}
	}
	return found
}

// check sees that the search finds what it is for.
func (s search) check() error {
	secret := append([]byte("12345678"), canary...)
	for at := range 3 { // behind an ID of any length
		token := append(bytes.Repeat([]byte("i"), 16+at), secret...)
		for name, text := range map[string]string{
			"raw": string(token), "hex": hex.EncodeToString(token), "base64": base64.StdEncoding.EncodeToString(token),
			"base64url": base64.RawURLEncoding.EncodeToString(token), "%v": fmt.Sprint(token), "%#v": fmt.Sprintf("%#v", token), "%q": fmt.Sprintf("%q", token),
			"a part": hex.EncodeToString(canary[3:14]),
		} {
			if len(s.in([]byte("before "+text+" after"))) == 0 {
				return fmt.Errorf("the search does not find the canary as %s", name)
			}
		}
	}
	if found := s.in([]byte("nothing of it: " + hex.EncodeToString(bytes.Repeat([]byte{0x9e}, 40)))); len(found) > 0 {
		return fmt.Errorf("the search finds %s where nothing is", found[0].name)
	}
	return nil
}
