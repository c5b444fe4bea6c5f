package keyfile

import (
	"strconv"
	"time"
)

// State is what a key is doing at a moment.
type State string

// The states of a key.
const (
	Waiting State = "waiting" // published, takes over at From
	InUse   State = "in use"  // signs or seals
	Old     State = "old"     // only verifies or opens what it signed or sealed
	Retired State = "retired" // does nothing any more; dropped by the next rotation
)

// Entry describes a key without its secret.
type Entry struct {
	Kind    string    `json:"kind"`
	ID      string    `json:"id,omitempty"` // empty for the two kinds that have one key
	State   State     `json:"state"`
	Created time.Time `json:"created"`
	From    time.Time `json:"from"`           // when it takes over, or took over
	Until   time.Time `json:"until,omitzero"` // when its tokens are refused; zero: no end
}

// Summary lists the keys as they stand at that moment, for an operator to read.
func (f *File) Summary(now time.Time) []Entry {
	var entries []Entry
	inUse := f.signerAt(now)
	for _, k := range f.signing {
		e := Entry{Kind: Signing, ID: k.ID, State: Old, Created: k.created, From: k.SignFrom, Until: k.VerifyUntil}
		switch {
		case !k.VerifyUntil.IsZero() && !now.Before(k.VerifyUntil):
			e.State = Retired
		case k.SignFrom.After(now):
			e.State = Waiting
		case k.ID == inUse:
			e.State = InUse
		}
		entries = append(entries, e)
	}
	for _, group := range []struct {
		kind string
		keys []masterKey
	}{{Refresh, f.refresh}, {Session, f.session}, {Phone, f.phone}} {
		first := inOrderOfUse(group.keys, now)[0].id
		for _, k := range group.keys {
			e := Entry{Kind: group.kind, ID: strconv.FormatUint(uint64(k.id), 10), State: Old, Created: k.created, From: k.useFrom}
			switch {
			case k.id == first:
				e.State = InUse
			case k.useFrom.After(now):
				e.State = Waiting
			}
			entries = append(entries, e)
		}
	}
	return append(entries,
		Entry{Kind: PhoneIndex, State: InUse, Created: f.phoneIndex.created, From: f.phoneIndex.created},
		Entry{Kind: Audit, State: InUse, Created: f.audit.created, From: f.audit.created})
}

// signerAt names the key that a token.KeyRing would sign with.
func (f *File) signerAt(now time.Time) string {
	var best signingKey
	for _, k := range f.signing {
		usable := !k.SignFrom.After(now) && (k.VerifyUntil.IsZero() || now.Before(k.VerifyUntil))
		newer := k.SignFrom.After(best.SignFrom) || k.SignFrom.Equal(best.SignFrom) && k.ID > best.ID
		if usable && (best.ID == "" || newer) {
			best = k
		}
	}
	return best.ID
}
