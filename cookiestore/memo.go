package cookiestore

import (
	"encoding/binary"
	"strings"
	"sync/atomic"
)

// memoSlots is how many opened texts a store remembers: those of the clients that come again and again. At most 7 KB each.
const memoSlots = 1 << 10

// memo remembers what texts have opened to. A browser sends the same cookie with each request of a page, and to open it is
// to compute the same again: the outcome is a function of the text and of the ring, neither of which changes. All that does
// change, the lease and the time, is looked at each time.
//
// Only what has been authenticated gets in, at its second time, so neither forgeries nor clients that come once push others
// out. A text is found by the whole of it. Comparing takes no constant time and need not: before any byte that is worth
// guessing stand the 128 random bits of the salt.
type memo struct {
	slots [memoSlots]struct {
		once  atomic.Uint64 // the salt that opened last, or a part of it
		twice atomic.Pointer[opened]
	}
}

type opened struct {
	text string
	message
}

// saltAt is where the text of the salt begins: what is before is 21 bytes, so no character has bits of both.
const saltAt = headLen / 3 * 4

// slot returns the number of a well-formed text's slot: a part of its salt, which no client can choose.
func (r *ring) slot(text string) int {
	return (int(r.text[text[saltAt]])<<6 | int(r.text[text[saltAt+1]])) % memoSlots
}

// remembered returns what a well-formed text has opened to, if that is known.
func (r *ring) remembered(text string) (message, bool) {
	if o := r.memo.slots[r.slot(text)].twice.Load(); o != nil && o.text == text {
		return o.message, true
	}
	return message{}, false
}

// remember is told what a text has opened to.
func (r *ring) remember(text string, salt []byte, m *message) {
	s := &r.memo.slots[r.slot(text)]
	if part := binary.LittleEndian.Uint64(salt); s.once.Swap(part) == part {
		s.twice.Store(&opened{strings.Clone(text), *m}) // the text may be a part of something larger
	}
}
