package sojourn

import (
	"slices"
	"strings"
)

// plan is what the next commit is to do.
type plan struct {
	changes  []change
	cleared  bool     // of the stored names only those in keep stay
	keep     []string // with cleared
	login    bool
	subject  string // of login
	logout   bool
	target   Key // of logout; the zero Key if nothing is there to end
	renew    bool
	remember bool
	// remembers says that remember was asked for.
	remembers bool
	err       error // the first change that could not be kept

	places map[string]int // of names in changes; nil while they are few

	inline [2]change   // the first changes, without an allocation
	call   callContext // of the commit
}

func (p *plan) isEmpty() bool {
	return len(p.changes) == 0 && !p.cleared && !p.login && !p.logout && !p.renew && p.err == nil
}

// draft returns the plan of the next commit, to add to. A session has one only once it is changed.
func (s *Session) draft() *plan {
	if s.pending == &s.v.m.nothing {
		s.pending = new(plan)
	}
	return s.pending
}

// change is the new text of one name.
type change struct {
	name string
	text encoded // none removes
	// again, if any, makes the text from the one before: when another request won the race it is asked again.
	again remaker
	from  string // with again: what text was made from, "" if there was none
}

// remaker is a Field's function with its type erased.
type remaker interface {
	remake(s *Session, old string) (encoded, error)
}

// overlay is the patch of changes that need no more thought. A text of "" in Set removes, see Values.merge.
func overlay(changes []change) Patch {
	var few [8]int
	all := few[:0]
	for i := range changes {
		all = append(all, i)
	}
	return Patch{Set: packChanges(changes, all)}
}

// packChanges packs those of the changes whose places are given, and sorts these.
func packChanges(changes []change, places []int) Values {
	slices.SortFunc(places, func(a, b int) int { return strings.Compare(changes[a].name, changes[b].name) })
	size := 0
	for _, at := range places {
		size += entryLen(len(changes[at].name), changes[at].text.len())
	}
	if size == 0 {
		return Values{}
	}
	var b strings.Builder
	b.Grow(size)
	for _, at := range places {
		name, text := changes[at].name, &changes[at].text
		writeUvarint(&b, len(name))
		writeUvarint(&b, text.len())
		b.WriteString(name)
		text.writeTo(&b)
	}
	return Values{b.String()}
}

// drop forgets the changes, and has the commit drop what is stored.
func (p *plan) drop() {
	p.changes, p.places, p.cleared, p.keep = nil, nil, true, nil
}

// manyChanges is from how many changes on their names are looked up and not searched for: a handler that keeps every field of
// a form would spend the time of their number squared.
const manyChanges = 64

// find returns where name is among the changes, -1 if nowhere.
func (p *plan) find(name string) int {
	if p.places != nil {
		if at, ok := p.places[name]; ok {
			return at
		}
		return -1
	}
	for i := range p.changes {
		if p.changes[i].name == name {
			return i
		}
	}
	return -1
}

// put collects a change, over an earlier one of the same name.
func (s *Session) put(c change) {
	p := s.draft()
	changes := p.changes
	if at := p.find(c.name); at >= 0 {
		before := &changes[at]
		if c.again != nil && before.again == nil {
			c.again = nil // it builds on a value that this request has set itself
		} else if c.again != nil {
			c.again, c.from = chain{before.again, c.again}, before.from
		}
		*before = c
		return
	}
	if c.again != nil && p.cleared && !slices.Contains(p.keep, c.name) {
		c.again = nil // it builds on nothing, whatever is stored
	}
	switch {
	case changes == nil:
		changes = p.inline[:0]
	case len(changes) == cap(changes):
		changes = slices.Grow(changes, max(6, len(changes))) // whoever sets three values often sets a few more
	}
	p.changes = append(changes, c)
	switch n := len(p.changes); {
	case p.places != nil:
		p.places[c.name] = n - 1
	case n >= manyChanges:
		p.places = make(map[string]int, 2*n)
		for i := range p.changes {
			p.places[p.changes[i].name] = i
		}
	}
}

// chain is one function after another on the same name.
type chain struct{ first, second remaker }

func (c chain) remake(s *Session, old string) (encoded, error) {
	text, err := c.first.remake(s, old)
	if err != nil {
		return encoded{}, err
	}
	return c.second.remake(s, text.json())
}

// prepare makes the changes on top of the stored values, and the patch that says so. Changes that came to nothing are
// left out, so that an equal value is no change.
func (c *commit) prepare(stored Values) ([]change, Patch, error) {
	p := Patch{
		Generation: c.s.generation,
		Clear:      c.plan.cleared, Keep: c.plan.keep,
		MaxSize: c.m.cfg.MaxSize, MaxNames: c.m.cfg.MaxNames,
	}
	base := stored
	if c.plan.cleared {
		base = stored.with(Patch{Clear: true, Keep: c.plan.keep})
	}
	changes := c.plan.changes
	var few [8]int
	set := few[:0]
	var expect []pair
	for i := range changes {
		change := &changes[i]
		before := base.Get(change.name)
		if change.again != nil && change.from != before {
			text, err := c.remake(change.again, before)
			if err != nil {
				return nil, p, err
			}
			change.text, change.from = text, before
		}
		if change.text.is(before) {
			continue
		}
		if change.again != nil {
			expect = append(expect, pair{change.name, before})
		}
		if change.text == (encoded{}) {
			p.Remove = append(p.Remove, change.name)
		} else {
			set = append(set, i)
		}
	}
	p.Set = packChanges(changes, set)
	p.Expect = packExpect(expect, base)
	return changes, p, nil
}

// remake calls a Field's function. The lock is open meanwhile, so that one which looks at the session does not wait for
// itself.
func (c *commit) remake(again remaker, before string) (encoded, error) {
	c.s.mu.Unlock()
	defer c.s.mu.Lock()
	return again.remake(c.s, before)
}

// packExpect packs what the changes were made from. Mostly that is one name, as it stands in base.
func packExpect(expect []pair, base Values) Values {
	if len(expect) == 1 && expect[0].text != "" {
		return base.only(expect[0].name)
	}
	if len(expect) < 2 {
		return packPairs(expect)
	}
	return CollectValues(func(yield func(name, text string) bool) {
		for _, p := range expect {
			if !yield(p.name, p.text) {
				return
			}
		}
	})
}

// values returns the session's values after the plan, on top of stored ones, for the calls that replace a record.
func (c *commit) values(stored Values) (Values, error) {
	_, p, err := c.prepare(stored)
	if err != nil {
		return Values{}, err
	}
	return stored.with(p), nil
}
