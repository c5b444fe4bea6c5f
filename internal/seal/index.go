package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"
)

// Index finds equal values without opening them: equal values have equal entries, and an entry tells nothing to who lacks the key. Its key must
// differ from every sealing key and must never be in the database or its backups: there are so few phone numbers that whoever has key and
// entries can try them all in an hour or two. It is safe for concurrent use.
type Index struct {
	secret []byte
}

// NewIndex returns the index of that secret, which must have [SecretSize] bytes.
func NewIndex(secret []byte) (*Index, error) {
	if len(secret) != SecretSize {
		return nil, fmt.Errorf("index: secret has %d bytes, want %d", len(secret), SecretSize)
	}
	return &Index{secret: append([]byte(nil), secret...)}, nil
}

// Of returns the entry of a value: HMAC-SHA-256 over kind|v1|value, 32 bytes. The kind keeps apart values that mean different things, "phone"
// for example. The caller brings the value into its one canonical form first, E.164 for a phone number.
func (x *Index) Of(kind, value string) []byte {
	mac := hmac.New(sha256.New, x.secret)
	// A bar inside the kind would let the end of a kind pass for the beginning of a value; the backslash keeps the escape itself unambiguous.
	kind = strings.ReplaceAll(strings.ReplaceAll(kind, `\`, `\\`), `|`, `\p`)
	mac.Write([]byte(kind + "|v1|" + value))
	return mac.Sum(nil)
}

// Format hides the secret from every verb of package fmt.
func (x Index) Format(s fmt.State, _ rune) { fmt.Fprint(s, "seal.Index") }
