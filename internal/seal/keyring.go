// Package seal owns encryption at rest: the keyring that seals a value to one place in the database, and the blind index that finds a value
// without opening it.
//
// A stolen database, replica or backup must tell nothing, and a row copied over another must not open. So every value is sealed with
// AES-256-GCM under a random nonce, and the place it belongs to (table, column, row) is authenticated with it. The identifier of the key stands
// in front of the ciphertext, so keys can be replaced while old values stay readable. Nothing but the standard library is used.
//
// # Key rotation
//
// The first key of a [Keyring] seals, every key opens. Put a new key in front, reseal what [Keyring.Stale] reports as it is read or in a batch,
// and drop the old key when nothing is stale. With random nonces a key must seal fewer than 2³² values (NIST SP 800-38D §8.3); at a hundred
// sign-ins a second that is more than a year.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
)

const (
	// SecretSize is the length of every secret of this package, in bytes.
	SecretSize = 32

	version    = 0x01
	headerSize = 1 + 4 // version, key identifier
)

var (
	// ErrOpen is the one answer to a value that is cut, altered, of an unknown version, or sealed for another place.
	ErrOpen = errors.New("sealed value does not open")

	// ErrUnknownKey says that the keyring lacks the key that the value names. It usually means that a key was dropped too early or that the
	// wrong keys were loaded: the message carries the identifier, which is no secret.
	ErrUnknownKey = errors.New("sealing key is not in the keyring")
)

// Key is one AES-256 key. It never prints its secret.
type Key struct {
	ID     uint32 // not 0; stands in clear in front of each ciphertext
	Secret []byte // SecretSize bytes
}

// Format hides the secret from every verb of package fmt.
func (k Key) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "seal.Key(%d)", k.ID) }

// MarshalText hides the secret from JSON, YAML and slog.
func (k Key) MarshalText() ([]byte, error) { return fmt.Append(nil, k), nil }

// Place is where a sealed value lives. A value opens only at the place it was sealed for, so that nobody who can write to the database can move
// one person's value into another's row.
type Place struct {
	Table, Column, Row string
}

// Keyring seals with its first key and opens with any. It is safe for concurrent use.
type Keyring struct {
	keys atomic.Pointer[keySet]
}

// keySet is never changed after it is published, so readers need no lock.
type keySet struct {
	primary uint32
	byID    map[uint32]cipher.AEAD
}

// NewKeyring returns a keyring of the keys, the first of which seals. It refuses an empty list, a secret that is not [SecretSize] bytes, the
// identifier 0 and an identifier used twice.
func NewKeyring(keys ...Key) (*Keyring, error) {
	k := &Keyring{}
	if err := k.Replace(keys...); err != nil {
		return nil, err
	}
	return k, nil
}

// Replace puts other keys in the place of the present ones, by the rules of [NewKeyring]. On an error the present keys stay. Calls under way
// finish with the keys they began with.
func (k *Keyring) Replace(keys ...Key) error {
	if len(keys) == 0 {
		return errors.New("keyring: no keys")
	}
	set := &keySet{primary: keys[0].ID, byID: make(map[uint32]cipher.AEAD, len(keys))}
	for _, key := range keys {
		if key.ID == 0 {
			return errors.New("keyring: key with identifier 0")
		}
		if _, twice := set.byID[key.ID]; twice {
			return fmt.Errorf("keyring: two keys with identifier %d", key.ID)
		}
		aead, err := newAEAD(key.Secret)
		if err != nil {
			return fmt.Errorf("keyring: key %d: %w", key.ID, err)
		}
		set.byID[key.ID] = aead
	}
	k.keys.Store(set)
	return nil
}

// Seal encrypts plaintext for one place. The result is 0x01 ‖ key identifier (4 bytes, big endian) ‖ nonce (12) ‖ ciphertext ‖ tag (16):
// 33 bytes more than the plaintext. Sealing the same value twice gives two different results.
func (k *Keyring) Seal(plaintext []byte, at Place) []byte {
	set := k.keys.Load()
	header := binary.BigEndian.AppendUint32([]byte{version}, set.primary)
	return append(header, set.byID[set.primary].Seal(nil, nil, plaintext, additionalData(header, at))...)
}

// Open returns what was sealed for that place. Its errors are [ErrUnknownKey] and, for everything else, [ErrOpen].
func (k *Keyring) Open(sealed []byte, at Place) ([]byte, error) {
	if len(sealed) < headerSize || sealed[0] != version {
		return nil, ErrOpen
	}
	header, box := sealed[:headerSize], sealed[headerSize:]
	id := binary.BigEndian.Uint32(header[1:])
	aead, known := k.keys.Load().byID[id]
	if !known {
		return nil, fmt.Errorf("%w: key %d", ErrUnknownKey, id)
	}
	return open(aead, box, additionalData(header, at))
}

// Stale reports whether the value was sealed by another key than the one that seals now. A caller who has just opened such a value should seal
// it anew.
func (k *Keyring) Stale(sealed []byte) bool {
	return len(sealed) < headerSize || sealed[0] != version ||
		binary.BigEndian.Uint32(sealed[1:headerSize]) != k.keys.Load().primary
}

func newAEAD(secret []byte) (cipher.AEAD, error) {
	// AES itself would also take 16 and 24 bytes: a shortened secret must not pass for a key.
	if len(secret) != SecretSize {
		return nil, fmt.Errorf("secret has %d bytes, want %d", len(secret), SecretSize)
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// open is the core that published test vectors run through: box is nonce ‖ ciphertext ‖ tag.
func open(aead cipher.AEAD, box, data []byte) ([]byte, error) {
	plaintext, err := aead.Open(nil, nil, box, data)
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

// additionalData encodes what is authenticated but not stored with the value. Each name carries its length, because plain concatenation would
// make ("user", "phone_x") and ("user_phone", "x") one place.
func additionalData(header []byte, at Place) []byte {
	data := make([]byte, 0, len(header)+12+len(at.Table)+len(at.Column)+len(at.Row))
	data = append(data, header...)
	for _, name := range [...]string{at.Table, at.Column, at.Row} {
		data = binary.BigEndian.AppendUint32(data, uint32(len(name)))
		data = append(data, name...)
	}
	return data
}
