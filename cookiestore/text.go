package cookiestore

// textTable is the six bits of each character of base64url, 0xff where it has none.
type textTable [256]byte

func newTextTable() (t textTable) {
	for c := range t {
		t[c] = 0xff
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for bits := range len(alphabet) {
		t[alphabet[bits]] = byte(bits)
	}
	return t
}

// appendDecode appends what text spells. There is one spelling: line breaks, padding and spare bits that are not zero, all
// of which encoding/base64 takes one way or another, are refused.
func (t *textTable) appendDecode(b []byte, text string) ([]byte, bool) {
	for len(text) >= 4 {
		v0, v1, v2, v3 := t[text[0]], t[text[1]], t[text[2]], t[text[3]]
		if v0|v1|v2|v3 >= 64 {
			return b, false
		}
		b = append(b, v0<<2|v1>>4, v1<<4|v2>>2, v2<<6|v3)
		text = text[4:]
	}
	switch len(text) {
	case 0:
		return b, true
	case 2:
		v0, v1 := t[text[0]], t[text[1]]
		return append(b, v0<<2|v1>>4), v0|v1 < 64 && v1&0x0f == 0
	case 3:
		v0, v1, v2 := t[text[0]], t[text[1]], t[text[2]]
		return append(b, v0<<2|v1>>4, v1<<4|v2>>2), v0|v1|v2 < 64 && v2&0x03 == 0
	}
	return b, false // of five or six bits no byte can be made
}
