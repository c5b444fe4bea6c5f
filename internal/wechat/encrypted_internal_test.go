package wechat

import (
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/stretchr/testify/require"
)

// Wycheproof's AES-CBC-PKCS5 vectors for 128-bit keys, with their 48 ways of bad padding.
func TestDecryptCBCWycheproof(t *testing.T) {
	t.Parallel()
	file, err := fs.ReadFile(wycheproof.TestVectors, "aes_cbc_pkcs5_test.json")
	require.NoError(t, err)
	var vectors struct {
		TestGroups []struct {
			KeySize int
			Tests   []struct {
				TcID                      int
				Comment, Key, IV, Msg, Ct string
				Result                    string
			}
		}
	}
	require.NoError(t, json.Unmarshal(file, &vectors))
	fromHex := func(text string) []byte {
		decoded, err := hex.DecodeString(text)
		require.NoError(t, err)
		return decoded
	}
	valid, invalid := 0, 0
	for _, group := range vectors.TestGroups {
		if group.KeySize != 8*keySize {
			continue
		}
		for _, vector := range group.Tests {
			ciphertext := fromHex(vector.Ct)
			if len(ciphertext) == 0 {
				// Lengths are checked before.
				require.Equal(t, "invalid", vector.Result)
				continue
			}
			plaintext, ok := decryptCBC(fromHex(vector.Key), fromHex(vector.IV), ciphertext)
			require.Equal(t, vector.Result == "valid", ok, "%d: %s", vector.TcID, vector.Comment)
			if ok {
				valid++
				require.Equal(t, vector.Msg, hex.EncodeToString(plaintext), vector.TcID)
			} else {
				invalid++
				require.Len(t, plaintext, len(ciphertext))
			}
		}
	}
	require.Equal(t, 24, valid)
	require.Greater(t, invalid, 40)
}

func TestUnpadAgreesWithTheDefinition(t *testing.T) {
	t.Parallel()
	for last := range 256 {
		for wrong := -1; wrong < 16; wrong++ {
			block := make([]byte, 32)
			for i := range block {
				block[i] = byte(last)
			}
			if wrong >= 0 {
				block[31-wrong] ^= 0x80
			}
			padding := int(block[31])
			want := padding >= 1 && padding <= 16
			for i := 1; want && i <= padding; i++ {
				want = int(block[32-i]) == padding
			}
			length, ok := unpad(block)
			require.Equal(t, want, ok, "%d %d", last, wrong)
			if ok {
				require.Equal(t, 32-padding, length)
			} else {
				require.Equal(t, 32, length)
			}
		}
	}
}

// Vector D: the key of WeChat's page about the login state signature. The HMAC key is the text, not what it decodes to.
func TestSignatureKnownAnswer(t *testing.T) {
	t.Parallel()
	const key = "o0q0otL8aEzpcZL/FT9WsQ=="
	require.Equal(t, "654571f79995b2ce1e149e53c0a33dc39c0a74090db514261454e8dbe432aa0b", signature(key, `{"foo":"bar"}`))
	require.Equal(t, "46e043c5525c2d817c44be603d30837a808a1d930d038f6fdc3e62a201fed128", loginSignature(key))
	require.Equal(t, "75c022993d64e3ac224c1c9d6f2b4c6eb53f22f6c7aa6be94428577d11d12fd5", loginSignature("AAECAwQFBgcICQoLDA0ODw=="))
}
