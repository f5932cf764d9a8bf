package cookiestore_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/storetest"
)

// docs/cookiestore.md counts the rules that are not promised, and gives sizes: it says what is.
func TestPage_saysWhatIs(t *testing.T) {
	b, err := os.ReadFile("../docs/cookiestore.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	counts := map[string][2]int{}
	for _, c := range storetest.Cases() {
		for i, irrevocable := range []bool{false, true} {
			if why := c.Unpromised(irrevocable); why != "" {
				n := counts[why]
				n[i]++
				counts[why] = n
			}
		}
	}
	var want []string
	for why, n := range counts {
		want = append(want, fmt.Sprintf("| %s | %d | %d |", why, n[0], n[1]))
	}
	var overhead, text [2]int
	for i, irrevocable := range []bool{false, true} {
		a := newApp(t, newStore(t, memoryConfig(irrevocable)), sojourn.Config{})
		sent, _ := sizeOf((&client{}).do(a, func(s *sojourn.Session) { s.Login("123") }))
		overhead[i] = sent - len(cookieName)
		text[i] = largest(t, a, client{}) + 2 // its quotes
	}
	want = append(want,
		fmt.Sprintf("beside its name | %d bytes | %d bytes, and 4/3 of subject and label |", overhead[0], overhead[1]-4),
		fmt.Sprintf("| %d,%03d bytes | %d,%03d bytes for a visitor |", text[0]/1000, text[0]%1000, text[1]/1000, text[1]%1000))
	for _, line := range want {
		if !strings.Contains(page, line) {
			t.Errorf("the page does not say %q", line)
		}
	}
}
