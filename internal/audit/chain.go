// Package audit owns the chain over the audit trail: whoever changes, removes or slips in an event
// leaves a mark that they cannot remove without the server's key.
//
// The trail itself is written by internal/account, each event in the transaction that it tells of. It
// is sealed afterwards, by one replica at a time, because a chain inside those transactions would have
// every login wait for the one before it. So an event is unprotected for about a second.
//
// What the chain cannot show: changes by somebody who has the key, and that the end was cut off,
// unless a checkpoint from outside the database says how long the chain was. Each checkpoint is
// therefore also logged, for the operator to keep elsewhere.
package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/internal/database"
)

// Options are what a Chain needs; all of them are required.
type Options struct {
	DB  *database.DB
	Key []byte // of 32 bytes; see the audit key of internal/keyfile
	Now func() time.Time
	Log *slog.Logger
}

// Chain seals the trail, says how long it is, removes what need not be kept, and verifies it. It is
// safe for concurrent use, also by several replicas.
type Chain struct {
	Options
	mu    sync.Mutex // one call at a time in this process
	marks []mark     // on the way to the floor; the oldest first
	floor int64      // no event with an id up to this one is unsealed, nor ever will be
}

// New makes a Chain.
func New(o Options) *Chain { return &Chain{Options: o} }

const macSize = sha256.Size

// link is one place in the chain.
type link struct {
	seal int64 // from 1; 0 is the beginning, before any event
	mac  []byte
}

// beginning is what the first seal follows.
func beginning() link { return link{mac: make([]byte, macSize)} }

// next is the link that an event makes after this one.
func (c *Chain) next(l link, e *ent.AuditEvent) link {
	m := c.mac("mpauth audit seal 1")
	m.number(l.seal + 1)
	m.bytes(l.mac)
	m.event(e)
	return link{seal: l.seal + 1, mac: m.sum()}
}

// hasher feeds a keyed hash with values that nobody can regroup: each has its length before it.
type hasher struct{ hash.Hash }

func (c *Chain) mac(purpose string) hasher {
	h := hasher{hmac.New(sha256.New, c.Key)}
	h.bytes([]byte(purpose))
	return h
}

func (h hasher) sum() []byte { return h.Sum(nil) }

func (h hasher) number(n int64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:])
}

func (h hasher) bytes(b []byte) {
	h.number(int64(len(b)))
	h.Write(b)
}

func (h hasher) text(s string) { h.bytes([]byte(s)) }

// optional tells an absent value from an empty one.
func optional[T any](h hasher, value *T, write func(T)) {
	if value == nil {
		h.number(-1)
		return
	}
	write(*value)
}

// event is every column, so that none can be changed.
func (h hasher) event(e *ent.AuditEvent) {
	h.number(e.ID)
	h.number(e.Xid)
	h.number(e.At.UnixMicro())
	h.text(e.Action)
	h.text(e.AppID)
	optional(h, e.UserID, func(id uuid.UUID) { h.bytes(id[:]) })
	optional(h, e.SessionID, func(id uuid.UUID) { h.bytes(id[:]) })
	h.text(revokes(e))
	h.number(e.Epoch)
	optional(h, e.Actor, h.text)
	optional(h, e.Reason, h.text)
	h.number(int64(len(e.Detail)))
	names := make([]string, 0, len(e.Detail))
	for name := range e.Detail {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		h.text(name)
		h.text(e.Detail[name])
	}
}

func revokes(e *ent.AuditEvent) string {
	if e.Revokes == nil {
		return ""
	}
	return string(*e.Revokes)
}
