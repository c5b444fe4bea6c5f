package ratelimit

import "sync"

// slots makes a bucket just short of four cache lines. With fewer slots more of the buckets are full
// while the table is not; with more, each question takes longer.
const slots = 15

// bucket is a part of the table, with its own lock, so that callers seldom wait for each other.
type bucket struct {
	mu    sync.Mutex
	slots [slots]slot
}

// slot is one caller under one rule. One that is clear is as good as empty.
type slot struct {
	id    uint64 // hash of the name
	clear int64  // when the caller is back to having done nothing, in nanoseconds since the start
}

// find returns the slot of an id or, when there is none, the one to put it in: an empty one, or the
// one that will be empty first.
func (b *bucket) find(id uint64) *slot {
	first := &b.slots[0]
	for i := range b.slots {
		s := &b.slots[i]
		if s.id == id {
			return s
		}
		if s.clear < first.clear {
			first = s
		}
	}
	return first
}
