package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync/atomic"

	"github.com/google/uuid"
)

const (
	refreshSecretSize = 32
	refreshVersion    = 1
	refreshPurpose    = "mpauth refresh v1"

	refreshBody = 1 + 4 + 16 + 8 // version, master key, session, counter
	refreshSize = refreshBody + sha256.Size
)

// RefreshKey is a master key that refresh tokens are authenticated with. It never prints its secret.
type RefreshKey struct {
	ID     uint32 // not 0; stands in clear in each token
	Secret []byte // 32 bytes
}

// Format hides the secret from every verb of package fmt.
func (k RefreshKey) Format(s fmt.State, _ rune) { fmt.Fprintf(s, "token.RefreshKey(%d)", k.ID) }

// MarshalText hides the secret from JSON, YAML and slog.
func (k RefreshKey) MarshalText() ([]byte, error) { return fmt.Append(nil, k), nil }

// Refresh makes and checks refresh tokens. It is safe for concurrent use.
//
// A token is base64url(version (1) ‖ master key identifier (4) ‖ session (16) ‖ counter (8) ‖ MAC (32)), 82 characters. The MAC is
// HMAC-SHA-256 over all before it, with a key of its own for each session: HMAC-SHA-256(master key, "mpauth refresh v1" ‖ session). Numbers are
// big endian. The database stores the session's present counter, never a token; whether a counter is good is the caller's to judge.
type Refresh struct {
	keys atomic.Pointer[refreshKeys]
}

// refreshKeys is never changed after it is published, so readers need no lock.
type refreshKeys struct {
	primary uint32
	secrets map[uint32][]byte
}

// NewRefresh returns a Refresh whose first key mints and whose keys all verify. It refuses an empty list, a secret that is not 32 bytes, the
// identifier 0 and an identifier used twice.
func NewRefresh(keys ...RefreshKey) (*Refresh, error) {
	r := &Refresh{}
	if err := r.Replace(keys...); err != nil {
		return nil, err
	}
	return r, nil
}

// Replace puts other keys in the place of the present ones, by the rules of [NewRefresh]. On an error the present keys stay.
func (r *Refresh) Replace(keys ...RefreshKey) error {
	if len(keys) == 0 {
		return errors.New("refresh tokens: no keys")
	}
	set := &refreshKeys{primary: keys[0].ID, secrets: make(map[uint32][]byte, len(keys))}
	for _, key := range keys {
		if key.ID == 0 {
			return errors.New("refresh tokens: key with identifier 0")
		}
		if len(key.Secret) != refreshSecretSize {
			return fmt.Errorf("refresh tokens: key %d: secret has %d bytes, want %d", key.ID, len(key.Secret), refreshSecretSize)
		}
		if _, twice := set.secrets[key.ID]; twice {
			return fmt.Errorf("refresh tokens: two keys with identifier %d", key.ID)
		}
		set.secrets[key.ID] = append([]byte(nil), key.Secret...)
	}
	r.keys.Store(set)
	return nil
}

// Mint returns the token of a session at a counter, which must be 0 or more. It is a pure function of its arguments and the first key: a client
// that lost an answer gets the same token again. After the first key has been replaced in between, it gets another text that means the same,
// and both are good.
func (r *Refresh) Mint(session uuid.UUID, counter int64) string {
	set := r.keys.Load()
	token := make([]byte, 0, refreshSize)
	token = append(token, refreshVersion)
	token = binary.BigEndian.AppendUint32(token, set.primary)
	token = append(token, session[:]...)
	token = binary.BigEndian.AppendUint64(token, uint64(counter))
	token = append(token, refreshMAC(set.secrets[set.primary], session, token)...)
	return base64.RawURLEncoding.EncodeToString(token)
}

// Verify returns the session and counter of a token that we minted. Its only error is [ErrInvalid].
func (r *Refresh) Verify(raw string) (session uuid.UUID, counter int64, err error) {
	// The length goes first: with it no line break, which the decoder would skip, and no padding can hide, and nothing long is decoded.
	if len(raw) != base64.RawURLEncoding.EncodedLen(refreshSize) {
		return uuid.Nil, 0, ErrInvalid
	}
	token, err := base64.RawURLEncoding.Strict().DecodeString(raw)
	if err != nil || len(token) != refreshSize || token[0] != refreshVersion {
		return uuid.Nil, 0, ErrInvalid
	}
	secret, known := r.keys.Load().secrets[binary.BigEndian.Uint32(token[1:])]
	if !known {
		return uuid.Nil, 0, ErrInvalid
	}
	body, mac := token[:refreshBody], token[refreshBody:]
	session = uuid.UUID(body[5:21])
	number := binary.BigEndian.Uint64(body[21:])
	if !hmac.Equal(mac, refreshMAC(secret, session, body)) || number > math.MaxInt64 {
		return uuid.Nil, 0, ErrInvalid
	}
	return session, int64(number), nil
}

func refreshMAC(master []byte, session uuid.UUID, body []byte) []byte {
	derive := hmac.New(sha256.New, master)
	derive.Write([]byte(refreshPurpose))
	derive.Write(session[:])
	mac := hmac.New(sha256.New, derive.Sum(nil))
	mac.Write(body)
	return mac.Sum(nil)
}

// Format hides the keys from every verb of package fmt.
func (r *Refresh) Format(s fmt.State, _ rune) { fmt.Fprint(s, "token.Refresh") }
