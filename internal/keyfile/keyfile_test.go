package keyfile_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/internal/keyfile"
	"mpauth/internal/seal"
	"mpauth/internal/token"
)

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func overlap() keyfile.Overlap {
	return keyfile.Overlap{AccessTTL: 10 * time.Minute, Leeway: 5 * time.Second}
}

// counter fills the first request with ones, the second with twos, and so on: every key differs, and files are repeatable.
type counter struct{ n byte }

func (c *counter) Read(p []byte) (int, error) {
	c.n++
	for i := range p {
		p[i] = c.n
	}
	return len(p), nil
}

func generate(t testing.TB, random *counter) *keyfile.File {
	t.Helper()
	f, err := keyfile.Generate(start(), random, false)
	require.NoError(t, err)
	return f
}

// created returns new keys in a file of their own.
func created(t testing.TB, random *counter) (*keyfile.File, string) {
	t.Helper()
	f, path := generate(t, random), filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, f.Create(path))
	return f, path
}

func load(t testing.TB, path string) *keyfile.File {
	t.Helper()
	f, err := keyfile.Load(path)
	require.NoError(t, err)
	return f
}

func write(t testing.TB, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// The format, byte for byte. Files of this version exist in the world: whatever changes here must still read them.
const golden = `{
  "version": 1,
  "signing": [
    {
      "id": "20260301-01010101",
      "created": "2026-03-01T12:00:00Z",
      "signFrom": "2026-03-01T12:00:00Z",
      "seed": "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="
    }
  ],
  "refresh": [
    {
      "id": 50529027,
      "created": "2026-03-01T12:00:00Z",
      "useFrom": "2026-03-01T12:00:00Z",
      "secret": "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ="
    }
  ],
  "session": [
    {
      "id": 84215045,
      "created": "2026-03-01T12:00:00Z",
      "useFrom": "2026-03-01T12:00:00Z",
      "secret": "BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY="
    }
  ],
  "phone": [
    {
      "id": 117901063,
      "created": "2026-03-01T12:00:00Z",
      "useFrom": "2026-03-01T12:00:00Z",
      "secret": "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg="
    }
  ],
  "phoneIndex": {
    "created": "2026-03-01T12:00:00Z",
    "secret": "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="
  },
  "audit": {
    "created": "2026-03-01T12:00:00Z",
    "secret": "CgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgo="
  }
}
`

func TestFormat(t *testing.T) {
	t.Parallel()
	_, path := created(t, &counter{})
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, golden, string(raw))
}

func TestLoadReadsWhatWasWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	write(t, path, golden)
	f := load(t, path)

	signing := f.SigningKeys()
	require.Len(t, signing, 1)
	require.Equal(t, "20260301-01010101", signing[0].ID)
	require.Equal(t, bytes.Repeat([]byte{2}, 32), signing[0].Private.Seed())
	require.Equal(t, start(), signing[0].SignFrom)
	require.True(t, signing[0].VerifyUntil.IsZero())
	require.Equal(t, []token.RefreshKey{{ID: 0x03030303, Secret: bytes.Repeat([]byte{4}, 32)}}, f.RefreshKeys(start()))
	require.Equal(t, []seal.Key{{ID: 0x05050505, Secret: bytes.Repeat([]byte{6}, 32)}}, f.SessionKeys(start()))
	require.Equal(t, []seal.Key{{ID: 0x07070707, Secret: bytes.Repeat([]byte{8}, 32)}}, f.PhoneKeys(start()))
	require.Equal(t, bytes.Repeat([]byte{9}, 32), f.PhoneIndex())
	require.Equal(t, bytes.Repeat([]byte{10}, 32), f.Audit())
	require.False(t, f.Development())
}

// The keys of a new file serve at once, each ring as its package builds it.
func TestGeneratedKeysServe(t *testing.T) {
	t.Parallel()
	f := generate(t, &counter{})
	now := func() time.Time { return start() }

	ring, err := token.NewKeyRing(now, f.SigningKeys()...)
	require.NoError(t, err)
	access, err := token.NewAccess(token.AccessOptions{Issuer: "i", Audience: "a", TTL: time.Minute, Keys: ring, Now: now})
	require.NoError(t, err)
	raw, _, err := access.Mint("user", "app", "session", 0)
	require.NoError(t, err)
	_, err = access.Verify(raw)
	require.NoError(t, err)

	refresh, err := token.NewRefresh(f.RefreshKeys(start())...)
	require.NoError(t, err)
	_, _, err = refresh.Verify(refresh.Mint(uuid.Max, 1))
	require.NoError(t, err)

	sessions, err := seal.NewKeyring(f.SessionKeys(start())...)
	require.NoError(t, err)
	phones, err := seal.NewKeyring(f.PhoneKeys(start())...)
	require.NoError(t, err)
	_, err = phones.Open(sessions.Seal([]byte("value"), seal.Place{}), seal.Place{})
	require.ErrorIs(t, err, seal.ErrUnknownKey, "the keyrings are separate")

	_, err = seal.NewIndex(f.PhoneIndex())
	require.NoError(t, err)
}

func TestDevelopmentKeysAreMarked(t *testing.T) {
	t.Parallel()
	f, err := keyfile.Generate(start(), &counter{}, true)
	require.NoError(t, err)
	require.True(t, f.Development())
	require.Equal(t, "dev-20260301-01010101", f.SigningKeys()[0].ID)

	require.NoError(t, f.Rotate(keyfile.Signing, start(), &counter{n: 100}, overlap()))
	for _, key := range f.SigningKeys() {
		require.True(t, strings.HasPrefix(key.ID, "dev-"), "rotation must not launder development keys")
	}
	require.False(t, generate(t, &counter{}).Development())
}

func TestGenerateNeedsRandomness(t *testing.T) {
	t.Parallel()
	f, err := keyfile.Generate(start(), iotest.ErrReader(errors.New("no randomness")), false)
	require.ErrorContains(t, err, "no randomness")
	require.Nil(t, f)
	for n := range int64(200) {
		_, err := keyfile.Generate(start(), &atMost{n: n}, false)
		require.Error(t, err, "%d bytes of randomness are too few", n)
	}
}

// atMost is randomness that ends.
type atMost struct {
	n    int64
	next counter
}

func (a *atMost) Read(p []byte) (int, error) {
	if a.n < int64(len(p)) {
		return 0, errors.New("no more randomness")
	}
	a.n -= int64(len(p))
	return a.next.Read(p)
}

func TestSummaryTellsNoSecret(t *testing.T) {
	t.Parallel()
	f := generate(t, &counter{})
	require.NoError(t, f.Rotate(keyfile.Signing, start(), &counter{n: 100}, overlap()))
	require.NoError(t, f.Rotate(keyfile.Phone, start(), &counter{n: 110}, overlap()))
	require.Equal(t, []string{
		"signing 20260301-65656565 waiting 2026-03-02T12:00:00Z –",
		"signing 20260301-01010101 in use 2026-03-01T12:00:00Z 2026-03-02T12:10:05Z",
		"refresh 50529027 in use 2026-03-01T12:00:00Z –",
		"session 84215045 in use 2026-03-01T12:00:00Z –",
		"phone 1869573999 waiting 2026-03-02T12:00:00Z –",
		"phone 117901063 in use 2026-03-01T12:00:00Z –",
		"phoneIndex  in use 2026-03-01T12:00:00Z –",
		"audit  in use 2026-03-01T12:00:00Z –",
	}, lines(f.Summary(start())))
	require.Equal(t, []string{
		"signing 20260301-65656565 in use 2026-03-02T12:00:00Z –",
		"signing 20260301-01010101 old 2026-03-01T12:00:00Z 2026-03-02T12:10:05Z",
	}, lines(f.Summary(start().Add(24 * time.Hour)))[:2])
	require.Equal(t, []string{
		"phone 1869573999 in use 2026-03-02T12:00:00Z –",
		"phone 117901063 old 2026-03-01T12:00:00Z –",
	}, lines(f.Summary(start().Add(24 * time.Hour)))[4:6])
	require.Equal(t, "signing 20260301-01010101 retired 2026-03-01T12:00:00Z 2026-03-02T12:10:05Z",
		lines(f.Summary(start().Add(24*time.Hour + 10*time.Minute + 5*time.Second)))[1])
}

func lines(entries []keyfile.Entry) (out []string) {
	for _, e := range entries {
		until := "–"
		if !e.Until.IsZero() {
			until = e.Until.Format(time.RFC3339)
		}
		out = append(out, fmt.Sprintf("%s %s %s %s %s", e.Kind, e.ID, e.State, e.From.Format(time.RFC3339), until))
	}
	return out
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	f := generate(t, &counter{n: 0x70})
	var out bytes.Buffer
	for _, value := range []any{f, *f, []*keyfile.File{f}, struct{ F *keyfile.File }{f}, f.Summary(start())} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
		text, err := json.Marshal(value)
		require.NoError(t, err)
		out.Write(text)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "value", value)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "value", value)
	}
	for _, secret := range secretsOf(f) {
		for _, form := range []string{
			string(secret[:8]), hex.EncodeToString(secret[:8]), base64.StdEncoding.EncodeToString(secret[:9]),
			strings.Trim(fmt.Sprintf("%d", secret[:8]), "[]"), strings.TrimPrefix(fmt.Sprintf("%#v", secret[:8]), "[]byte{")[:30],
		} {
			require.False(t, strings.Contains(out.String(), form), "a secret shows as %s", form)
		}
	}
}

func secretsOf(f *keyfile.File) [][]byte {
	return [][]byte{
		f.SigningKeys()[0].Private.Seed(), f.RefreshKeys(start())[0].Secret, f.SessionKeys(start())[0].Secret, f.PhoneKeys(start())[0].Secret,
		f.PhoneIndex(), f.Audit(),
	}
}
