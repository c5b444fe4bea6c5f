package seal_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mpauth/internal/seal"
)

// key returns a key whose secret differs for each identifier.
func key(id uint32) seal.Key {
	secret := bytes.Repeat([]byte("secret! "), 4)
	binary.BigEndian.PutUint32(secret, id)
	return seal.Key{ID: id, Secret: secret}
}

func keyring(t testing.TB, keys ...seal.Key) *seal.Keyring {
	t.Helper()
	k, err := seal.NewKeyring(keys...)
	require.NoError(t, err)
	return k
}

func phoneOf(row string) seal.Place {
	return seal.Place{Table: "users", Column: "phone_sealed", Row: row}
}

func TestSealedValueOpensAtItsPlace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k, err := seal.NewKeyring(key(rapid.Uint32Min(1).Draw(t, "id")))
		require.NoError(t, err)
		plaintext := rapid.SliceOf(rapid.Byte()).Draw(t, "plaintext")
		at := seal.Place{
			Table:  rapid.String().Draw(t, "table"),
			Column: rapid.String().Draw(t, "column"),
			Row:    rapid.String().Draw(t, "row"),
		}
		sealed := k.Seal(plaintext, at)
		opened, err := k.Open(sealed, at)
		require.NoError(t, err)
		require.True(t, bytes.Equal(plaintext, opened))
		require.Len(t, sealed, len(plaintext)+33)
		require.False(t, k.Stale(sealed))
	})
}

func TestDifferentPlacesNeverShareAValue(t *testing.T) {
	t.Parallel()
	k := keyring(t, key(1))
	// A small alphabet makes names whose plain concatenation is equal likely.
	name := rapid.StringOfN(rapid.SampledFrom([]rune{'a', 'b', '|', 0}), 0, 4, -1)
	place := rapid.Custom(func(t *rapid.T) seal.Place {
		return seal.Place{Table: name.Draw(t, "table"), Column: name.Draw(t, "column"), Row: name.Draw(t, "row")}
	})
	rapid.Check(t, func(t *rapid.T) {
		here, there := place.Draw(t, "here"), place.Draw(t, "there")
		_, err := k.Open(k.Seal([]byte("value"), here), there)
		if here == there {
			require.NoError(t, err)
		} else {
			require.Equal(t, seal.ErrOpen, err)
		}
	})
}

func TestPlaceSwapIsRefused(t *testing.T) {
	t.Parallel()
	k := keyring(t, key(1))
	sealed := k.Seal([]byte("+8613800000000"), seal.Place{Table: "users", Column: "phone", Row: "7"})
	for _, at := range []seal.Place{
		{Table: "users", Column: "phone", Row: "8"},
		{Table: "users", Column: "nickname", Row: "7"},
		{Table: "identities", Column: "phone", Row: "7"},
		{Table: "usersphone", Column: "", Row: "7"},
		{Table: "user", Column: "sphone", Row: "7"},
		{Table: "users", Column: "phone7", Row: ""},
		{},
	} {
		_, err := k.Open(sealed, at)
		require.Equal(t, seal.ErrOpen, err, "%+v", at)
	}
}

func TestEveryTamperedBitIsRefused(t *testing.T) {
	t.Parallel()
	k := keyring(t, key(0x01020304))
	sealed := k.Seal([]byte("session key 0123"), phoneOf("7"))
	for i := range sealed {
		for bit := range 8 {
			forged := bytes.Clone(sealed)
			forged[i] ^= 1 << bit
			opened, err := k.Open(forged, phoneOf("7"))
			if i >= 1 && i <= 4 {
				require.ErrorIs(t, err, seal.ErrUnknownKey, "byte %d", i)
			} else {
				require.Equal(t, seal.ErrOpen, err, "byte %d", i)
			}
			require.Nil(t, opened)
		}
	}
}

func TestCutOrExtendedValueIsRefused(t *testing.T) {
	t.Parallel()
	k := keyring(t, key(1))
	sealed := k.Seal([]byte("session key 0123"), phoneOf("7"))
	for n := range sealed {
		_, err := k.Open(sealed[:n], phoneOf("7"))
		require.Equal(t, seal.ErrOpen, err, "first %d bytes", n)
	}
	_, err := k.Open(append(bytes.Clone(sealed), 0), phoneOf("7"))
	require.Equal(t, seal.ErrOpen, err)
}

// Two identifiers with one secret: only the authentication of the header can refuse the exchanged identifier.
func TestKeyIdentifierIsAuthenticated(t *testing.T) {
	t.Parallel()
	k := keyring(t, key(1), seal.Key{ID: 2, Secret: key(1).Secret})
	sealed := k.Seal([]byte("value"), phoneOf("7"))
	sealed[4] = 2
	_, err := k.Open(sealed, phoneOf("7"))
	require.Equal(t, seal.ErrOpen, err)
}

func TestRotation(t *testing.T) {
	t.Parallel()
	k := keyring(t, key(1))
	old := k.Seal([]byte("old"), phoneOf("7"))

	require.NoError(t, k.Replace(key(2), key(1)))
	require.True(t, k.Stale(old), "sealed by a key that is no longer the first")
	opened, err := k.Open(old, phoneOf("7"))
	require.NoError(t, err)
	resealed := k.Seal(opened, phoneOf("7"))
	require.False(t, k.Stale(resealed))

	require.NoError(t, k.Replace(key(2)))
	opened, err = k.Open(resealed, phoneOf("7"))
	require.NoError(t, err)
	require.Equal(t, "old", string(opened))
	_, err = k.Open(old, phoneOf("7"))
	require.ErrorIs(t, err, seal.ErrUnknownKey)
	require.NotErrorIs(t, err, seal.ErrOpen, "an operator must be able to tell a missing key from a damaged value")
	require.ErrorContains(t, err, "key 1")
}

func TestStaleOfSomethingElse(t *testing.T) {
	t.Parallel()
	k := keyring(t, key(1))
	for _, value := range [][]byte{nil, {1}, {1, 0, 0, 0}, []byte("plain text of an old version")} {
		require.True(t, k.Stale(value), "%q", value)
	}
}

func TestKeyringRefusesBadKeysAndKeepsTheOldOnes(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]seal.Key{
		"no keys":           {},
		"identifier 0":      {{ID: 0, Secret: key(1).Secret}},
		"identifier twice":  {key(1), key(2), {ID: 1, Secret: key(3).Secret}},
		"empty secret":      {{ID: 9}},
		"AES-128 secret":    {{ID: 9, Secret: key(9).Secret[:16]}},
		"AES-192 secret":    {{ID: 9, Secret: key(9).Secret[:24]}},
		"33 bytes":          {{ID: 9, Secret: append(key(9).Secret, 0)}},
		"bad key is second": {key(1), {ID: 9, Secret: key(9).Secret[:31]}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := seal.NewKeyring(keys...)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "secret!")

			k := keyring(t, key(7))
			sealed := k.Seal([]byte("value"), phoneOf("7"))
			require.Error(t, k.Replace(keys...))
			_, err = k.Open(sealed, phoneOf("7"))
			require.NoError(t, err)
			require.False(t, k.Stale(sealed))
		})
	}
}

// What one set of keys sealed must open while, and after, another takes its place.
func TestReplaceDuringTraffic(t *testing.T) {
	t.Parallel()
	k := keyring(t, key(1))
	var traffic sync.WaitGroup
	for range 4 {
		traffic.Go(func() {
			for range 500 {
				if _, err := k.Open(k.Seal([]byte("value"), phoneOf("7")), phoneOf("7")); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 200 {
		require.NoError(t, k.Replace(key(2), key(1)))
		require.NoError(t, k.Replace(key(1), key(2)))
	}
	traffic.Wait()
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	secret := key(1)
	index, err := seal.NewIndex(secret.Secret)
	require.NoError(t, err)
	for name, value := range map[string]any{
		"key": secret, "pointer": &secret, "slice": []seal.Key{secret}, "field": struct{ K seal.Key }{secret},
		"keyring": keyring(t, secret), "index": index, "copied index": *index,
	} {
		requireHidden(t, name, value, secret.Secret)
	}
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
		string(secret[8:16]), hex.EncodeToString(secret[8:16]), base64.StdEncoding.EncodeToString(secret[9:15]),
		fmt.Sprintf("%X", secret[8:16]), fmt.Sprintf("%d", secret[8:11])[1:], fmt.Sprintf("%#v", secret[8:11])[7:20],
	} {
		require.False(t, strings.Contains(out.String(), form), "%s shows a secret as %s", name, form)
	}
}

func BenchmarkSeal(b *testing.B) {
	k, value, at := keyring(b, key(1)), make([]byte, 64), phoneOf("01890a5d-ac96-774b-bcce-b302099a8057")
	b.ReportAllocs()
	for b.Loop() {
		k.Seal(value, at)
	}
}

func BenchmarkOpen(b *testing.B) {
	k, at := keyring(b, key(1)), phoneOf("01890a5d-ac96-774b-bcce-b302099a8057")
	sealed := k.Seal(make([]byte, 64), at)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Open(sealed, at); err != nil {
			b.Fatal(err)
		}
	}
}
