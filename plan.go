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
}

func (p *plan) isEmpty() bool {
	return len(p.changes) == 0 && !p.cleared && !p.login && !p.logout && !p.renew && p.err == nil
}

// change is the new text of one name.
type change struct {
	name string
	text string // "" removes
	// again, if any, makes the text from the one before: when another request won the race it is asked again.
	again remaker
	from  string // with again: what text was made from, "" if there was none
}

// remaker is a Field's function with its type erased.
type remaker interface {
	remake(s *Session, old string) (string, error)
}

// overlay is the patch of changes that need no more thought. A text of "" in Set removes, see Values.merge.
func overlay(changes []change) Patch { return Patch{Set: packChanges(changes)} }

func packChanges(changes []change) Values {
	if len(changes) == 1 {
		one := [1]pair{{changes[0].name, changes[0].text}}
		return packPairs(one[:])
	}
	pairs := make([]pair, len(changes))
	for i, c := range changes {
		pairs[i] = pair{c.name, c.text}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	return packPairs(pairs)
}

// put collects a change, over an earlier one of the same name.
func (s *Session) put(c change) {
	changes := s.pending.changes
	for i := range changes {
		if changes[i].name == c.name {
			if c.again != nil && changes[i].again == nil {
				c.again = nil // it builds on a value that this request has set itself
			} else if c.again != nil {
				c.again, c.from = chain{changes[i].again, c.again}, changes[i].from
			}
			changes[i] = c
			return
		}
	}
	if c.again != nil && s.pending.cleared && !slices.Contains(s.pending.keep, c.name) {
		c.again = nil // it builds on nothing, whatever is stored
	}
	if changes == nil && !s.inlined {
		changes, s.inlined = s.inline[:0:len(s.inline)], true
	}
	s.pending.changes = append(changes, c)
}

// chain is one function after another on the same name.
type chain struct{ first, second remaker }

func (c chain) remake(s *Session, old string) (string, error) {
	text, err := c.first.remake(s, old)
	if err != nil {
		return "", err
	}
	return c.second.remake(s, text)
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
	kept := 0
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
		if change.text == before {
			continue
		}
		if change.again != nil {
			expect = append(expect, pair{change.name, before})
		}
		if change.text == "" {
			p.Remove = append(p.Remove, change.name)
		}
		kept++
	}
	p.Set = packSet(changes, base, kept)
	p.Expect = packExpect(expect, base)
	return changes, p, nil
}

// remake calls a Field's function. The lock is open meanwhile, so that one which looks at the session does not wait for
// itself.
func (c *commit) remake(again remaker, before string) (string, error) {
	c.s.mu.Unlock()
	defer c.s.mu.Lock()
	return again.remake(c.s, before)
}

// packSet packs the changes that set something new. Mostly that is all of them.
func packSet(changes []change, base Values, most int) Values {
	var few [2]change
	set := few[:0]
	if most > len(few) {
		set = make([]change, 0, most)
	}
	for _, change := range changes {
		if change.text != "" && change.text != base.Get(change.name) {
			set = append(set, change)
		}
	}
	if len(set) == 0 {
		return Values{}
	}
	return packChanges(set)
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
