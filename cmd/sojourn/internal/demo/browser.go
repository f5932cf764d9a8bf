package demo

import (
	"net/http"
	"strings"
)

// browser names the client's device for the list of devices, such as "Firefox on Linux". The header is the client's to
// make up, so no piece of it gets into the answer: only names that stand here do.
func browser(r *http.Request) string {
	agent := r.UserAgent()
	if len(agent) > 512 {
		agent = agent[:512]
	}
	program := firstOf(agent, [][2]string{
		// Nearly every browser claims to be its rivals as well: the rarer name is the true one.
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Vivaldi/", "Vivaldi"},
		{"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
		{"Chrome/", "Chrome"}, {"Chromium/", "Chromium"}, {"CriOS/", "Chrome"},
		{"Safari/", "Safari"}, {"curl/", "curl"}, {"Wget/", "Wget"}, {"Go-http-client/", "A Go program"},
	})
	system := firstOf(agent, [][2]string{
		{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iPhone"}, {"iPad", "iPad"},
		{"CrOS", "ChromeOS"}, {"Macintosh", "Mac"}, {"FreeBSD", "FreeBSD"}, {"Linux", "Linux"},
	})
	switch {
	case program == "" && system == "":
		return "Unknown browser"
	case program == "":
		return "Browser on " + system
	case system == "":
		return program
	}
	return program + " on " + system
}

// firstOf returns the name beside the first mark that text contains, "" if it contains none.
func firstOf(text string, names [][2]string) string {
	for _, n := range names {
		if strings.Contains(text, n[0]) {
			return n[1]
		}
	}
	return ""
}
