package sealstore

import (
	"bytes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/sojourn-go/sojourn"
	"github.com/sojourn-go/sojourn/internal/keyring"
)

// A sealed value is a JSON string, so that it passes wherever a text does:
//
//	sealed = `"~1` base64url( form(1) key ID(4) nonce(12) ciphertext tag(16) ) `"`
//	plain  = text 0x80 0x00*
//
// The cipher is AES-256-GCM with a random nonce, under a key derived from the secret for this form and session, so that
// the messages under one key are the changes of one session (SEC-57). Associated are version, form, key ID and the value's
// name (SEC-58). The zeros at the end are mostly none: see pad in patch.go.
const (
	sealMark    = `"~`
	sealVersion = '1'
	sealHead    = 1 + len(keyring.ID{})
	sealLeast   = sealHead + 12 + 1 + 16
)

// What the key of a value is derived for. Save does not know the ID that the inner store will make. But facts never change
// without an Update, which seals everything anew, so until then the digests of the secrets that open the session name it
// as well: whoever moves the value, with these digests, into another session, has made one that the same secrets open.
const (
	formSaved byte = 1 + iota // by Save: realm, digest, previous digest
	formKept                  // by Update and Patch: realm, ID
)

// label separates what is derived for the two.
func label(form byte) string {
	if form == formSaved {
		return "sojourn sealstore saved v1\x00"
	}
	return "sojourn sealstore kept v1\x00"
}

// binding is what a session's values are bound to.
type binding struct {
	id               sojourn.ID
	realm            string
	digest, previous [32]byte
}

func bindingOf(id sojourn.ID, f *sojourn.Facts) binding {
	return binding{id, f.Realm, f.Digest, f.Previous}
}

// append appends what the keys of a form are derived from besides its label.
func (bound *binding) append(b []byte, form byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(bound.realm)))
	b = append(b, bound.realm...)
	if form == formKept {
		return append(b, bound.id[:]...)
	}
	b = append(b, bound.digest[:]...)
	return append(b, bound.previous[:]...)
}

// box seals and opens the values of one session, for one call.
type box struct {
	store   *Store
	bound   binding
	ciphers [2]cipherOf // the last ones used: mostly one is enough
}

type cipherOf struct {
	key  *keyring.Key
	form byte
	aead cipher.AEAD
}

// scratch is what sealing and opening need for a moment.
type scratch struct{ packed, text, raw, data, plain []byte }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (c *scratch) done() {
	clear(c.plain[:cap(c.plain)])
	clear(c.packed[:cap(c.packed)])
	scratches.Put(c)
}

func (b *box) aead(c *scratch, key *keyring.Key, form byte) (cipher.AEAD, error) {
	for _, known := range b.ciphers {
		if known.key == key && known.form == form {
			return known.aead, nil
		}
	}
	c.data = b.bound.append(c.data[:0], form)
	aead, err := key.AEAD(label(form), c.data)
	if err != nil {
		return nil, err
	}
	b.ciphers[1], b.ciphers[0] = b.ciphers[0], cipherOf{key, form, aead}
	return aead, nil
}

// sealAll seals each text of v. One of them gets so many bytes more than it needs.
func (b *box) sealAll(form byte, v sojourn.Values, pad int) (sojourn.Values, error) {
	if v == (sojourn.Values{}) || b.store.clear == ClearWritten {
		return v, nil
	}
	c := scratches.Get().(*scratch)
	defer c.done()
	c.packed = c.packed[:0]
	for name, text := range v.All() {
		var err error
		if c.text, err = b.seal(c, c.text[:0], form, name, text, pad); err != nil {
			return sojourn.Values{}, err
		}
		pad = 0
		c.pack(name, c.text)
	}
	return sojourn.ParseValues(string(c.packed))
}

// openAll opens each text of v.
func (b *box) openAll(v sojourn.Values) (sojourn.Values, error) {
	if v == (sojourn.Values{}) {
		return v, nil
	}
	c := scratches.Get().(*scratch)
	defer c.done()
	c.packed = c.packed[:0]
	for name, text := range v.All() {
		plain, err := b.open(c, name, text)
		if err != nil {
			return sojourn.Values{}, err
		}
		c.pack(name, plain)
	}
	return sojourn.ParseValues(string(c.packed))
}

// openOne opens the text of one name.
func (b *box) openOne(name, text string) (string, error) {
	c := scratches.Get().(*scratch)
	defer c.done()
	plain, err := b.open(c, name, text)
	return string(plain), err
}

// pack appends a name and its text in the packed form of [sojourn.Values].
func (c *scratch) pack(name string, text []byte) {
	c.packed = binary.AppendUvarint(c.packed, uint64(len(name)))
	c.packed = binary.AppendUvarint(c.packed, uint64(len(text)))
	c.packed = append(c.packed, name...)
	c.packed = append(c.packed, text...)
}

func (b *box) seal(c *scratch, dst []byte, form byte, name, text string, pad int) ([]byte, error) {
	key := b.store.ring.First()
	aead, err := b.aead(c, key, form)
	if err != nil {
		return nil, err
	}
	id := key.ID()
	c.raw = append(append(c.raw[:0], form), id[:]...)
	c.plain = append(append(c.plain[:0], text...), 0x80)
	for range pad {
		c.plain = append(c.plain, 0)
	}
	c.associate(c.raw, name)
	c.raw = aead.Seal(c.raw, nil, c.plain, c.data)
	dst = append(append(dst, sealMark...), sealVersion)
	dst = base64.RawURLEncoding.AppendEncode(dst, c.raw)
	return append(dst, '"'), nil
}

// associate makes the associated data of the value name, whose sealed form begins with head.
func (c *scratch) associate(head []byte, name string) {
	c.data = append(append(c.data[:0], sealVersion), head[:sealHead]...)
	c.data = append(c.data, name...)
}

// open returns the plain text of name, within c.
func (b *box) open(c *scratch, name, text string) ([]byte, error) {
	if !isSealed(text) {
		if b.store.clear == ClearRefused {
			return nil, corrupt(name, "is not sealed")
		}
		c.plain = append(c.plain[:0], text...)
		return c.plain, nil
	}
	if text[len(sealMark)] != sealVersion {
		return nil, fmt.Errorf("sealstore: the value %q is in the form of a later release: %w", name, sojourn.ErrNewer)
	}
	if err := c.decode(text[len(sealMark)+1:]); err != nil {
		return nil, corrupt(name, "is damaged")
	}
	form := c.raw[0]
	if form != formSaved && form != formKept {
		return nil, corrupt(name, "is damaged")
	}
	id := keyring.ID(c.raw[1:])
	key := b.store.ring.Find(id)
	switch {
	case key != nil:
	case b.store.revoked.Find(id) != nil:
		return nil, corrupt(name, fmt.Sprintf("is sealed with the revoked secret %x", id))
	default:
		return nil, fmt.Errorf("sealstore: the value %q is sealed with a secret that is not known here, %x: %w", name, id, sojourn.ErrNewer)
	}
	aead, err := b.aead(c, key, form)
	if err != nil {
		return nil, err
	}
	c.associate(c.raw, name)
	c.plain, err = aead.Open(c.plain[:0], nil, c.raw[sealHead:], c.data)
	if err != nil {
		return nil, corrupt(name, "is damaged, or another session's")
	}
	end := len(bytes.TrimRight(c.plain, "\x00")) - 1
	if end < 0 || c.plain[end] != 0x80 {
		return nil, corrupt(name, "is damaged")
	}
	return c.plain[:end], nil
}

func corrupt(name, why string) error {
	return fmt.Errorf("sealstore: the value %q %s: %w", name, why, sojourn.ErrCorrupt)
}

// isSealed reports whether a text is a sealed one of this release or a later one.
func isSealed(text string) bool {
	const version = len(sealMark)
	return len(text) > version && text[:version] == sealMark && '1' <= text[version] && text[version] <= '9'
}

// decode reads the base64 text of a sealed value, with the quote at its end, into c.raw.
func (c *scratch) decode(text string) error {
	n := len(text) - 1
	if n < 0 || text[n] != '"' {
		return sojourn.ErrCorrupt
	}
	c.text = append(c.text[:0], text[:n]...)
	strict := base64.RawURLEncoding.Strict()
	raw, err := strict.AppendDecode(c.raw[:0], c.text)
	c.raw = raw
	// encoding/base64 skips line breaks, which then are missing here; a single character at the end is none of its lengths.
	if err != nil || n%4 == 1 || len(raw) != strict.DecodedLen(n) || len(raw) < sealLeast {
		return sojourn.ErrCorrupt
	}
	return nil
}
