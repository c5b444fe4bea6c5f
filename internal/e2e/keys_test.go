package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSigningKeyRotatesUnderARunningServer: nobody who is signed in notices. The server looks at the
// key file every ten seconds, hence the time this takes.
func TestSigningKeyRotatesUnderARunningServer(t *testing.T) {
	t.Parallel()
	s := settings{"DATA": t.TempDir(), "RATE_LIMITS": "off"}
	p := start(t, s)
	fake := p.url() + "/fakewechat"
	path := filepath.Join(s["DATA"], "dev-keys.json")
	before := logIn(t, p.url(), fake, "alice")
	old := keyOf(t, before.token)
	require.Equal(t, []string{old}, published(t, p.url()))

	rotated := run(t, command(s, "keys", "rotate", "signing"))
	require.Zero(t, rotated.code, rotated.stderr)
	eventually(t, func() bool { return len(published(t, p.url())) == 2 }, "both keys are published")
	waiting := logIn(t, p.url(), fake, "bob")
	require.Equal(t, old, keyOf(t, waiting.token), "a key was used before others could read it")
	must(t, p.url(), before.token, me, nil)

	// A day passes: in the file, since the server's clock cannot be moved from outside.
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, aDayLater(t, text), 0o600))
	after := logIn(t, p.url(), fake, "carol")
	eventually(t, func() bool {
		next := must(t, p.url(), "", refreshToken, map[string]any{"token": after.refresh})
		after.token, after.refresh = next.text("refreshToken.token"), next.text("refreshToken.refreshToken")
		return keyOf(t, after.token) != old
	}, "the new key signs")
	require.Len(t, published(t, p.url()), 2)
	for _, person := range []login{before, waiting, after} {
		must(t, p.url(), person.token, me, nil)
		must(t, p.url(), "", refreshToken, map[string]any{"token": person.refresh})
	}
}

// published lists the ids of the keys in the JWKS.
func published(t *testing.T, base string) (ids []string) {
	t.Helper()
	r := get(t, base+"/.well-known/jwks.json")
	require.Equal(t, http.StatusOK, r.status)
	var set struct{ Keys []struct{ Kid string } }
	require.NoError(t, json.Unmarshal([]byte(r.body), &set))
	for _, key := range set.Keys {
		ids = append(ids, key.Kid)
	}
	return ids
}

// keyOf is the id of the key that signed a token.
func keyOf(t *testing.T, token string) string {
	t.Helper()
	first, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	require.NoError(t, err)
	var header struct{ Kid string }
	require.NoError(t, json.Unmarshal(text, &header))
	require.NotEmpty(t, header.Kid)
	return header.Kid
}

// aDayLater is a key file with a waiting signing key as it would look had it been made a day ago.
func aDayLater(t *testing.T, text []byte) []byte {
	t.Helper()
	var file map[string]any
	require.NoError(t, json.Unmarshal(text, &file))
	signing, _ := file["signing"].([]any)
	require.Len(t, signing, 2)
	for _, key := range signing {
		key, _ := key.(map[string]any)
		from, err := time.Parse(time.RFC3339, key["signFrom"].(string))
		require.NoError(t, err)
		key["signFrom"] = from.Add(-24*time.Hour - time.Minute).Format(time.RFC3339)
	}
	text, err := json.Marshal(file)
	require.NoError(t, err)
	return text
}
