package adminauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
)

const (
	prefix       = "ak_" // so that a scanner of repositories can find a key that was committed
	idLength     = 16    // hexadecimal digits
	randomLength = 43    // characters of base64url: 256 bits
)

// Secret is the key of an administrator: ak_, 16 hexadecimal digits that name it, _, and 256 random
// bits in base64url. It does not print itself.
type Secret struct{ text string }

// String hides the key.
func (Secret) String() string { return "[a key]" }

// GoString hides it too.
func (Secret) GoString() string { return "[a key]" }

// Reveal is the key, for the one who is to have it.
func (s Secret) Reveal() string { return s.text }

// NewSecret makes a key.
func NewSecret(random io.Reader) (Secret, error) {
	raw := make([]byte, idLength/2+sha256.Size)
	if _, err := io.ReadFull(random, raw); err != nil {
		return Secret{}, fmt.Errorf("make a key: %w", err)
	}
	return Secret{prefix + hex.EncodeToString(raw[:idLength/2]) + "_" + base64.RawURLEncoding.EncodeToString(raw[idLength/2:])}, nil
}

// id is the part that names the key.
func (s Secret) id() string { return s.text[len(prefix) : len(prefix)+idLength] }

// hash is what is stored of the key. It is a plain hash because nobody can guess 256 bits.
func (s Secret) hash() []byte {
	sum := sha256.Sum256([]byte(s.text))
	return sum[:]
}

// is tells whether the key has this hash, in the same time whatever the hash.
func (s Secret) is(hash []byte) bool { return subtle.ConstantTimeCompare(s.hash(), hash) == 1 }

// matches tells whether raw is the key. The empty key matches nothing.
func (s Secret) matches(raw string) bool {
	return s.text != "" && Secret{raw}.is(s.hash())
}

// parse reads a key that somebody shows.
func parse(raw string) (Secret, bool) {
	rest, ok := strings.CutPrefix(raw, prefix)
	if !ok || len(rest) != idLength+1+randomLength || rest[idLength] != '_' {
		return Secret{}, false
	}
	if !isID(rest[:idLength]) {
		return Secret{}, false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(rest[idLength+1:])
	return Secret{raw}, err == nil
}

// isID tells whether a text can name a key.
func isID(text string) bool {
	raw, err := hex.DecodeString(text)
	return err == nil && len(text) == idLength && hex.EncodeToString(raw) == text
}
