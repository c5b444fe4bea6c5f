package account_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/wechat"
)

// This is the regression test of the worst that can go wrong here: somebody who does not know the
// session key forges encrypted data that says whatever number they like. CBC allows it as soon as the
// server answers differently to a bad padding than to bad content. The attack below is the textbook
// one. It must succeed against a handler that is planted here for the purpose, so that we know that
// it would, and must learn nothing from ours.

// oracle answers a ciphertext; an attacker sees only whether two answers are the same.
type oracle func(iv, ciphertext []byte) string

var errLearnedNothing = errors.New("the answers do not differ")

// forge makes a ciphertext that decrypts to plaintext under a key that only the oracle knows: block
// by block from the last, each time finding out what the key makes of a block of zeros.
func forge(ask oracle, plaintext []byte) (iv, ciphertext []byte, err error) {
	n := aes.BlockSize - len(plaintext)%aes.BlockSize
	padded := append(bytes.Clone(plaintext), bytes.Repeat([]byte{byte(n)}, n)...)
	block := make([]byte, aes.BlockSize)
	ciphertext = bytes.Clone(block)
	for at := len(padded) - aes.BlockSize; at >= 0; at -= aes.BlockSize {
		decrypted, err := decryptBlock(ask, block)
		if err != nil {
			return nil, nil, err
		}
		block = make([]byte, aes.BlockSize)
		for i := range block {
			block[i] = decrypted[i] ^ padded[at+i]
		}
		ciphertext = append(bytes.Clone(block), ciphertext...)
	}
	return ciphertext[:aes.BlockSize], ciphertext[aes.BlockSize:], nil
}

// decryptBlock finds what the key makes of one block, byte by byte from the last: the right guess is
// the one that makes a good padding, and gets another answer than the 255 others.
func decryptBlock(ask oracle, block []byte) ([]byte, error) {
	decrypted := make([]byte, aes.BlockSize)
	for at := aes.BlockSize - 1; at >= 0; at-- {
		pad := byte(aes.BlockSize - at)
		iv := make([]byte, aes.BlockSize)
		for i := at + 1; i < aes.BlockSize; i++ {
			iv[i] = decrypted[i] ^ pad
		}
		guesses := map[string][]byte{}
		for guess := range 256 {
			iv[at] = byte(guess)
			answer := ask(iv, block)
			guesses[answer] = append(guesses[answer], byte(guess))
		}
		right, found := rarest(guesses)
		if !found {
			return nil, errLearnedNothing
		}
		for _, guess := range right {
			decrypted[at] = guess ^ pad
			iv[at] = guess
			if at == 0 || len(right) == 1 {
				break
			}
			iv[at-1] ^= 0xff // a padding that was longer by chance breaks
			answer := ask(iv, block)
			iv[at-1] ^= 0xff
			if answer == ask(iv, block) {
				break
			}
		}
	}
	return decrypted, nil
}

// rarest returns the guesses whose answer is not the usual one.
func rarest(guesses map[string][]byte) (rare []byte, found bool) {
	for _, these := range guesses {
		if len(these) < 128 {
			rare = append(rare, these...)
		}
	}
	return rare, len(rare) > 0
}

// naive is a handler that says what is wrong, as an obvious one would.
func naive(key []byte, iv, ciphertext []byte) (number, answer string) {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	plain := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, ciphertext)
	n := int(plain[len(plain)-1])
	if n == 0 || n > aes.BlockSize || !bytes.Equal(plain[len(plain)-n:], bytes.Repeat([]byte{byte(n)}, n)) {
		return "", "bad padding"
	}
	var content struct {
		PurePhoneNumber string
		Watermark       struct{ AppID string }
	}
	if json.Unmarshal(plain[:len(plain)-n], &content) != nil || content.Watermark.AppID != shop {
		return "", "bad content"
	}
	return content.PurePhoneNumber, "ok"
}

// shown is all that a client is shown of what updatePhone makes of a ciphertext.
func (w *world) shown(t testing.TB, caller account.Caller, iv, ciphertext []byte) string {
	t.Helper()
	bound, err := w.UpdatePhone(t.Context(), caller, byCiphertext(encoded(iv, ciphertext)))
	require.Nil(t, bound)
	var refused *fault.Error
	require.ErrorAs(t, err, &refused)
	return string(refused.Code) + refused.Message + refused.RetryAfter.String()
}

func TestPaddingOracleCannotForgePhone(t *testing.T) {
	t.Parallel()
	const chosen = "13900139000"
	t.Run("the attack works where the answers differ", func(t *testing.T) {
		t.Parallel()
		key, asked := randomKey(t)[:16], 0
		wanted := phoneJSON(chosen, shop, time.Unix(1_700_000_000, 0))
		iv, ciphertext, err := forge(func(iv, ciphertext []byte) string {
			asked++
			_, answer := naive(key, iv, ciphertext)
			return answer
		}, []byte(wanted))
		require.NoError(t, err)
		number, answer := naive(key, iv, ciphertext)
		require.Equal(t, "ok", answer)
		require.Equal(t, chosen, number)
		require.Greater(t, asked, 20_000, "many times what the failure budget allows")
	})
	t.Run("decryption tells nothing, even without the failure budget", func(t *testing.T) {
		t.Parallel()
		key, now := base64.StdEncoding.EncodeToString(randomKey(t)[:16]), time.Unix(1_700_000_000, 0)
		_, _, err := forge(func(iv, ciphertext []byte) string {
			e := encoded(iv, ciphertext)
			_, err := wechat.DecryptPhone(key, wechat.Encrypted{Data: e.EncryptedData, IV: e.IV}, shop, now)
			return err.Error()
		}, []byte(phoneJSON(chosen, shop, now)))
		require.ErrorIs(t, err, errLearnedNothing)
	})
	t.Run("updatePhone tells nothing, even without the failure budget", func(t *testing.T) {
		t.Parallel()
		inEachWorld(t, func(t *testing.T, w *world) {
			_, ann := w.login(t, "ann")
			asked := 0
			_, _, err := forge(func(iv, ciphertext []byte) string {
				if asked++; asked%4 == 0 {
					w.db.Ent().DecryptFailure.Delete().ExecX(t.Context())
				}
				return w.shown(t, ann, iv, ciphertext)
			}, []byte(phoneJSON(chosen, shop, w.clock.Now())))
			require.ErrorIs(t, err, errLearnedNothing)
			require.Equal(t, 256, asked, "every padding has been tried")
			require.False(t, w.keyless(t, ann), "against the key")
		})
	})
	t.Run("updatePhone", func(t *testing.T) {
		t.Parallel()
		inEachWorld(t, func(t *testing.T, w *world) {
			_, ann := w.login(t, "ann")
			_, _, err := forge(func(iv, ciphertext []byte) string {
				return w.shown(t, ann, iv, ciphertext)
			}, []byte(phoneJSON(chosen, shop, w.clock.Now())))
			require.ErrorIs(t, err, errLearnedNothing)
			require.Empty(t, w.number(t, ann))
			require.True(t, w.keyless(t, ann), "and the key that was attacked is gone after five tries")
			require.Equal(t, 5, w.db.Ent().DecryptFailure.Query().CountX(t.Context()))
			require.Equal(t, 1, w.resets())
		})
	})
}
