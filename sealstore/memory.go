package sealstore

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/sojourn-go/sojourn"
)

// memory holds what this process last saw of some sessions: the ciphertexts as they are stored, nothing in clear. A Patch
// compares stored texts, and of equal plain texts no two are sealed alike; with the text that the request's Load brought a
// moment ago, it needs no other. It is a hint: what is older than the record is refused by the inner store, and then
// looked up. So a slot per ID is enough, and the last session counts.
type memory struct {
	slots [memorySlots]atomic.Pointer[remembered]
}

// At most 16 MiB, if every slot held a session as large as is remembered.
const (
	memorySlots   = 1024
	memoryLargest = 16 << 10
)

// remembered is never changed.
type remembered struct {
	bound  binding
	sealed sojourn.Values
}

func (m *memory) slot(id sojourn.ID) *atomic.Pointer[remembered] {
	return &m.slots[binary.LittleEndian.Uint16(id[:])%memorySlots]
}

func (m *memory) recall(id sojourn.ID) *remembered {
	if r := m.slot(id).Load(); r != nil && r.bound.id == id {
		return r
	}
	return nil
}

func (m *memory) forget(id sojourn.ID) {
	if r := m.recall(id); r != nil {
		m.slot(id).CompareAndSwap(r, nil)
	}
}

// remember notes what the inner store has, for a Patch that comes soon.
func (s *Store) remember(bound *binding, sealed sojourn.Values) {
	if s.patcher == nil {
		return
	}
	if sealed.Size() > memoryLargest {
		s.memory.forget(bound.id)
		return
	}
	s.memory.slot(bound.id).Store(&remembered{*bound, sealed})
}
