package token_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/token"
)

const (
	issuer   = "https://auth.example.cn"
	audience = "https://api.example.cn"
	user     = "0198b5a2-7c1e-7d33-9b0a-3f1f5f3c2a10"
	appID    = "wx0123456789abcdef"
	session  = "0198b5a2-7c1e-7d33-9b0a-3f1f5f3c2a11"
	ttl      = 10 * time.Minute
	leeway   = 5 * time.Second
)

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// clock is a time that a test moves.
type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

// signingKey returns a key that differs for each number and signs from an hour before start.
func signingKey(id string, number byte) token.SigningKey {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{number}, ed25519.SeedSize))
	return token.SigningKey{ID: id, Private: private, SignFrom: start().Add(-time.Hour)}
}

func publicOf(key token.SigningKey) ed25519.PublicKey {
	return key.Private.Public().(ed25519.PublicKey)
}

// zeros makes token identifiers repeatable.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func keyRing(t testing.TB, c *clock, keys ...token.SigningKey) *token.KeyRing {
	t.Helper()
	ring, err := token.NewKeyRing(c.now, keys...)
	require.NoError(t, err)
	return ring
}

func options(t testing.TB, c *clock) token.AccessOptions {
	t.Helper()
	return token.AccessOptions{
		Issuer: issuer, Audience: audience, TTL: ttl, Leeway: leeway, Keys: keyRing(t, c, signingKey("k1", 1)), Now: c.now, Rand: zeros{},
	}
}

func access(t testing.TB, o token.AccessOptions) *token.Access {
	t.Helper()
	a, err := token.NewAccess(o)
	require.NoError(t, err)
	return a
}

func mint(t testing.TB, a *token.Access) string {
	t.Helper()
	raw, _, err := a.Mint(user, appID, session, 3)
	require.NoError(t, err)
	return raw
}

// forge signs any header and payload with a real key, so that what is refused is refused for its content.
func forge(header, payload string, key token.SigningKey) string {
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	return text + "." + encode(ed25519.Sign(key.Private, []byte(text)))
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(t testing.TB, segment string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(segment)
	require.NoError(t, err)
	return string(b)
}

const goodHeader = `{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}`

// goodPayload is what [token.Access.Mint] writes at start, as a template for what it would not write.
func goodPayload() string {
	return fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":%q,"client_id":%q,"sid":%q,"jti":"00000000-0000-4000-8000-000000000000","ver":3,"iat":%d,"exp":%d}`,
		issuer, audience, user, appID, session, start().Unix(), start().Add(ttl).Unix())
}

// with returns the good payload with one piece of text replaced.
func with(t testing.TB, old, replacement string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(goodPayload(), old), "template has no single %s", old)
	return strings.Replace(goodPayload(), old, replacement, 1)
}

// requireHidden prints a value in every way a log line might, and looks for the secret in each way it might show.
func requireHidden(t *testing.T, name string, value any, secret []byte) {
	t.Helper()
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o"} {
		fmt.Fprintf(&out, verb+"\n", value)
	}
	text, err := json.Marshal(value)
	require.NoError(t, err)
	out.Write(text)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", value)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", value)
	for _, form := range []string{
		string(secret[:8]), hex.EncodeToString(secret[:8]), fmt.Sprintf("%X", secret[:8]), base64.StdEncoding.EncodeToString(secret[:6]),
		strings.Trim(fmt.Sprintf("%d", secret[:4]), "[]"), strings.TrimPrefix(fmt.Sprintf("%#v", secret[:4]), "[]byte{")[:16],
	} {
		require.False(t, strings.Contains(out.String(), form), "%s shows a secret as %s", name, form)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	c := &clock{at: start()}
	signing := signingKey("k1", 0xa7)
	master := token.RefreshKey{ID: 1, Secret: bytes.Repeat([]byte("master! "), 4)}
	binary.BigEndian.PutUint32(master.Secret, 0xdeadbeef)
	refresh, err := token.NewRefresh(master)
	require.NoError(t, err)
	o := options(t, c)
	o.Keys = keyRing(t, c, signing)
	for name, value := range map[string]any{
		"signing key": signing, "pointer": &signing, "slice": []token.SigningKey{signing}, "ring": o.Keys,
	} {
		requireHidden(t, name, value, signing.Private.Seed())
	}
	for name, value := range map[string]any{
		"refresh key": master, "slice": []token.RefreshKey{master}, "field": struct{ K token.RefreshKey }{master}, "refresh": refresh,
	} {
		requireHidden(t, name, value, master.Secret)
	}
}
