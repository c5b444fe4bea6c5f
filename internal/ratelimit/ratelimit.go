// Package ratelimit owns how often one caller may do one thing.
//
// It is the generic cell rate algorithm (GCRA): all that is kept of a caller is the time at which
// they are back to having done nothing. Whoever does something moves that time on by a step, and
// when it would be further away than the whole limit, they have to wait. No window begins or ends,
// so no moment is better than another to ask in, and nothing has to be counted down or swept.
//
// # Memory
//
// Callers can make up names without end, addresses of IPv6 for example, so the memory is taken once
// and never grows. The table is a row of small buckets; the hash of a name says in which one it is
// kept. The seed of the hash is drawn for each process: nobody can choose names that share a bucket,
// or that are taken for one another.
//
// When a bucket is full the entry goes that is nearest to its end, whose caller has done least for
// their limit. The caller whose entry went is not refused for it; they begin anew. So a flood of
// names
//
//   - never makes anybody wait who would not have waited without it;
//   - cannot wash a caller's own record away cheaply: names that were used once push out each other,
//     and an entry that is full goes only after a whole bucket of entries that are as full as it, in
//     a bucket that its owner cannot find. That takes about as many full entries as the table holds.
//
// What it costs is that far more callers at a time than the table has entries are limited less
// strictly than they should be. Rules over different times share the table, and entries of a rule
// over ten minutes outlast those of a rule over one.
package ratelimit

import (
	"hash/maphash"
	"math/bits"
	"time"
)

// Rule is how often one caller may do one thing: Events at once, and from then on one more each time
// that Per/Events has passed, never more than Events at once.
type Rule struct {
	Name   string        // keeps its callers apart from those of other rules
	Events int           // at least 1
	Per    time.Duration // at least a nanosecond for each event
}

// step is what one event costs, and all what may be spent at once, in nanoseconds.
func (r Rule) step() int64 { return int64(r.Per) / int64(r.Events) }
func (r Rule) all() int64  { return r.step() * int64(r.Events) }

// Limiter keeps what callers have done. It is safe for concurrent use, and never allocates.
type Limiter struct {
	now     func() time.Time
	start   time.Time
	seed    maphash.Seed
	buckets []bucket
}

// New makes a Limiter that remembers at least capacity callers, at most 17 bytes each. An entry is of
// use until its caller is back to having done nothing, which is Per at the longest.
func New(capacity int, now func() time.Time) *Limiter {
	return &Limiter{
		now: now, start: now(), seed: maphash.MakeSeed(),
		buckets: make([]bucket, max(1, (capacity+slots-1)/slots)),
	}
}

// Take does one thing for a caller, if the rule allows it. Otherwise nothing has been done, and wait
// is how long the caller should wait before they try again.
func (l *Limiter) Take(rule Rule, caller string) (wait time.Duration, ok bool) {
	return l.ask(rule, caller, true)
}

// Check says what [Limiter.Take] would say, and does nothing. It is for what is counted only when it
// is known how it ended: check before, take after. Things that are on their way at the same time do
// not see each other, so a caller can go past the rule by as many as those.
func (l *Limiter) Check(rule Rule, caller string) (wait time.Duration, ok bool) {
	return l.ask(rule, caller, false)
}

// name is what is hashed: no two callers of two rules are the same name.
type name struct{ rule, caller string }

func (l *Limiter) ask(rule Rule, caller string, take bool) (wait time.Duration, ok bool) {
	id := maphash.Comparable(l.seed, name{rule.Name, caller})
	now := int64(l.now().Sub(l.start))
	chosen, _ := bits.Mul64(id, uint64(len(l.buckets)))
	b := &l.buckets[chosen]

	b.mu.Lock()
	defer b.mu.Unlock()
	entry := b.find(id)
	next := now + rule.step()
	if entry.id == id && entry.clear > now {
		next = entry.clear + rule.step()
	}
	if over := next - now - rule.all(); over > 0 {
		return time.Duration(over), false
	}
	if take {
		*entry = slot{id: id, clear: next}
	}
	return 0, true
}
