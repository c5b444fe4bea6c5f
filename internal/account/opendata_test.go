package account_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" //nolint:gosec // WeChat signs client data with SHA-1
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"mpauth/ent/ciphertextuse"
	"mpauth/ent/identity"
	"mpauth/ent/user"
	"mpauth/internal/account"
	"mpauth/internal/fault"
	"mpauth/internal/wechat/wechatfake"
)

// sealed encrypts a plaintext of the test's choice as WeChat would with the key.
func sealed(t testing.TB, sessionKey, plaintext string) wechatfake.Encrypted {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(sessionKey)
	require.NoError(t, err)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	n := aes.BlockSize - len(plaintext)%aes.BlockSize
	padded := append([]byte(plaintext), bytes.Repeat([]byte{byte(n)}, n)...)
	iv := randomKey(t)[:aes.BlockSize]
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)
	return encoded(iv, padded)
}

func encoded(iv, ciphertext []byte) wechatfake.Encrypted {
	return wechatfake.Encrypted{
		IV: base64.StdEncoding.EncodeToString(iv), EncryptedData: base64.StdEncoding.EncodeToString(ciphertext),
	}
}

func decoded(t testing.TB, e wechatfake.Encrypted) (iv, ciphertext []byte) {
	t.Helper()
	iv, err := base64.StdEncoding.DecodeString(e.IV)
	require.NoError(t, err)
	ciphertext, err = base64.StdEncoding.DecodeString(e.EncryptedData)
	require.NoError(t, err)
	return iv, ciphertext
}

// phoneJSON is a genuine plaintext.
func phoneJSON(number, appID string, at time.Time) string {
	return fmt.Sprintf(`{"phoneNumber":"%s","purePhoneNumber":"%[1]s","countryCode":"86","watermark":{"timestamp":%d,"appid":"%s"}}`,
		number, at.Unix(), appID)
}

// signatureOf is what WeChat sends beside rawData.
func signatureOf(rawData, sessionKey string) string {
	sum := sha1.Sum([]byte(rawData + sessionKey)) //nolint:gosec // WeChat's choice
	return hex.EncodeToString(sum[:])
}

// hashOf hashes parts as the service does for the keys of rows.
func hashOf(parts ...string) []byte {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return h.Sum(nil)
}

// useUp records that a person has used encrypted data of the shop.
func (w *world) useUp(t testing.TB, e wechatfake.Encrypted, person uuid.UUID) {
	t.Helper()
	w.db.Ent().CiphertextUse.Create().SetID(hashOf("open data", shop, e.IV, e.EncryptedData)).SetUserID(person).
		SetKind(ciphertextuse.KindPhone).SetExpiresAt(w.clock.Now().Add(time.Hour)).ExecX(t.Context())
}

// cut drops leading blocks of a ciphertext whose plaintext is known and chooses the IV so that what
// is left decrypts to JSON. It returns all the ways to do so that keep the watermark.
func cut(t testing.TB, e wechatfake.Encrypted, plaintext string) []wechatfake.Encrypted {
	t.Helper()
	_, ciphertext := decoded(t, e)
	var forged []wechatfake.Encrypted
	for at := aes.BlockSize; at+aes.BlockSize < len(plaintext); at += aes.BlockSize {
		for _, head := range []string{`{"x":"yyyyyyyyyy`, `{"xxxxxxxxxxxxxx`, `{"phoneNumber":"`, `{"x":{"y":"zzzzz`, `{               `} {
			rest := plaintext[at+aes.BlockSize:]
			if !json.Valid([]byte(head+rest)) || !strings.Contains(rest, `"watermark":`) {
				continue
			}
			iv := make([]byte, aes.BlockSize)
			for i := range iv {
				iv[i] = ciphertext[at-aes.BlockSize+i] ^ plaintext[at+i] ^ head[i]
			}
			forged = append(forged, encoded(iv, ciphertext[at:]))
		}
	}
	require.NotEmpty(t, forged)
	return forged
}

// Whatever is wrong with encrypted data, the answer is the same to the byte: an attacker who could
// tell one cause from another could go on from there.
func TestUnusableEncryptedDataFailsAlike(t *testing.T) {
	t.Parallel()
	inEachWorld(t, func(t *testing.T, w *world) {
		require.NoError(t, w.wechat.Configure(func(s *wechatfake.Settings) { s.Unlimited = true }))
		_, stranger := w.login(t, "stranger")
		_, err := w.UpdatePhone(t.Context(), stranger, byCiphertext(encoded(nil, nil)))
		var reference *fault.Error
		require.ErrorAs(t, err, &reference)
		require.Equal(t, fault.DecryptWxOpenDataFail, reference.Code)

		people := 0
		refuse := func(name string, make func(person string, caller account.Caller, key string) wechatfake.Encrypted) {
			t.Helper()
			people++
			person := fmt.Sprintf("person-%d", people)
			_, caller := w.login(t, person)
			e := make(person, caller, w.wechat.SessionKey(shop, person))
			failed, err := w.UpdatePhone(t.Context(), caller, byCiphertext(e))
			require.Nil(t, failed, name)
			var got *fault.Error
			require.ErrorAs(t, err, &got, name)
			require.Equal(t, reference.Code, got.Code, name)
			require.Equal(t, reference.Message, got.Message, name)
			require.Equal(t, reference.RetryAfter, got.RetryAfter, name)
			require.Equal(t, reference.Step, got.Step, name)
			if len(e.EncryptedData) > 8 {
				require.NotContains(t, got.Error(), e.EncryptedData, "what was sent is in no text, not even of the log")
			}
			require.Empty(t, w.number(t, caller), name)
		}
		for name, damage := range damages() {
			refuse(name, func(person string, _ account.Caller, _ string) wechatfake.Encrypted {
				return damage(w.encrypted(t, person, wechatfake.KindPhone, nil))
			})
		}
		now := w.clock.Now()
		for name, plaintext := range unusablePlaintexts(now) {
			refuse(name, func(_ string, _ account.Caller, key string) wechatfake.Encrypted { return sealed(t, key, plaintext) })
		}
		plaintext := phoneJSON("13800138000", shop, now)
		for i := range cut(t, sealed(t, w.wechat.SessionKey(shop, "stranger"), plaintext), plaintext) {
			refuse("cut ciphertext", func(_ string, _ account.Caller, key string) wechatfake.Encrypted {
				return cut(t, sealed(t, key, plaintext), plaintext)[i]
			})
		}
		refuse("a profile", func(person string, _ account.Caller, _ string) wechatfake.Encrypted {
			return w.encrypted(t, person, wechatfake.KindProfile, nil)
		})
		refuse("somebody else's", func(string, account.Caller, string) wechatfake.Encrypted {
			return w.encrypted(t, "stranger", wechatfake.KindPhone, nil)
		})
		refuse("used by another with the same key", func(_ string, _ account.Caller, key string) wechatfake.Encrypted {
			e := sealed(t, key, plaintext)
			w.useUp(t, e, stranger.UserID)
			return e
		})
		refuse("taken back", func(person string, caller account.Caller, _ string) wechatfake.Encrypted {
			e := w.encrypted(t, person, wechatfake.KindPhone, nil)
			_, err := w.UpdatePhone(t.Context(), caller, byCiphertext(e))
			require.NoError(t, err)
			_, err = w.UnbindPhone(t.Context(), caller)
			require.NoError(t, err)
			return e
		})
		refuse("after too many failures", func(person string, caller account.Caller, key string) wechatfake.Encrypted {
			for range 5 {
				_, err := w.UpdatePhone(t.Context(), caller, byCiphertext(encoded(nil, nil)))
				requireFault(t, fault.DecryptWxOpenDataFail, err)
			}
			return sealed(t, key, plaintext)
		})
		refuse("no session key", func(_ string, caller account.Caller, key string) wechatfake.Encrypted {
			w.db.Ent().Identity.Update().Where(identity.UserID(caller.UserID)).ClearSessionKey().ClearSessionKeyPrint().ClearSessionKeyAt().ExecX(t.Context())
			return sealed(t, key, plaintext)
		})

		login, err := w.SilentLogin(t.Context(), w.proof(club, "ann", "d"))
		require.NoError(t, err)
		e, err := w.wechat.Encrypt(club, "ann", wechatfake.KindPhone, nil)
		require.NoError(t, err)
		_, err = w.UpdatePhone(t.Context(), w.caller(t, login), byCiphertext(e))
		var off *fault.Error
		require.ErrorAs(t, err, &off, "switched off for the app")
		require.Equal(t, [2]string{string(reference.Code), reference.Message}, [2]string{string(off.Code), off.Message})

		require.Zero(t, w.db.Ent().User.Query().Where(user.PhoneIndexNotNil()).CountX(t.Context()))
	})
}

// damages are what can be wrong with the envelope.
func damages() map[string]func(wechatfake.Encrypted) wechatfake.Encrypted {
	type encrypted = wechatfake.Encrypted
	text := func(change func(e *encrypted)) func(encrypted) encrypted {
		return func(e encrypted) encrypted {
			change(&e)
			return e
		}
	}
	raw := func(change func(iv, data []byte) ([]byte, []byte)) func(encrypted) encrypted {
		return func(e encrypted) encrypted {
			iv, _ := base64.StdEncoding.DecodeString(e.IV)
			data, _ := base64.StdEncoding.DecodeString(e.EncryptedData)
			return encoded(change(iv, data))
		}
	}
	return map[string]func(encrypted) encrypted{
		"iv that is no base64":        text(func(e *encrypted) { e.IV = "?" + e.IV[1:] }),
		"data that is no base64":      text(func(e *encrypted) { e.EncryptedData = "?" + e.EncryptedData[1:] }),
		"data in the URL alphabet":    text(func(e *encrypted) { e.EncryptedData = "-_" + e.EncryptedData[2:] }),
		"data with a space":           text(func(e *encrypted) { e.EncryptedData = " " + e.EncryptedData }),
		"data with a line break":      text(func(e *encrypted) { e.EncryptedData = e.EncryptedData[:8] + "\r\n" + e.EncryptedData[8:] }),
		"data without base64's end":   text(func(e *encrypted) { e.EncryptedData = e.EncryptedData[:len(e.EncryptedData)-1] }),
		"NUL":                         text(func(e *encrypted) { e.IV, e.EncryptedData = "\x00", "\x00" }),
		"empty":                       text(func(e *encrypted) { *e = encrypted{} }),
		"iv of 15 bytes":              raw(func(iv, data []byte) ([]byte, []byte) { return iv[1:], data }),
		"iv of 17 bytes":              raw(func(iv, data []byte) ([]byte, []byte) { return append(iv, 0), data }),
		"no iv":                       raw(func(_, data []byte) ([]byte, []byte) { return nil, data }),
		"no data":                     raw(func(iv, _ []byte) ([]byte, []byte) { return iv, nil }),
		"data that is no whole block": raw(func(iv, data []byte) ([]byte, []byte) { return iv, data[1:] }),
		"data of 4112 bytes":          raw(func(iv, _ []byte) ([]byte, []byte) { return iv, make([]byte, 4112) }),
		"iv with a bit turned":        raw(func(iv, data []byte) ([]byte, []byte) { iv[0] ^= 1; return iv, data }),
		"padding with a bit turned":   raw(func(iv, data []byte) ([]byte, []byte) { data[len(data)-17] ^= 0x80; return iv, data }),
		"last block missing":          raw(func(iv, data []byte) ([]byte, []byte) { return iv, data[:len(data)-16] }),
		"a block twice":               raw(func(iv, data []byte) ([]byte, []byte) { return iv, append(data[:16:16], data...) }),
	}
}

// unusablePlaintexts are well encrypted and yet no phone number.
func unusablePlaintexts(now time.Time) map[string]string {
	genuine := phoneJSON("13800138000", shop, now)
	with := func(old, replacement string) string {
		if !strings.Contains(genuine, old) {
			panic(old)
		}
		return strings.Replace(genuine, old, replacement, 1)
	}
	mark := genuine[strings.Index(genuine, `"watermark"`):]
	return map[string]string{
		"no JSON":                     "13800138000",
		"empty plaintext":             "",
		"JSON and more":               genuine + "{}",
		"a list":                      "[" + genuine + "]",
		"another kind: steps":         `{"stepInfoList":[{"timestamp":1445866601,"step":100}],` + mark,
		"another kind: a group":       `{"openGId":"oGROUP",` + mark,
		"names in another case":       with(`"phoneNumber"`, `"PHONENUMBER"`),
		"a name twice":                with(`"countryCode"`, `"phoneNumber":"13900139000","countryCode"`),
		"a name twice in the mark":    with(`"appid"`, `"appid":"x","appid"`),
		"bad UTF-8":                   with(`"86"`, "\"86\",\"x\":\"\xff\""),
		"no number":                   with(`"phoneNumber":"13800138000",`, ""),
		"an empty number":             with(`"phoneNumber":"13800138000"`, `"phoneNumber":""`),
		"no pure number":              with(`"purePhoneNumber":"13800138000",`, ""),
		"no country code":             with(`"countryCode":"86",`, ""),
		"an empty country code":       with(`"86"`, `""`),
		"letters":                     strings.ReplaceAll(genuine, "13800138000", "1380013800x"),
		"numbers that differ":         with(`"purePhoneNumber":"13800138000"`, `"purePhoneNumber":"13900139000"`),
		"a number that cannot be":     strings.ReplaceAll(strings.ReplaceAll(genuine, "13800138000", "12345678"), `"86"`, `"999"`),
		"no watermark":                genuine[:strings.Index(genuine, `,"watermark"`)] + "}",
		"watermark of another app":    with(shop, club),
		"watermark without a time":    with(fmt.Sprintf(`"timestamp":%d,`, now.Unix()), ""),
		"five minutes and a second":   phoneJSON("13800138000", shop, now.Add(-5*time.Minute-time.Second)),
		"a minute and a second ahead": phoneJSON("13800138000", shop, now.Add(time.Minute+time.Second)),
	}
}
