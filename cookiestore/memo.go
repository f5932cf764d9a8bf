package cookiestore

import (
	"strings"
	"sync/atomic"
)

// memoSlots is how many opened texts a store remembers: those of the clients that come again and again. At most 8 KB each.
const memoSlots = 1 << 10

// memo remembers what is in texts that were opened. A browser sends the same cookie with each request of a page, and to open
// it is to compute the same again: the content is a function of the text and of the ring, neither of which changes. All that
// does change, the lease and the time, is looked at each time.
//
// Only what has been authenticated gets in, at its second time, so neither forgeries nor clients that come once push others
// out. A text is found by the whole of it. Comparing takes no constant time and need not: before any byte that is worth
// guessing stand the 128 random bits of the salt.
type memo struct {
	slots [memoSlots]struct {
		once  atomic.Uint64 // a part of the salt of the text that was opened last
		twice atomic.Pointer[opened]
	}
}

type opened struct {
	text string
	content
}

// saltAt is where the text of the salt begins: what is before is 21 bytes, so no character has bits of both.
const saltAt = headLen / 3 * 4

// salt returns 48 bits of the salt of a well-formed text, which no client can choose; of one that is not ours, anything.
func salt(t *textTable, text string) (bits uint64) {
	for i := range 8 {
		bits = bits<<6 | uint64(t[text[saltAt+i]]&0x3f)
	}
	return bits
}

// find returns what is in a well-formed text, if it is remembered.
func (m *memo) find(t *textTable, text string) (content, bool) {
	if o := m.slots[salt(t, text)%memoSlots].twice.Load(); o != nil && o.text == text {
		return o.content, true
	}
	return content{}, false
}

// note is told what is in a text.
func (m *memo) note(t *textTable, text string, c *content) {
	bits := salt(t, text)
	s := &m.slots[bits%memoSlots]
	if s.once.Swap(bits) == bits {
		s.twice.Store(&opened{strings.Clone(text), *c}) // the text may be a part of something larger
	}
}
