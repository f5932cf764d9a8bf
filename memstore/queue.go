package memstore

// queue is a binary heap of slots, the entry that expires first on top. Each entry knows its place in it, so a touch
// moves it within a logarithmic number of steps and a sweep never looks at a live session.
type queue struct{ slots []uint32 }

// first returns the earliest expiry.
func (q *queue) first(entries *slab[entry]) int64 {
	if len(q.slots) == 0 {
		return never
	}
	return entries.at(q.slots[0]).expires
}

func (q *queue) push(entries *slab[entry], slot uint32) {
	pos := uint32(len(q.slots))
	q.slots = append(q.slots, slot)
	entries.at(slot).pos = pos
	q.up(entries, pos)
}

func (q *queue) remove(entries *slab[entry], pos uint32) {
	last := uint32(len(q.slots) - 1)
	moved := q.slots[last]
	q.slots = q.slots[:last]
	if pos == last {
		return
	}
	q.slots[pos] = moved
	entries.at(moved).pos = pos
	q.fix(entries, pos)
}

// fix restores the order after the entry at pos changed its expiry.
func (q *queue) fix(entries *slab[entry], pos uint32) {
	if !q.up(entries, pos) {
		q.down(entries, pos)
	}
}

// up reports whether the entry moved.
func (q *queue) up(entries *slab[entry], pos uint32) bool {
	start := pos
	for pos > 0 {
		parent := (pos - 1) / 2
		if !q.swapIfEarlier(entries, pos, parent) {
			break
		}
		pos = parent
	}
	return pos != start
}

func (q *queue) down(entries *slab[entry], pos uint32) {
	for {
		child := 2*pos + 1
		if child >= uint32(len(q.slots)) {
			return
		}
		if right := child + 1; right < uint32(len(q.slots)) && q.at(entries, right).expires < q.at(entries, child).expires {
			child = right
		}
		if !q.swapIfEarlier(entries, child, pos) {
			return
		}
		pos = child
	}
}

// swapIfEarlier exchanges child and parent if the child expires earlier, and reports whether it did.
func (q *queue) swapIfEarlier(entries *slab[entry], child, parent uint32) bool {
	c, p := q.at(entries, child), q.at(entries, parent)
	if c.expires >= p.expires {
		return false
	}
	q.slots[child], q.slots[parent] = q.slots[parent], q.slots[child]
	c.pos, p.pos = parent, child
	return true
}

func (q *queue) at(entries *slab[entry], pos uint32) *entry { return entries.at(q.slots[pos]) }
