package seal

import (
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/stretchr/testify/require"
)

// hexBytes is how the vector files write binary values.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

type aeadVectors struct {
	TestGroups []struct {
		IVSize, KeySize, TagSize int
		Tests                    []struct {
			TcID                       int
			Comment, Result            string
			Key, IV, AAD, Msg, Ct, Tag hexBytes
		}
	}
}

// The published AES-GCM vectors, through the same core that opens our values: what is valid opens to the message, all else is ErrOpen; nonces
// of another size than ours never open, and keys of another size are never accepted.
func TestWycheproofAESGCM(t *testing.T) {
	t.Parallel()
	raw, err := fs.ReadFile(wycheproof.TestVectors, "aes_gcm_test.json")
	require.NoError(t, err)
	var vectors aeadVectors
	require.NoError(t, json.Unmarshal(raw, &vectors))

	opened, refused, otherNonce, otherKey := 0, 0, 0, 0
	for _, group := range vectors.TestGroups {
		require.Equal(t, 128, group.TagSize)
		for _, v := range group.Tests {
			aead, err := newAEAD(v.Key)
			if group.KeySize != 256 {
				require.Error(t, err, "vector %d: AES-%d accepted", v.TcID, group.KeySize)
				otherKey++
				continue
			}
			require.NoError(t, err)
			box := append(append(append([]byte{}, v.IV...), v.Ct...), v.Tag...)
			plaintext, err := open(aead, box, v.AAD)
			switch {
			case group.IVSize == 96 && v.Result == "valid":
				require.NoError(t, err, "vector %d: %s", v.TcID, v.Comment)
				require.Equal(t, hex.EncodeToString(v.Msg), hex.EncodeToString(plaintext), "vector %d", v.TcID)
				opened++
			case group.IVSize == 96:
				require.Equal(t, ErrOpen, err, "vector %d: %s", v.TcID, v.Comment)
				require.Nil(t, plaintext)
				refused++
			default:
				require.Equal(t, ErrOpen, err, "vector %d: nonce of %d bits", v.TcID, group.IVSize)
				otherNonce++
			}
		}
	}
	// A renamed field in the vector file would otherwise leave nothing tested.
	require.Greater(t, opened, 30)
	require.Greater(t, refused, 20)
	require.Greater(t, otherNonce, 30)
	require.Greater(t, otherKey, 150)
}
