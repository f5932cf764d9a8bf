package storetest

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/sojourn-go/sojourn"
)

// The cases about what is at rest: encrypted where the store promises it, and damaged.

func restCases() []Case {
	return []Case{
		{
			Name: "dump_holds_no_value_in_clear",
			Rule: "Nothing at rest holds a text of a value in clear, whichever method wrote it.",
			Why:  "A stolen backup is all that the encryption was for.",
			run:  checkDump,
		}, {
			Name: "damaged_is_corrupt",
			Rule: "A record that cannot be read is ErrCorrupt, for Load and Patch, and stays as it is.",
			Why:  "A damaged record that answers at random is somebody's wrong session; as an outage it locks its owner out.",
			run: func(e *env) {
				for _, at := range []float64{0.2, 0.5, 0.99} {
					checkUnreadable(e, sojourn.ErrCorrupt, func(b []byte) []byte {
						b = bytes.Clone(b)
						b[int(float64(len(b)-1)*at)] ^= 0x10
						return b
					})
				}
				checkUnreadable(e, sojourn.ErrCorrupt, func(b []byte) []byte { return bytes.Clone(b[:len(b)/2]) })
			},
		}, {
			Name: "newer_is_newer",
			Rule: "A record of a newer release is ErrNewer, and is neither overwritten nor swept.",
			Why:  "During a roll-out old nodes would destroy the sessions of new ones.",
			run: func(e *env) {
				checkUnreadable(e, sojourn.ErrNewer, func(b []byte) []byte {
					b = bytes.Clone(b)
					b[0] = 0x7f // the version byte is the first in both binary forms
					return b
				})
			},
		},
	}
}

// dump returns all that is at rest, or skips the case.
func (e *env) dump() []byte {
	e.Helper()
	if e.opts.Dump == nil {
		e.Skip("Options.Dump is not set: the store does not promise encryption at rest")
	}
	return e.opts.Dump(e.TB)
}

func checkDump(e *env) {
	before := e.dump()
	const saved, updated, patched = "saved-correct-horse-battery", "updated-staple-is-not-it", "patched-tropical-parrots"
	private := []string{saved}
	state := e.login(e.subject, 0, "private", `"`+saved+`"`)
	key := e.save(state, long)
	dumps := [][]byte{e.dump()}
	if bytes.Equal(dumps[0], before) {
		e.Fatalf("Options.Dump returned the same before and after Save: it does not show what is at rest")
	}
	next := e.holds(key, state)
	next.Values = values("private", `"`+updated+`"`)
	key = e.update(key, next, long)
	private, dumps = append(private, updated), append(dumps, e.dump())
	if e.has(needPatcher) {
		e.patch(key, sojourn.Patch{Generation: 1, Set: values("private", `"`+patched+`"`)}, long)
		private, dumps = append(private, patched), append(dumps, e.dump())
	}
	for _, text := range private {
		for form, clear := range forms(text) {
			for _, dump := range dumps {
				if bytes.Contains(dump, []byte(clear)) {
					e.Errorf("the dump holds the value %q %s", text, form)
					break
				}
			}
		}
	}
}

// forms are spellings of a text that anybody can read, each with what to look for.
func forms(text string) iter.Seq2[string, string] {
	return func(yield func(form, clear string) bool) {
		hexed := hex.EncodeToString([]byte(text))
		wide := make([]byte, 0, 2*len(text))
		for _, c := range []byte(text) {
			wide = append(wide, c, 0)
		}
		ok := yield("as it is", text) && yield("in hexadecimal", hexed) && yield("in upper-case hexadecimal", strings.ToUpper(hexed)) &&
			yield("in UTF-16", string(wide[:len(wide)-1]))
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for before := range 3 { // bytes that share the first four letters with the text
				letters := encoding.EncodeToString([]byte("xx"[:before] + text))
				ok = ok && yield("in base64", letters[4:len(letters)-4])
			}
		}
		for before := range 5 {
			letters := base32.StdEncoding.EncodeToString([]byte("xxxx"[:before] + text))
			ok = ok && yield("in base32", letters[8:len(letters)-8])
		}
		reversed := []byte(text)
		slices.Reverse(reversed)
		_ = ok && yield("from the end to the beginning", string(reversed))
	}
}

// checkUnreadable changes a stored record so that it cannot be read, tries what there is, and changes it back: the session
// must be as it was.
func checkUnreadable(e *env, want error, change func(record []byte) []byte) {
	e.Helper()
	if e.opts.Rewrite == nil {
		e.Skip("Options.Rewrite is not set")
	}
	state := e.login(e.subject, 0, "a", `1`)
	key := e.save(state, long)
	var whole []byte
	e.opts.Rewrite(e.TB, key, func(record []byte) []byte {
		whole = bytes.Clone(record)
		return change(record)
	})
	if whole == nil {
		e.Fatalf("Options.Rewrite did not call its argument")
	}
	_, err := e.st.Load(e.ctx, key)
	e.is("Load of an unreadable record", err, want)
	if e.has(needPatcher) {
		err = e.patcher().Patch(e.ctx, key, sojourn.Patch{Generation: 1, Clear: true}, long)
		if err == nil {
			e.Errorf("Patch of an unreadable record: got no error, want %v", want)
		}
	}
	if e.has(needSubjectIndex) {
		// The others of the subject can be listed and ended all the same.
		other := e.save(e.login(e.subject, 0), long)
		if _, err := e.subjects().ListSubject(e.ctx, e.realm, e.subject); err != nil && !errors.Is(err, want) {
			e.Errorf("ListSubject beside an unreadable record: %v", err)
		}
		e.delete(other)
	}
	if e.has(needSweeper) {
		e.sweepAll(100)
	}
	e.opts.Rewrite(e.TB, key, func([]byte) []byte { return whole })
	e.holds(key, state)
	e.opts.Rewrite(e.TB, key, change)
	if err := e.st.Delete(e.ctx, key); err != nil {
		e.Errorf("Delete of an unreadable record: %v", err)
	}
	e.gone(key)
}
