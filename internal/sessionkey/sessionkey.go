// Package sessionkey owns the ring of session keys that WeChat gave for an identity: the current one
// and, for a while, the one before it.
//
// A session_key lets whoever has it read and forge what WeChat encrypts for the Mini Program, so it
// never leaves the server and is encrypted wherever it rests: in the database, which is the truth,
// and in the ristretto cache in front, which is a hint. Which key is the current one is decided by
// the statement that stores a login, in the database; a reader says which key it expects by its
// print, so a cache entry that is lost, dropped or out of date costs one read and nothing else.
package sessionkey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/google/uuid"

	"mpauth/ent"
	"mpauth/ent/identity"
	"mpauth/internal/seal"
)

// PreviousLife is how long data encrypted with the key before the current one is still accepted: the
// person may have tapped before a login replaced the key.
const PreviousLife = 5 * time.Minute

// Sealed is a session key ready to be stored.
type Sealed struct {
	Ciphertext []byte
	Print      []byte // tells whether two keys are the same, and nothing else
}

// Ring is the stored keys of an identity, all sealed. The zero Ring holds none.
type Ring struct {
	Current       []byte
	Print         []byte // of the current key
	Previous      []byte
	PreviousUntil *time.Time

	owner seal.Place
}

// Options are what a Store needs; all of them but Observe are required.
type Options struct {
	DB      *ent.Client
	Keyring *seal.Keyring
	Index   *seal.Index
	Entries int64 // how many identities the cache holds at most
	Now     func() time.Time
	Observe func(Lookup) // is told of each use of the cache; nil: nobody is
}

// Lookup is how a use of the cache went, as a metric label.
type Lookup string

// The lookups.
const (
	Hit   Lookup = "hit"
	Miss  Lookup = "miss"
	Stale Lookup = "stale" // the entry was of another key, or did not open
)

// cacheLife is how long the cache may know of somebody who has been erased by another replica, which
// cannot tell it.
const cacheLife = time.Hour

// Store reads rings. It is safe for concurrent use.
type Store struct {
	Options
	cache *ristretto.Cache[string, Ring]
}

// NewStore makes a Store. Close it to stop the cache.
func NewStore(o Options) (*Store, error) {
	cache, err := ristretto.NewCache(&ristretto.Config[string, Ring]{
		NumCounters:        10 * o.Entries, // ristretto's advice
		MaxCost:            o.Entries,
		BufferItems:        64, // ristretto's advice
		IgnoreInternalCost: true,
	})
	if err != nil {
		return nil, fmt.Errorf("make the session key cache: %w", err)
	}
	if o.Observe == nil {
		o.Observe = func(Lookup) {}
	}
	return &Store{Options: o, cache: cache}, nil
}

// Close stops the cache.
func (s *Store) Close() { s.cache.Close() }

// Seal prepares a key for the row of an identity.
func (s *Store) Seal(appID, openID, key string) Sealed {
	return Sealed{
		Ciphertext: s.Keyring.Seal([]byte(key), place(appID, openID)),
		Print:      s.Index.Of("session_key|"+appID+"|"+openID, key),
	}
}

// place is where a key may be read: an identity, in whichever of its two columns the key has come to.
func place(appID, openID string) seal.Place {
	return seal.Place{Table: "identities", Column: "session_key", Row: appID + "|" + openID}
}

// Remember puts the ring that a login stored into the cache.
func (s *Store) Remember(id uuid.UUID, appID, openID string, ring Ring) {
	ring.owner = place(appID, openID)
	s.cache.SetWithTTL(id.String(), ring, 1, cacheLife)
}

// Forget drops what the cache knows of an identity.
func (s *Store) Forget(id uuid.UUID) { s.cache.Del(id.String()) }

// Keys returns the keys of an identity in plain text, the current one first, and the previous one
// only while its time lasts. print is the print that the row of the identity has now: a cache entry
// of another is not believed.
func (s *Store) Keys(ctx context.Context, id uuid.UUID, print []byte) ([]string, error) {
	if print == nil {
		return nil, nil
	}
	ring, found := s.cache.Get(id.String())
	if !found {
		s.Observe(Miss)
		return s.Reload(ctx, id)
	}
	if bytes.Equal(ring.Print, print) {
		if keys, err := s.open(ring); err == nil {
			s.Observe(Hit)
			return keys, nil
		}
	}
	s.Observe(Stale)
	return s.Reload(ctx, id)
}

// Reload returns the keys of an identity as the database has them, and renews the cache.
func (s *Store) Reload(ctx context.Context, id uuid.UUID) ([]string, error) {
	row, err := s.DB.Identity.Query().Where(identity.ID(id)).Select(
		identity.FieldAppID, identity.FieldOpenID, identity.FieldSessionKey, identity.FieldSessionKeyPrint,
		identity.FieldPreviousKey, identity.FieldPreviousKeyUntil,
	).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read session keys: %w", err)
	}
	ring := Ring{owner: place(row.AppID, row.OpenID), PreviousUntil: row.PreviousKeyUntil}
	ring.Current, ring.Print, ring.Previous = value(row.SessionKey), value(row.SessionKeyPrint), value(row.PreviousKey)
	s.cache.SetWithTTL(id.String(), ring, 1, cacheLife)
	return s.open(ring)
}

func value(column *[]byte) []byte {
	if column == nil {
		return nil
	}
	return *column
}

// open decrypts the ring. A key that does not open is as good as lost; it is an error only when there
// was a key and none opens.
func (s *Store) open(ring Ring) ([]string, error) {
	var keys []string
	var failures error
	read := func(sealed []byte) {
		key, err := s.Keyring.Open(sealed, ring.owner)
		if err != nil {
			failures = errors.Join(failures, fmt.Errorf("open a session key: %w", err))
			return
		}
		keys = append(keys, string(key))
	}
	if ring.Current != nil {
		read(ring.Current)
	}
	if ring.Previous != nil && ring.PreviousUntil != nil && s.Now().Before(*ring.PreviousUntil) {
		read(ring.Previous)
	}
	if len(keys) > 0 {
		return keys, nil
	}
	return nil, failures
}
