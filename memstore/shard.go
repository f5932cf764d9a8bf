package memstore

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/sojourn-go/sojourn"
)

// shard is one part of the sessions: a hash table by ID whose buckets chain slots of a slab, and two queues by expiry.
// A Go map would cost twice the memory, because entries are big and its tables half empty.
type shard struct {
	mu       sync.RWMutex
	buckets  []uint32 // first slot of each chain; a power of two
	entries  slab[entry]
	count    int
	visitors queue
	members  queue

	// The earliest expiry in each queue, never if it is empty, to be read without the lock.
	firstVisitor atomic.Int64
	firstMember  atomic.Int64
}

// entry is one session. Its one pointer is the record's.
type entry struct {
	id      sojourn.ID // zero in a free slot
	record  sojourn.Packed
	expires int64  // on the store's clock
	pos     uint32 // in its queue
	node    uint32 // in its subject's index; 0 for a visitor's
}

// bucket needs no hash function: the store makes the IDs, at random.
func (sh *shard) bucket(id sojourn.ID) *uint32 {
	return &sh.buckets[binary.LittleEndian.Uint64(id[8:])&uint64(len(sh.buckets)-1)]
}

// find returns the entry, live or expired, or nil.
func (sh *shard) find(id sojourn.ID) *entry {
	if sh.count == 0 {
		return nil
	}
	for slot := *sh.bucket(id); slot != 0; slot = *sh.entries.link(slot) {
		if e := sh.entries.at(slot); e.id == id {
			return e
		}
	}
	return nil
}

// live is find for a write.
func (sh *shard) live(id sojourn.ID, now int64) (*entry, error) {
	e := sh.find(id)
	if e == nil || e.expires <= now {
		return nil, sojourn.ErrNotFound
	}
	return e, nil
}

func (sh *shard) insert(e entry) {
	if sh.count >= 2*len(sh.buckets) {
		sh.grow()
	}
	slot := sh.entries.add(e)
	head := sh.bucket(e.id)
	*sh.entries.link(slot), *head = *head, slot
	sh.count++
	sh.queueOf(&e).push(&sh.entries, slot)
	sh.publish()
}

// grow doubles the buckets: chains are one to two entries long.
func (sh *shard) grow() {
	old := sh.buckets
	sh.buckets = make([]uint32, max(8, 2*len(old)))
	for _, slot := range old {
		for slot != 0 {
			link := sh.entries.link(slot)
			next := *link
			head := sh.bucket(sh.entries.at(slot).id)
			*link, *head = *head, slot
			slot = next
		}
	}
}

func (sh *shard) remove(e *entry) {
	q := sh.queueOf(e)
	slot := q.slots[e.pos]
	q.remove(&sh.entries, e.pos)
	at := sh.bucket(e.id)
	for *at != slot {
		at = sh.entries.link(*at)
	}
	*at = *sh.entries.link(slot)
	sh.entries.release(slot)
	sh.count--
	if sh.count == 0 && len(sh.entries.blocks) > 1 {
		sh.buckets, sh.entries, sh.visitors, sh.members = nil, slab[entry]{}, queue{}, queue{}
	}
	sh.publish()
}

// expire gives e a new expiry.
func (sh *shard) expire(e *entry, at int64) {
	e.expires = at
	sh.queueOf(e).fix(&sh.entries, e.pos)
	sh.publish()
}

// join turns a visitor's session into one with a subject. A call of expire follows.
func (sh *shard) join(e *entry, node uint32) {
	slot := sh.visitors.slots[e.pos]
	sh.visitors.remove(&sh.entries, e.pos)
	e.node = node
	sh.members.push(&sh.entries, slot)
}

func (sh *shard) queueOf(e *entry) *queue {
	if e.node == 0 {
		return &sh.visitors
	}
	return &sh.members
}

// publish stores what changed only: most changes do not touch the earliest.
func (sh *shard) publish() {
	if first := sh.visitors.first(&sh.entries); first != sh.firstVisitor.Load() {
		sh.firstVisitor.Store(first)
	}
	if first := sh.members.first(&sh.entries); first != sh.firstMember.Load() {
		sh.firstMember.Store(first)
	}
}

// expired returns one session that is dead at now, looking at the published expiries first.
func (sh *shard) expired(now int64) (sojourn.ID, bool) {
	if sh.firstVisitor.Load() > now && sh.firstMember.Load() > now {
		return sojourn.ID{}, false
	}
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	for _, q := range [...]*queue{&sh.visitors, &sh.members} {
		if q.first(&sh.entries) <= now {
			return sh.entries.at(q.slots[0]).id, true
		}
	}
	return sojourn.ID{}, false
}
