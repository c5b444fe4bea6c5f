package seal_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"mpauth/internal/seal"
)

func index(t testing.TB, secret []byte) *seal.Index {
	t.Helper()
	x, err := seal.NewIndex(secret)
	require.NoError(t, err)
	return x
}

// The entry of a phone number is part of the stored data: another server, or a job outside of this program, must be able to compute it.
func TestIndexIsPlainHMACOfThePhone(t *testing.T) {
	t.Parallel()
	secret := bytes.Repeat([]byte{0x0b}, seal.SecretSize)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("phone|v1|+8613800000000"))
	entry := index(t, secret).Of("phone", "+8613800000000")
	require.Equal(t, mac.Sum(nil), entry)
	require.Equal(t, "421e2d02db0cd95e0cafff7c0f83b5ddc6697a860f89750feaef02d048509155", hex.EncodeToString(entry))
}

func TestIndexKeepsKindsValuesAndKeysApart(t *testing.T) {
	t.Parallel()
	x, y := index(t, key(1).Secret), index(t, key(2).Secret)
	require.Equal(t, x.Of("phone", "+8613800000000"), x.Of("phone", "+8613800000000"))
	require.NotEqual(t, x.Of("phone", "+8613800000000"), x.Of("phone", "+8613800000001"))
	require.NotEqual(t, x.Of("phone", "+8613800000000"), x.Of("openid", "+8613800000000"))
	require.NotEqual(t, x.Of("phone", "+8613800000000"), y.Of("phone", "+8613800000000"))

	part := rapid.StringOfN(rapid.SampledFrom([]rune{'|', 'v', '1', '\\', 'p'}), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		kind1, value1 := part.Draw(t, "kind1"), part.Draw(t, "value1")
		kind2, value2 := part.Draw(t, "kind2"), part.Draw(t, "value2")
		same := kind1 == kind2 && value1 == value2
		require.Equal(t, same, bytes.Equal(x.Of(kind1, value1), x.Of(kind2, value2)))
	})
	require.NotEqual(t, x.Of("a|v1|b", "c"), x.Of("a", "b|v1|c"))
	require.NotEqual(t, x.Of(`a|`, "c"), x.Of(`a\p`, "c"))
}

func TestIndexRefusesOtherSecrets(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 16, 31, 33} {
		_, err := seal.NewIndex(make([]byte, n))
		require.Error(t, err, "%d bytes", n)
	}
}

func TestIndexKeepsItsOwnCopyOfTheSecret(t *testing.T) {
	t.Parallel()
	secret := bytes.Clone(key(1).Secret)
	x := index(t, secret)
	before := x.Of("phone", "1")
	clear(secret)
	require.Equal(t, before, x.Of("phone", "1"))
}

func BenchmarkIndexOf(b *testing.B) {
	x := index(b, key(1).Secret)
	b.ReportAllocs()
	for b.Loop() {
		x.Of("phone", "+8613800000000")
	}
}
