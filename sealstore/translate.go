package sealstore

import "github.com/sojourn-go/sojourn"

// translate returns the Patch for the inner store that does what p does, and the sealed values after it. ok is false if b is
// not fresh and does not tell enough.
//
// Expected texts become the sealed ones of b. The limit of names is the same here and there. That of sizes counts plain
// bytes, and the inner store counts sealed ones, S >= P. Two facts help. What leaves S within the limit leaves P within
// it. And with the names that p touches expected to be as b has them, it is known by how much p changes P, whatever others
// do to the rest at the same time.
//
//   - P shrinks: that always passes, so there is no limit.
//   - S stays within the limit by b's knowledge: the limit is sent as it is. If others have used up the room the inner store
//     refuses, and b is looked up again.
//   - It does not: on a fresh b, on which p is known to pass, all names are expected to be as they are, and the limit is the
//     S that comes out. So nothing passes unless nothing but p has changed.
//
// Both rest on the inner store's not taking the change for one that shrinks, which it lets through over the limit. Where S
// shrinks and P does not, because many small values go and a large one comes, the large one is padded until S does
// not shrink either. What is written in clear cannot be padded: under ClearWritten, which is for a time only, a session
// that is over the limit when sealed may grow by what its values lose by not being sealed.
func (b *base) translate(p sojourn.Patch) (q sojourn.Patch, after sojourn.Values, ok bool, err error) {
	q = p
	if q.Set, err = b.sealAll(formKept, p.Set, 0); err != nil {
		return q, after, false, err
	}
	after = apply(b.sealed, q)

	limited, shrinks := p.MaxSize > 0, false
	weighed := limited && (p.Set != (sojourn.Values{}) || after.Size() > p.MaxSize)
	if weighed && !p.Clear {
		growth, ok := b.growth(p)
		if !ok {
			return q, after, false, nil
		}
		shrinks = growth < 0
		if lack := b.sealed.Size() - after.Size(); !shrinks && lack > 0 {
			if q.Set, err = b.sealAll(formKept, p.Set, lack); err != nil {
				return q, after, false, err
			}
			after = apply(b.sealed, q)
		}
	}
	over := limited && !shrinks && after.Size() > p.MaxSize
	if over && !b.fresh {
		return q, after, false, nil
	}
	if q.Expect, ok = b.expect(p, weighed, over); !ok {
		return q, after, false, nil
	}
	switch {
	case shrinks:
		q.MaxSize = 0
	case over:
		q.MaxSize = after.Size()
	}
	return q, after, true, nil
}

// growth returns by how many bytes p, which does not clear, changes the size of the plain values.
func (b *base) growth(p sojourn.Patch) (n int, ok bool) {
	ok = true
	touched := sojourn.CollectValues(func(yield func(name, text string) bool) {
		for name := range touches(p) {
			if b.sealed.Get(name) == "" {
				continue
			}
			text, err := b.text(name)
			if ok = err == nil; !ok || !yield(name, text) {
				return
			}
		}
	})
	return apply(touched, p).Size() - touched.Size(), ok
}

// touches yields the names on whose texts it depends how much p, which does not clear, changes, or what p leaves if it
// does.
func touches(p sojourn.Patch) func(yield func(name string) bool) {
	return func(yield func(name string) bool) {
		others := p.Remove
		if p.Clear {
			others = p.Keep
		}
		for _, name := range others {
			if !yield(name) {
				return
			}
		}
		for name := range p.Set.All() {
			if !yield(name) {
				return
			}
		}
	}
}

// expect returns the sealed texts that the inner store must have: of the names that p expects, of those it touches, or of
// all. It is false if b has other texts than p expects.
func (b *base) expect(p sojourn.Patch, touched, all bool) (sojourn.Values, bool) {
	if p.Expect == (sojourn.Values{}) && !touched && !all {
		return sojourn.Values{}, true
	}
	ok := true
	v := sojourn.CollectValues(func(yield func(name, text string) bool) {
		for name, want := range p.Expect.All() {
			got, err := b.text(name)
			if err != nil || got != want {
				ok = false
				return
			}
			if !yield(name, b.sealed.Get(name)) {
				return
			}
		}
		if touched || all {
			for name := range touches(p) {
				if !yield(name, b.sealed.Get(name)) {
					return
				}
			}
		}
		if all {
			for name, text := range b.sealed.All() {
				if !yield(name, text) {
					return
				}
			}
		}
	})
	return v, ok
}
