// Package token owns the two credentials of a session: the short access token that anybody can check without asking us, and the refresh token
// that only we can check.
//
// The access token is a JWT signed with Ed25519 (RFC 9068, with the precautions of RFC 8725): a few minutes long, without personal data, and
// verified by one narrow profile, because the defaults of JWT libraries let too much pass. The refresh token is opaque and computed, not
// stored: a session and a counter under a MAC. So a forged one is refused without a look into the database, and the successor of a token can be
// given again to a client that lost the answer.
//
// # Key rotation
//
// A signing key is published in the JWKS before it signs, and verifies for as long as tokens signed with it may live. A [KeyRing] picks by time,
// so every replica that holds the same keys changes over at the same moment.
package token

import (
	"cmp"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

const (
	algorithm = "EdDSA"
	// mediaType keeps a token of another purpose, signed with the same keys, from passing for an access token (RFC 9068 §2.1).
	mediaType = "at+jwt"

	maxKeyID = 64 // characters in a kid; it travels in every token
)

// SigningKey is an Ed25519 key with the time it is good for. It never prints its private half.
type SigningKey struct {
	ID          string // the kid: 1–64 of A–Z a–z 0–9 . _ -
	Private     ed25519.PrivateKey
	SignFrom    time.Time // signs from this moment, until a newer key does
	VerifyUntil time.Time // its tokens are refused from this moment; zero: no end
}

// Format hides the private half from every verb of package fmt.
func (k SigningKey) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "token.SigningKey(%s)", k.ID) }

// MarshalText hides the private half from JSON, YAML and slog.
func (k SigningKey) MarshalText() ([]byte, error) { return fmt.Append(nil, k), nil }

func (k SigningKey) verifiesAt(now time.Time) bool {
	return k.VerifyUntil.IsZero() || now.Before(k.VerifyUntil)
}

func (k SigningKey) check() error {
	switch {
	case !validKeyID(k.ID):
		return fmt.Errorf("signing key: identifier must be 1–%d of A–Z a–z 0–9 . _ -", maxKeyID)
	case len(k.Private) != ed25519.PrivateKeySize:
		return fmt.Errorf("signing key %s: private key has %d bytes, want %d", k.ID, len(k.Private), ed25519.PrivateKeySize)
	case !ed25519.NewKeyFromSeed(k.Private.Seed()).Equal(k.Private):
		// Signing with a public half that is not one's own gives the private half away.
		return fmt.Errorf("signing key %s: public half does not belong to the private half", k.ID)
	}
	return nil
}

func (k SigningKey) public() ed25519.PublicKey {
	// The upper half of an Ed25519 private key is its public key (RFC 8032 §5.1.5, as package ed25519 lays it out).
	return ed25519.PublicKey(k.Private[ed25519.PrivateKeySize-ed25519.PublicKeySize:])
}

func validKeyID(id string) bool {
	return len(id) >= 1 && len(id) <= maxKeyID && !slices.ContainsFunc([]byte(id), func(c byte) bool {
		return !isAlphanumeric(c) && c != '.' && c != '_' && c != '-'
	})
}

func isAlphanumeric(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
}

// KeyRing knows which key signs and which verify at a given moment. It is safe for concurrent use.
type KeyRing struct {
	now  func() time.Time
	keys atomic.Pointer[[]ringKey] // oldest SignFrom first; never changed after it is published
}

// ringKey is a key with the first segment of its tokens.
type ringKey struct {
	SigningKey
	header string
}

// header is what the header of our access tokens says.
func header(kid string) map[string]any {
	return map[string]any{"alg": algorithm, "typ": mediaType, "kid": kid}
}

func encodedHeader(kid string) (string, error) {
	text, err := json.Marshal(header(kid))
	return base64.RawURLEncoding.EncodeToString(text), err
}

// NewKeyRing returns a ring of the keys. It refuses a bad or repeated identifier, a malformed key, and keys of which none may sign now.
func NewKeyRing(now func() time.Time, keys ...SigningKey) (*KeyRing, error) {
	if now == nil {
		return nil, errors.New("key ring: no clock")
	}
	r := &KeyRing{now: now}
	if err := r.Replace(keys...); err != nil {
		return nil, err
	}
	return r, nil
}

// Replace puts other keys in the place of the present ones, by the rules of [NewKeyRing]. On an error the present keys stay.
func (r *KeyRing) Replace(keys ...SigningKey) error {
	sorted := make([]ringKey, 0, len(keys))
	seen := make(map[string]bool, len(keys))
	for _, key := range keys {
		if err := key.check(); err != nil {
			return fmt.Errorf("key ring: %w", err)
		}
		if seen[key.ID] {
			return fmt.Errorf("key ring: two keys with identifier %s", key.ID)
		}
		seen[key.ID] = true
		segment, err := encodedHeader(key.ID)
		if err != nil {
			return fmt.Errorf("key ring: %w", err)
		}
		sorted = append(sorted, ringKey{SigningKey: key, header: segment})
	}
	// Equal times are decided by identifier, so that replicas agree however their files are ordered.
	slices.SortFunc(sorted, func(a, b ringKey) int {
		return cmp.Or(a.SignFrom.Compare(b.SignFrom), cmp.Compare(a.ID, b.ID))
	})
	if _, found := signerAt(sorted, r.now()); !found {
		return errors.New("key ring: no key may sign now")
	}
	r.keys.Store(&sorted)
	return nil
}

// signer returns the newest key that may sign now.
func (r *KeyRing) signer() (SigningKey, bool) { return signerAt(*r.keys.Load(), r.now()) }

func signerAt(sorted []ringKey, now time.Time) (SigningKey, bool) {
	for _, key := range slices.Backward(sorted) {
		if !key.SignFrom.After(now) && key.verifiesAt(now) {
			return key.SigningKey, true
		}
	}
	return SigningKey{}, false
}

// verifier returns the public key whose tokens begin with that segment, while they are good. Only the very text that we write is found: another
// algorithm, type or kid, a member more or twice, or another spelling of the same has no key. A key that does not sign yet verifies already,
// because another replica's clock may be ahead of ours.
func (r *KeyRing) verifier(segment string) (ed25519.PublicKey, bool) {
	for _, key := range *r.keys.Load() {
		if key.header == segment && key.verifiesAt(r.now()) {
			return key.public(), true
		}
	}
	return nil, false
}

type jwk struct {
	KeyType   string `json:"kty"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	ID        string `json:"kid"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
}

// JWKS returns the JSON Web Key Set (RFC 7517, RFC 8037) of every key that verifies now, those that are yet to sign included, so that other
// services know a key before they meet it. The order is that of SignFrom and stays.
func (r *KeyRing) JWKS() []byte {
	now, set := r.now(), struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, key := range *r.keys.Load() {
		if key.verifiesAt(now) {
			x := base64.RawURLEncoding.EncodeToString(key.public())
			set.Keys = append(set.Keys, jwk{KeyType: "OKP", Curve: "Ed25519", X: x, ID: key.ID, Use: "sig", Algorithm: "EdDSA"})
		}
	}
	out, err := json.Marshal(set)
	if err != nil {
		panic(err) // six strings always marshal
	}
	return out
}

// Format hides the keys from every verb of package fmt.
func (r *KeyRing) Format(s fmt.State, _ rune) { fmt.Fprint(s, "token.KeyRing") }
