package wechatfake_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat/wechatfake"
)

// decrypt is the receiving side, written against WeChat's page and nothing of the fake.
func decrypt(t *testing.T, e wechatfake.Encrypted, sessionKey string) (plain string, fields map[string]any) {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(sessionKey)
	require.NoError(t, err)
	iv, err := base64.StdEncoding.DecodeString(e.IV)
	require.NoError(t, err)
	data, err := base64.StdEncoding.DecodeString(e.EncryptedData)
	require.NoError(t, err)
	require.Len(t, key, 16)
	require.Len(t, iv, 16)
	plain = string(openCBC(t, key, iv, data))
	require.NoError(t, json.Unmarshal([]byte(plain), &fields), plain)
	return plain, fields
}

func openCBC(t *testing.T, key, iv, data []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	require.NotEmpty(t, data)
	require.Zero(t, len(data)%aes.BlockSize)
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	n := int(plain[len(plain)-1])
	require.LessOrEqual(t, n, len(plain))
	for _, b := range plain[len(plain)-n:] {
		require.EqualValues(t, n, b, "padding")
	}
	return plain[:len(plain)-n]
}

func TestEncryptedPhone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, key := b.login(shopApp, "alice")
	e, err := b.fake.Encrypt(shopApp, "alice", wechatfake.KindPhone, nil)
	require.NoError(t, err)
	plain, _ := decrypt(t, e, key)
	number := b.fake.PhoneNumber("alice")
	require.Equal(t, `{"phoneNumber":"`+number+`","purePhoneNumber":"`+number+`","countryCode":"86",`+
		`"watermark":{"timestamp":1767323045,"appid":"`+shopApp+`"}}`, plain)
	require.Empty(t, e.RawData)
	require.Empty(t, e.Signature)
}

func TestEncryptedProfile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, key := b.login(shopApp, "alice")
	e, err := b.fake.Encrypt(shopApp, "alice", wechatfake.KindProfile, map[string]any{"nickName": "微信用户 <&>"})
	require.NoError(t, err)
	_, got := decrypt(t, e, key)
	require.Equal(t, map[string]any{
		"openId": b.fake.OpenID(shopApp, "alice"), "unionId": b.fake.UnionID(shopApp, "alice"),
		"nickName": "微信用户 <&>", "avatarUrl": b.fake.AvatarURL("alice"), "gender": 0.0, "language": "zh_CN",
		"city": "", "province": "", "country": "",
		"watermark": map[string]any{"timestamp": 1767323045.0, "appid": shopApp},
	}, got)

	require.Equal(t, `{"nickName":"微信用户 <&>","gender":0,"language":"zh_CN","city":"","province":"","country":"","avatarUrl":"`+
		b.fake.AvatarURL("alice")+`"}`, e.RawData)
	sum := sha1.Sum([]byte(e.RawData + key))
	require.Equal(t, hex.EncodeToString(sum[:]), e.Signature)
}

func TestPlantedData(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, key := b.login(shopApp, "alice")
	e, err := b.fake.Encrypt(shopApp, "alice", wechatfake.KindPhone, map[string]any{
		"phoneNumber": nil, "purePhoneNumber": nil, "countryCode": nil, "openGId": "group",
		"watermark": map[string]any{"appid": "wxother"},
	})
	require.NoError(t, err)
	plain, _ := decrypt(t, e, key)
	require.Equal(t, `{"watermark":{"timestamp":1767323045,"appid":"wxother"},"openGId":"group"}`, plain)

	_, err = b.fake.Encrypt(shopApp, "alice", "werun", nil)
	require.EqualError(t, err, `kind must be "phone" or "profile"`)
	_, err = b.fake.Encrypt("wxother", "alice", wechatfake.KindPhone, nil)
	require.EqualError(t, err, `no app "wxother" is configured`)
}

func TestEncryptionFollowsTheCurrentKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	before, err := b.fake.Encrypt(shopApp, "alice", wechatfake.KindPhone, nil)
	require.NoError(t, err)
	_, key := b.login(shopApp, "alice")
	decrypt(t, before, key) // a device that has used the app before has its key already

	b.fake.RotateKey(shopApp, "alice")
	after, err := b.fake.Encrypt(shopApp, "alice", wechatfake.KindPhone, nil)
	require.NoError(t, err)
	decrypt(t, after, b.fake.SessionKey(shopApp, "alice"))
	require.NotEqual(t, key, b.fake.SessionKey(shopApp, "alice"))
	require.NotEqual(t, before.IV, after.IV)
}
