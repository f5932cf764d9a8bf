package sojourn

import (
	"slices"
	"strings"
)

// Patch is a change to a session's values. It cannot name a fact, so no late patch can take a login back. It is applied to
// the stored values in the order of its fields, all or nothing.
type Patch struct {
	Generation uint32   // Facts.Generation that the change was made under; another one stored is ErrConflict
	Expect     Values   // names that must still have this text, "" meaning absent; else ErrConflict
	Clear      bool     // remove all names but those in Keep, also ones set since the load
	Keep       []string // names that Clear spares
	Remove     []string // names to remove; absent ones do not matter
	Set        Values   // names to set
	MaxSize    int      // of the values afterwards, in bytes of names and texts; else ErrTooLarge, unless they shrank. 0: no limit
	MaxNames   int      // of the names afterwards, likewise
}

// With returns the state after p, or [ErrConflict] or [ErrTooLarge] and the state as it was. It is the one definition of
// what a patch does, and all that a store needs to be a [Patcher] under its own lock or transaction. Facts, TTL and
// Version are left alone.
func (s State) With(p Patch) (State, error) {
	if p.Generation != s.Facts.Generation {
		return s, ErrConflict
	}
	for name, text := range p.Expect.All() {
		if s.Values.Get(name) != text {
			return s, ErrConflict
		}
	}
	values := s.Values.with(p)
	if exceeds(p.MaxSize, values.Size, s.Values.Size) || exceeds(p.MaxNames, values.Len, s.Values.Len) {
		return s, ErrTooLarge
	}
	s.Values = values
	return s, nil
}

// exceeds reports whether a limit is broken. What was over the limit before may still shrink.
func exceeds(limit int, after, before func() int) bool {
	if limit <= 0 {
		return false
	}
	n := after()
	return n > limit && n >= before()
}

// with merges the sorted old entries with the sorted new ones: two passes, the first to know the size, one allocation.
func (v Values) with(p Patch) Values {
	if !p.Clear && len(p.Remove) == 0 && p.Set == (Values{}) {
		return v
	}
	if (v == Values{} || p.Clear && len(p.Keep) == 0) && !hasEmptyText(p.Set) {
		return p.Set
	}
	size := 0
	v.merge(p, func(name, text string) { size += entrySize(name, text) })
	if size == 0 {
		return Values{}
	}
	var b strings.Builder
	b.Grow(size)
	v.merge(p, func(name, text string) { writeEntry(&b, name, text) })
	return Values{b.String()}
}

func (v Values) merge(p Patch, emit func(name, text string)) {
	old, set := v.packed, p.Set.packed
	for old != "" || set != "" {
		var oldName, oldText, oldRest, setName, setText, setRest string
		if old != "" {
			oldName, oldText, oldRest = cutEntry(old)
		}
		if set != "" {
			setName, setText, setRest = cutEntry(set)
		}
		if set == "" || old != "" && oldName < setName {
			if p.spares(oldName) {
				emit(oldName, oldText)
			}
			old = oldRest
			continue
		}
		if old != "" && oldName == setName {
			old = oldRest
		}
		if setText != "" { // no JSON text is empty: setting "" leaves the name absent
			emit(setName, setText)
		}
		set = setRest
	}
}

func (p Patch) spares(name string) bool {
	if p.Clear && !slices.Contains(p.Keep, name) {
		return false
	}
	return !slices.Contains(p.Remove, name)
}

func hasEmptyText(v Values) bool {
	for _, text := range v.All() {
		if text == "" {
			return true
		}
	}
	return false
}
