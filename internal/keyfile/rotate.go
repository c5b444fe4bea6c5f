package keyfile

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// PublishAhead is how long a new key stands in the file before it is used, unless told otherwise: the time replicas get to read the file and
// other services to read the JWKS.
const PublishAhead = 24 * time.Hour

// Overlap says how the change from one key to the next is spread over time.
type Overlap struct {
	PublishAhead time.Duration // zero: the constant PublishAhead
	AccessTTL    time.Duration // how long access tokens live; the old signing key verifies that much longer
	Leeway       time.Duration // of the checking of access tokens
}

// Rotate adds a new key of a kind, which takes over when the overlap's PublishAhead has passed. Signing keys that verify no longer are dropped;
// of the other kinds all old keys stay, since stored values and refresh tokens may need them. It refuses while an earlier new key is still
// waiting, because the order of two waiting keys would be decided by chance. The caller saves the file.
func (f *File) Rotate(which string, now time.Time, rand io.Reader, overlap Overlap) error {
	if err := f.rotate(which, now.UTC().Truncate(time.Second), rand, overlap); err != nil {
		return fmt.Errorf("rotate %s: %w", which, err)
	}
	return nil
}

func (f *File) rotate(which string, now time.Time, rand io.Reader, overlap Overlap) error {
	if overlap.PublishAhead == 0 {
		overlap.PublishAhead = PublishAhead
	}
	if overlap.PublishAhead < time.Second || overlap.Leeway < 0 {
		return errors.New("time to publish ahead must be a second or more, and leeway not negative")
	}
	// Times in the file are whole seconds, and rounding up never cuts an overlap short.
	from := ceil(now.Add(overlap.PublishAhead))
	g := generator{rand: rand, now: now}
	switch which {
	case Signing:
		return f.rotateSigning(g, from, overlap)
	case Refresh:
		return rotateMaster(&f.refresh, g, from)
	case Session:
		return rotateMaster(&f.session, g, from)
	case Phone:
		return rotateMaster(&f.phone, g, from)
	case PhoneIndex:
		return errors.New("the phone index cannot be rotated like this: every stored number would have to be indexed anew first")
	case Audit:
		return errors.New("the audit key cannot be rotated: the chain of the log written so far could not be verified")
	}
	return fmt.Errorf("no such kind of key; choose %s, %s, %s or %s", Signing, Refresh, Session, Phone)
}

func (f *File) rotateSigning(g generator, from time.Time, overlap Overlap) error {
	if overlap.AccessTTL <= 0 {
		return errors.New("the lifetime of access tokens is needed, to know how long the old key must verify")
	}
	keys := make([]signingKey, 0, len(f.signing)+1)
	until := ceil(from.Add(overlap.AccessTTL + overlap.Leeway))
	for _, k := range f.signing {
		switch {
		case k.SignFrom.After(g.now):
			return fmt.Errorf("key %s is waiting to take over at %s; rotate again after that", k.ID, date(k.SignFrom))
		case k.VerifyUntil.IsZero():
			k.VerifyUntil = until
		case !k.VerifyUntil.After(g.now):
			continue
		}
		keys = append(keys, k)
	}
	next := g.signing(f.Development(), from)
	if g.err != nil {
		return g.err
	}
	if slices.ContainsFunc(keys, func(k signingKey) bool { return k.ID == next.ID }) {
		return errors.New("the new key got an identifier that is taken; try again")
	}
	f.signing = append([]signingKey{next}, keys...)
	return nil
}

func rotateMaster(keys *[]masterKey, g generator, from time.Time) error {
	for _, k := range *keys {
		if k.useFrom.After(g.now) {
			return fmt.Errorf("key %d is waiting to take over at %s; rotate again after that", k.id, date(k.useFrom))
		}
	}
	next := g.master(*keys, from)
	if g.err != nil {
		return g.err
	}
	*keys = append([]masterKey{next}, *keys...)
	return nil
}

func ceil(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); !whole.Equal(t) {
		return whole.Add(time.Second)
	}
	return t
}
