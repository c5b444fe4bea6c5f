// Package keyfile owns the file that holds the server's secret keys: its format, its permissions, how its keys are made and replaced.
//
// All keys live in one file, apart from the database and its backups, because a stolen database must be worthless without it. It is plain JSON
// with dates, so that an operator can read what is what, and it is refused when others may read it.
//
// # Rotation
//
// Every new key is published before it is used: it stands in the file with the moment it takes over, 24 hours ahead unless told otherwise, so
// that all replicas have it before the first of them signs or seals with it. Old keys keep verifying and opening.
//
// # Loss
//
// Whoever loses the file loses every stored phone number and session key. Back it up, but never beside the database.
package keyfile

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"mpauth/internal/seal"
	"mpauth/internal/token"
)

// The kinds of keys, as the file, [File.Rotate] and [Entry] name them.
const (
	Signing    = "signing"    // signs access tokens
	Refresh    = "refresh"    // authenticates refresh tokens
	Session    = "session"    // seals WeChat session keys
	Phone      = "phone"      // seals phone numbers
	PhoneIndex = "phoneIndex" // finds phone numbers without opening them
	Audit      = "audit"      // chains the audit log
)

const (
	secretSize        = 32
	developmentPrefix = "dev-"
)

// File is the content of a key file. It is not safe for concurrent change. It never prints a secret.
type File struct {
	signing    []signingKey
	refresh    []masterKey
	session    []masterKey
	phone      []masterKey
	phoneIndex lastingKey
	audit      lastingKey

	// digest is of the text on disk that this content was read from or written to; nil if it was never on disk.
	digest *[sha256.Size]byte
}

type signingKey struct {
	token.SigningKey
	created time.Time
}

// masterKey is a symmetric key that a newer one can relieve.
type masterKey struct {
	id               uint32
	created, useFrom time.Time
	secret           []byte
}

// lastingKey is a symmetric key that stays.
type lastingKey struct {
	created time.Time
	secret  []byte
}

// Generate makes a key of each kind, good from now. Keys made in development carry it in their identifier, so that a production server can refuse
// them. Randomness is crypto/rand.Reader outside of tests.
func Generate(now time.Time, rand io.Reader, development bool) (*File, error) {
	now = now.UTC().Truncate(time.Second)
	f, g := &File{}, generator{rand: rand, now: now}
	f.signing = []signingKey{g.signing(development, now)}
	f.refresh = []masterKey{g.master(nil, now)}
	f.session = []masterKey{g.master(nil, now)}
	f.phone = []masterKey{g.master(nil, now)}
	f.phoneIndex = lastingKey{created: now, secret: g.bytes(secretSize)}
	f.audit = lastingKey{created: now, secret: g.bytes(secretSize)}
	if g.err != nil {
		return nil, fmt.Errorf("generate keys: %w", g.err)
	}
	return f, nil
}

// generator makes keys and remembers the first failure of randomness.
type generator struct {
	rand io.Reader
	now  time.Time
	err  error
}

func (g *generator) bytes(n int) []byte {
	b := make([]byte, n)
	if g.err == nil {
		_, g.err = io.ReadFull(g.rand, b)
	}
	return b
}

func (g *generator) signing(development bool, from time.Time) signingKey {
	prefix := ""
	if development {
		prefix = developmentPrefix
	}
	id := prefix + g.now.Format("20060102") + "-" + hex.EncodeToString(g.bytes(4))
	private := ed25519.NewKeyFromSeed(g.bytes(ed25519.SeedSize))
	return signingKey{SigningKey: token.SigningKey{ID: id, Private: private, SignFrom: from}, created: g.now}
}

// master draws identifiers instead of counting, so that a value sealed under another file's keys is reported as "key 2917341027 is missing"
// and not as damaged.
func (g *generator) master(present []masterKey, from time.Time) masterKey {
	id := uint32(0)
	for g.err == nil && (id == 0 || slices.ContainsFunc(present, func(k masterKey) bool { return k.id == id })) {
		id = binary.BigEndian.Uint32(g.bytes(4))
	}
	return masterKey{id: id, created: g.now, useFrom: from, secret: g.bytes(secretSize)}
}

// Development reports whether any signing key was made in development.
func (f *File) Development() bool {
	return slices.ContainsFunc(f.signing, func(k signingKey) bool { return strings.HasPrefix(k.ID, developmentPrefix) })
}

// SigningKeys returns the keys for [token.NewKeyRing], which picks by time itself.
func (f *File) SigningKeys() []token.SigningKey {
	keys := make([]token.SigningKey, 0, len(f.signing))
	for _, k := range f.signing {
		keys = append(keys, k.SigningKey)
	}
	return keys
}

// RefreshKeys returns the keys for [token.NewRefresh]; the first is the one in use at that moment.
func (f *File) RefreshKeys(now time.Time) []token.RefreshKey {
	keys := make([]token.RefreshKey, 0, len(f.refresh))
	for _, k := range inOrderOfUse(f.refresh, now) {
		keys = append(keys, token.RefreshKey{ID: k.id, Secret: k.secret})
	}
	return keys
}

// SessionKeys returns the keys of the keyring for WeChat session keys; the first is the one in use at that moment.
func (f *File) SessionKeys(now time.Time) []seal.Key { return sealingKeys(f.session, now) }

// PhoneKeys returns the keys of the keyring for phone numbers; the first is the one in use at that moment.
func (f *File) PhoneKeys(now time.Time) []seal.Key { return sealingKeys(f.phone, now) }

// PhoneIndex returns the secret for [seal.NewIndex].
func (f *File) PhoneIndex() []byte { return slices.Clone(f.phoneIndex.secret) }

// Audit returns the secret that chains the audit log.
func (f *File) Audit() []byte { return slices.Clone(f.audit.secret) }

func sealingKeys(keys []masterKey, now time.Time) []seal.Key {
	out := make([]seal.Key, 0, len(keys))
	for _, k := range inOrderOfUse(keys, now) {
		out = append(out, seal.Key{ID: k.id, Secret: k.secret})
	}
	return out
}

// inOrderOfUse puts the newest key that may be used first, then its predecessors, then those that are yet to take over.
func inOrderOfUse(keys []masterKey, now time.Time) []masterKey {
	return slices.SortedStableFunc(slices.Values(keys), func(a, b masterKey) int {
		if waitingA, waitingB := a.useFrom.After(now), b.useFrom.After(now); waitingA != waitingB {
			if waitingA {
				return 1
			}
			return -1
		}
		return cmp.Or(b.useFrom.Compare(a.useFrom), cmp.Compare(b.id, a.id))
	})
}

// TakesOver reports whether some key begins to be used after the one moment and not after the other: then the rings must be given their keys
// anew, though the file is the same.
func (f *File) TakesOver(after, until time.Time) bool {
	return slices.ContainsFunc(slices.Concat(f.refresh, f.session, f.phone), func(k masterKey) bool {
		return k.useFrom.After(after) && !k.useFrom.After(until)
	})
}

// Format hides the keys from every verb of package fmt.
func (f File) Format(s fmt.State, _ rune) { fmt.Fprint(s, "keyfile.File") }
