package memstore

import (
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sojourn-go/sojourn"
)

// owner is a subject within its realm.
type owner struct{ realm, subject string }

// index is one part of the subject index: which sessions belong to a subject, and the marks that revocations left. The
// nodes hold a hash instead of the subject's text; the record has the text, and readers compare it.
type index struct {
	mu      sync.RWMutex
	buckets []uint32 // first slot of each chain; a power of two
	nodes   slab[node]
	count   int
	marks   map[owner]mark
	prune   int          // size of marks at which the next one looks for dead ones
	oldest  atomic.Int64 // no mark dies before; 0 if there are none
}

// node names one session. Chains are linked both ways: one subject may have very many sessions, all in one chain, and
// each must leave it in one step.
type node struct {
	id   sojourn.ID
	hash uint32
	prev uint32
}

// mark refuses logins that are not later than at.
type mark struct {
	at    int64 // wall clock, Unix milliseconds: it is compared with Facts.Authenticated
	until int64 // on the store's clock
}

const (
	markLife = 24 * time.Hour
	minPrune = 64
)

// lookup returns the index that who belongs to and the hash within it: they take different bits.
func (s *Store) lookup(who owner) (*index, uint32) {
	hash := maphash.Comparable(s.seed, who)
	return &s.indexes[hash>>56], uint32(hash)
}

func (ix *index) bucket(hash uint32) *uint32 { return &ix.buckets[hash&uint32(len(ix.buckets)-1)] }

func (ix *index) add(hash uint32, id sojourn.ID) uint32 {
	if ix.count >= 2*len(ix.buckets) {
		ix.grow()
	}
	slot := ix.nodes.add(node{hash: hash, id: id})
	ix.push(slot)
	ix.count++
	return slot
}

func (ix *index) push(slot uint32) {
	n := ix.nodes.at(slot)
	head := ix.bucket(n.hash)
	if *head != 0 {
		ix.nodes.at(*head).prev = slot
	}
	n.prev = 0
	*ix.nodes.link(slot), *head = *head, slot
}

func (ix *index) grow() {
	old := ix.buckets
	ix.buckets = make([]uint32, max(8, 2*len(old)))
	for _, slot := range old {
		for slot != 0 {
			next := *ix.nodes.link(slot)
			ix.push(slot)
			slot = next
		}
	}
}

func (ix *index) remove(slot uint32) {
	n := ix.nodes.at(slot)
	next := *ix.nodes.link(slot)
	if n.prev == 0 {
		*ix.bucket(n.hash) = next
	} else {
		*ix.nodes.link(n.prev) = next
	}
	if next != 0 {
		ix.nodes.at(next).prev = n.prev
	}
	ix.nodes.release(slot)
	ix.count--
	if ix.count == 0 && len(ix.nodes.blocks) > 1 {
		ix.buckets, ix.nodes = nil, slab[node]{}
	}
}

// ids returns the sessions whose owner has this hash, and perhaps another owner's.
func (ix *index) ids(hash uint32) []sojourn.ID {
	if ix.count == 0 {
		return nil
	}
	var ids []sojourn.ID
	for slot := *ix.bucket(hash); slot != 0; slot = *ix.nodes.link(slot) {
		if n := ix.nodes.at(slot); n.hash == hash {
			ids = append(ids, n.id)
		}
	}
	return ids
}

// refuses reports whether a login of who, whose request began at authenticated, came before a revocation.
func (ix *index) refuses(who owner, authenticated time.Time, now int64) bool {
	m, ok := ix.marks[who]
	return ok && m.until > now && authenticated.UnixMilli() <= m.at
}

// leave puts a mark at wall for a day. It never moves one back.
func (ix *index) leave(who owner, wall, now int64) {
	if len(ix.marks) >= max(ix.prune, minPrune) {
		ix.pruneMarks(now)
		ix.prune = 2 * len(ix.marks)
	}
	m := mark{at: wall, until: now + markLife.Milliseconds()}
	if old, ok := ix.marks[who]; ok && old.until > now {
		m.at = max(m.at, old.at)
	}
	if ix.marks == nil {
		ix.marks = make(map[owner]mark)
	}
	ix.marks[who] = m
	if len(ix.marks) == 1 {
		ix.oldest.Store(m.until)
	}
}

// pruneMarks removes dead marks. A map does not shrink, so an empty one is given up.
func (ix *index) pruneMarks(now int64) {
	oldest := int64(math.MaxInt64)
	for who, m := range ix.marks {
		if m.until <= now {
			delete(ix.marks, who)
			continue
		}
		oldest = min(oldest, m.until)
	}
	if len(ix.marks) == 0 {
		ix.marks, oldest = nil, 0
	}
	ix.oldest.Store(oldest)
}
