package demo

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode"
)

// localPath returns next if it is a path of this site, and "/" otherwise: a link to our sign-in page must not lead the
// signed-in user to someone else's page. Browsers read "//host", "/\host" and paths with tabs as addresses of other
// hosts, so the answer is put together anew from its cleaned parts.
func localPath(next string) string {
	const home = "/"
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return home
	}
	if !strings.HasPrefix(u.Path, "/") || strings.ContainsFunc(u.Path, foreignInPath) {
		return home
	}
	return (&url.URL{Path: path.Clean(u.Path), RawQuery: u.Query().Encode()}).String()
}

func foreignInPath(c rune) bool {
	return c == '\\' || unicode.IsControl(c) || c == unicode.ReplacementChar
}

// signInFirst sends a visitor to the sign-in page and, if the request was one to repeat, back afterwards.
func signInFirst(w http.ResponseWriter, r *http.Request) {
	target := "/signin"
	if r.Method == http.MethodGet {
		target += "?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}
