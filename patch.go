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
	if err := p.expects(s.Facts.Generation, s.Values); err != nil {
		return s, err
	}
	values := s.Values.with(p)
	if err := p.bounds(s.Values, values); err != nil {
		return s, err
	}
	s.Values = values
	return s, nil
}

// expects is the part of a patch that looks at what is there before.
func (p *Patch) expects(generation uint32, before Values) error {
	if p.Generation != generation {
		return ErrConflict
	}
	for rest := p.Expect.packed; rest != ""; {
		var name, text string
		name, text, rest = cutEntry(rest)
		if before.Get(name) != text {
			return ErrConflict
		}
	}
	return nil
}

// bounds is the part that looks at what would be there after.
func (p *Patch) bounds(before, after Values) error {
	if exceeds(p.MaxSize, after.Size, before.Size) || exceeds(p.MaxNames, after.Len, before.Len) {
		return ErrTooLarge
	}
	return nil
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
	size := v.sizeWith(p)
	if size == 0 {
		return Values{}
	}
	var b strings.Builder
	b.Grow(size)
	v.writeWith(p, &b)
	return Values{b.String()}
}

// sizeWith returns the size of v's packed form after p.
func (v Values) sizeWith(p Patch) int {
	size := 0
	v.merge(&p, func(entries string) { size += len(entries) })
	return size
}

// writeWith writes v's packed form after p.
func (v Values) writeWith(p Patch, b *strings.Builder) {
	v.merge(&p, func(entries string) { b.WriteString(entries) })
}

// merge calls emit with the packed entries that are there after p, as many at once as stand together in v.
func (v Values) merge(p *Patch, emit func(entries string)) {
	if p.Clear || len(p.Remove) > 0 {
		v.sift(p, emit)
		return
	}
	for set := p.Set.packed; set != ""; {
		name, text, rest := cutEntry(set)
		start, end := v.seat(name)
		emit(v.packed[:start])
		if text != "" { // no JSON text is empty: setting "" leaves the name absent
			emit(set[:len(set)-len(rest)])
		}
		v.packed, set = v.packed[end:], rest
	}
	emit(v.packed)
}

// sift is merge where old entries may go.
func (v Values) sift(p *Patch, emit func(entries string)) {
	old, set := v.packed, p.Set.packed
	for old != "" || set != "" {
		var oldName, oldRest, setName, setText, setRest string
		if old != "" {
			oldName, _, oldRest = cutEntry(old)
		}
		if set != "" {
			setName, setText, setRest = cutEntry(set)
		}
		if set == "" || old != "" && oldName < setName {
			if p.spares(oldName) {
				emit(old[:len(old)-len(oldRest)])
			}
			old = oldRest
			continue
		}
		if old != "" && oldName == setName {
			old = oldRest
		}
		if setText != "" {
			emit(set[:len(set)-len(setRest)])
		}
		set = setRest
	}
}

func (p *Patch) spares(name string) bool {
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
