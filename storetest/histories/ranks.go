package histories

import "encoding/binary"

// ranks are those of sessions, each once and newest first, as text: so states of the model compare, and cost little to make.
// porcupine makes millions.
type ranks string

const rankSize = 4

// pile returns ranks in the order given, which is that of the text.
func pile(list ...int) ranks {
	var b []byte
	for _, rank := range list {
		b = binary.BigEndian.AppendUint32(b, uint32(rank))
	}
	return ranks(b)
}

func (r ranks) len() int { return len(r) / rankSize }

func (r ranks) at(i int) int {
	_ = r[rankSize*i+3]
	return int(r[rankSize*i])<<24 | int(r[rankSize*i+1])<<16 | int(r[rankSize*i+2])<<8 | int(r[rankSize*i+3])
}

// index returns the place of rank, -1 if it is not there.
func (r ranks) index(rank int) int {
	for i := range r.len() {
		if r.at(i) == rank {
			return i
		}
	}
	return -1
}

func (r ranks) has(rank int) bool { return r.index(rank) >= 0 }

// with returns r with rank in its place.
func (r ranks) with(rank int) ranks {
	i := 0
	for i < r.len() && r.at(i) > rank {
		i++
	}
	return r[:rankSize*i] + pile(rank) + r[rankSize*i:]
}

// without returns r but for the one at i.
func (r ranks) without(i int) ranks { return r[:rankSize*i] + r[rankSize*(i+1):] }

func (r ranks) list() []int {
	var list []int
	for i := range r.len() {
		list = append(list, r.at(i))
	}
	return list
}
