package subject

import (
	"fmt"
	"strings"
)

// Work is what the handler of one request does.
type Work int

// Every handler but that of Show answers with the same two bytes.
const (
	Untouched Work = iota // does not ask for the session
	Read                  // reads one number of a small session
	ReadBig               // reads one number of a big session
	Keep                  // reads one number, and does what the library needs for the session's time to start anew
	Change                // reads one number of a small session and stores it increased by one
	Create                // sets the five values of a small session
	CreateBig             // sets the 40 values of a big session
	Renew                 // replaces the client's token and increases the number
	Login                 // makes the session a user's, with a new token
	Logout                // ends the session
	Show                  // answers with the number and how many of the values are right
)

func (w Work) String() string {
	return [...]string{"untouched", "read", "read big", "keep", "change", "create", "create big", "renew", "login", "logout", "show"}[w]
}

// A small session is one number and four texts, 300 bytes of names and values; a big one is a number and 39 texts, 4096
// bytes. In byte order of the names the number is the last of a small session and in the middle of a big one.
const (
	SmallBytes = 300
	BigBytes   = 4096

	numberName    = "visits"
	bigNumberName = "value20"
	firstNumber   = 1000
)

type value struct{ name, text string }

var small = []value{
	{"cart", plain(120)}, {"csrf", plain(43)}, {"name", plain(40)}, {"theme", plain(70)},
}

var big = bigValues()

func bigValues() (values []value) {
	left := BigBytes - len(bigNumberName) - len("1000")
	for i := range 40 {
		if name := fmt.Sprintf("value%02d", i); name != bigNumberName {
			values = append(values, value{name: name})
			left -= len(name)
		}
	}
	for i := range values {
		n := left / (len(values) - i)
		values[i].text = plain(n)
		left -= n
	}
	return values
}

// plain returns n letters, as most values of sessions are: nothing that a codec must escape.
func plain(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return strings.Repeat(letters, n/len(letters)+1)[:n]
}

// contents returns what a Create sets: texts, and the name of the number.
func contents(w Work) ([]value, string) {
	if w == CreateBig {
		return big, bigNumberName
	}
	return small, numberName
}

// shown is the answer to Show.
func shown(number int, get func(name string) string) []byte {
	right := 0
	for _, values := range [...][]value{small, big} {
		for _, v := range values {
			if get(v.name) == v.text {
				right++
			}
		}
	}
	return fmt.Appendf(nil, "%d %d", number, right)
}

var body = []byte("ok")
