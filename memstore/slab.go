package memstore

const blockSize = 64

// slab keeps items in blocks, so that growing copies nothing and wastes less than a block, and an item's slot is its
// place for life. Each item has a link to another slot, to chain it with. Slots count from 1; 0 is none.
type slab[T any] struct {
	blocks []*block[T]
	free   uint32 // first of a chain of released slots
	used   uint32 // highest slot handed out so far
}

// block holds the links apart from the items, where alignment would make them twice as big.
type block[T any] struct {
	items [blockSize]T
	links [blockSize]uint32
}

func (sl *slab[T]) at(slot uint32) *T {
	return &sl.blocks[(slot-1)/blockSize].items[(slot-1)%blockSize]
}

func (sl *slab[T]) link(slot uint32) *uint32 {
	return &sl.blocks[(slot-1)/blockSize].links[(slot-1)%blockSize]
}

// add puts item in a slot of its own.
func (sl *slab[T]) add(item T) uint32 {
	slot := sl.free
	if slot != 0 {
		sl.free = *sl.link(slot)
	} else {
		sl.used++
		slot = sl.used
		if int(slot) > len(sl.blocks)*blockSize {
			sl.blocks = append(sl.blocks, new(block[T]))
		}
	}
	*sl.at(slot) = item
	return slot
}

// release zeroes the item and gives the slot to a later one.
func (sl *slab[T]) release(slot uint32) {
	*sl.at(slot) = *new(T)
	*sl.link(slot) = sl.free
	sl.free = slot
}
