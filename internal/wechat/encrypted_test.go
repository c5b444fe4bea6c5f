package wechat_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mpauth/internal/wechat"
)

// Vector A: the demo that WeChat publishes on its page about signature and encryption.
const (
	demoAppID = "wx4f4bc4dec97d474b"
	demoKey   = "tiihtNczf5v6AKRyjwEUhQ=="
	demoIV    = "r7BXXKkLb8qrSNn05n0qiA=="
	demoData  = "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC+oNPdbB+3hVbJSRgv+4lGOETKUQz6OYStslQ" +
		"142dNCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8Hkue1poOFtnEtpyxVLW1zAo6/1Xx1COxFvrc2d7UL/lmHInNlxuacJXwu0fjpXfz/YqYzBIBzD6WUfTI" +
		"F9GRHpOn/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4ucetDf96JcR3g0gfRK4PC7E/r7Z6xNrXd2UIeorGj5Ef7b1pJAYB6Y5anaHqZ9J6nKEBvB4D" +
		"nNLIVWSgARns/8wR2SiRS7MNACwTyrGvt9ts8p12PKFdlqYTopNHR1Vf7XjfhQlVsAJdNiKdYmYVoKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04COwfneQAG" +
		"Gwd5oa+T8yO5hzuyDb/XcxxmK01EpqOyuxINew=="
)

// Vector C: a phone number, encrypted with another implementation.
const (
	phoneIV   = "EBESExQVFhcYGRobHB0eHw=="
	phoneData = "aLhedzo+Z6es5zW+YHo9susiHnaEYeAkbZXA6vB3xXwsEHApbzM53NsvIVPS8sbzE9Tu3cKoosCIaJ9ReH9c7q8xI4AFlJ8HTHrrdVC0WzSFVEG+Q/SUBzVOfvRA" +
		"iCzg9pRwA0o1X/SBOShf2kiL8/XyPdSkB79Bs0IG5MW9htd56xikaPKeNrDSq+AOeMftAqnYAyaw3N86+mkJv4j0qA=="
	phonePlain = `{"phoneNumber":"13800138000","purePhoneNumber":"13800138000","countryCode":"86",` +
		`"watermark":{"timestamp":1700000000,"appid":"wxf00d00000000f00d"}}`
)

var (
	demoTime  = time.Unix(1477314187, 0)
	phoneTime = time.Unix(1700000000, 0)
	phoneBox  = wechat.Encrypted{Data: phoneData, IV: phoneIV}
)

func TestDecryptProfileKnownAnswer(t *testing.T) {
	t.Parallel()
	profile, err := wechat.DecryptProfile(demoKey, wechat.Encrypted{Data: demoData, IV: demoIV}, demoAppID, demoTime)
	require.NoError(t, err)
	require.Equal(t, wechat.Profile{
		OpenID: "oGZUI0egBJY1zhBYw2KhdUfwVJJE", NickName: "Band", UnionID: "ocMvos6NjeKLIBqg5Mr9QjxrP1FA",
		AvatarURL: "http://wx.qlogo.cn/mmopen/vi_32/aSKcBBPpibyKNicHNTMM0qJVh8Kjgiak2AHWr8MHM4WgMEm7GFhsf8OYrySdbvAMvTsw3mo8ibKicsnfN5pRjl1p8HQ/0",
	}, profile)
}

func TestDecryptPhoneKnownAnswer(t *testing.T) {
	t.Parallel()
	phone, err := wechat.DecryptPhone(sessionKey, phoneBox, appID, phoneTime)
	require.NoError(t, err)
	require.Equal(t, wechat.PhoneInfo{
		PhoneNumber: "13800138000", PurePhoneNumber: "13800138000", CountryCode: "86", TappedAt: phoneTime.UTC(),
	}, phone)
}

func TestVerifyRawDataKnownAnswer(t *testing.T) {
	t.Parallel()
	const (
		key     = "HyVFkGl5F5OQWJZZaNzBBg=="
		rawData = `{"nickName":"Band","gender":1,"language":"zh_CN","city":"Guangzhou","province":"Guangdong","country":"CN",` +
			`"avatarUrl":"http://wx.qlogo.cn/mmopen/vi_32/1vZvI39NWFQ9XM4LtQpFrQJ1xlgZxx3w7bQxKARol6503Iuswjjn6nIGBiaycAjAtpujxyzYsrztuuICqIM5ibXQ/0"}`
		signature = "75e81ceda165f4ffa64f4068af58c64b8f54b88c"
	)
	require.True(t, wechat.VerifyRawData(rawData, signature, key))
	require.False(t, wechat.VerifyRawData(rawData+" ", signature, key))
	require.False(t, wechat.VerifyRawData(rawData, strings.Replace(signature, "7", "8", 1), key))
	require.False(t, wechat.VerifyRawData(rawData, signature[:39], key))
	require.False(t, wechat.VerifyRawData(rawData, "", key))
	require.False(t, wechat.VerifyRawData(rawData, signature, demoKey))
	// Without a key anybody can compute the signature.
	require.False(t, wechat.VerifyRawData("", "da39a3ee5e6b4b0d3255bfef95601890afd80709", ""))
}

// seal encrypts as WeChat does, with the key and IV of vector C.
func seal(t *testing.T, plaintext string) wechat.Encrypted {
	t.Helper()
	padding := aes.BlockSize - len(plaintext)%aes.BlockSize
	return sealBlocks(t, plaintext+strings.Repeat(string(rune(padding)), padding))
}

func sealBlocks(t *testing.T, blocks string) wechat.Encrypted {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(sessionKey)
	require.NoError(t, err)
	iv, err := base64.StdEncoding.DecodeString(phoneIV)
	require.NoError(t, err)
	block, err := aes.NewCipher(key)
	require.NoError(t, err)
	ciphertext := make([]byte, len(blocks))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(ciphertext, []byte(blocks))
	return wechat.Encrypted{Data: base64.StdEncoding.EncodeToString(ciphertext), IV: phoneIV}
}

func TestSealMakesVectorC(t *testing.T) {
	t.Parallel()
	require.Equal(t, phoneData, seal(t, phonePlain).Data)
}

// requireRefused checks that nothing distinguishes this failure from any other except what DecryptReason tells.
func requireRefused(t *testing.T, err error, reason string) {
	t.Helper()
	require.ErrorIs(t, err, wechat.ErrDecrypt)
	require.Equal(t, reason, wechat.DecryptReason(err))
	require.Equal(t, reason, wechat.DecryptReason(fmt.Errorf("update phone: %w", err)))
	for _, verb := range []string{"%s", "%v", "%+v", "%#v"} {
		require.Equal(t, "wechat: encrypted data refused", fmt.Sprintf(verb, err))
	}
}

func TestDecryptRefusesWhatCannotBeCiphertext(t *testing.T) {
	t.Parallel()
	raw, err := base64.StdEncoding.DecodeString(phoneData)
	require.NoError(t, err)
	blocks := func(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }
	cases := map[string]struct {
		key    string
		box    wechat.Encrypted
		reason string
	}{
		"no data":                {sessionKey, wechat.Encrypted{IV: phoneIV}, "length"},
		"no iv":                  {sessionKey, wechat.Encrypted{Data: phoneData}, "length"},
		"iv of 15 bytes":         {sessionKey, wechat.Encrypted{Data: phoneData, IV: blocks(15)}, "length"},
		"iv of 17 bytes":         {sessionKey, wechat.Encrypted{Data: phoneData, IV: blocks(17)}, "length"},
		"iv of a megabyte":       {sessionKey, wechat.Encrypted{Data: phoneData, IV: blocks(1 << 20)}, "length"},
		"half a block too much":  {sessionKey, wechat.Encrypted{Data: base64.StdEncoding.EncodeToString(append(raw, make([]byte, 8)...)), IV: phoneIV}, "length"},
		"4 KB and a block":       {sessionKey, wechat.Encrypted{Data: blocks(4096 + 16), IV: phoneIV}, "length"},
		"url alphabet":           {sessionKey, wechat.Encrypted{Data: strings.NewReplacer("+", "-", "/", "_").Replace(phoneData), IV: phoneIV}, "encoding"},
		"space for plus":         {sessionKey, wechat.Encrypted{Data: strings.ReplaceAll(phoneData, "+", " "), IV: phoneIV}, "encoding"},
		"line break":             {sessionKey, wechat.Encrypted{Data: phoneData[:76] + "\r\n" + phoneData[76:], IV: phoneIV}, "encoding"},
		"no padding characters":  {sessionKey, wechat.Encrypted{Data: strings.TrimRight(phoneData, "="), IV: phoneIV}, "encoding"},
		"stray trailing bits":    {sessionKey, wechat.Encrypted{Data: phoneData, IV: strings.Replace(phoneIV, "w==", "x==", 1)}, "encoding"},
		"not base64":             {sessionKey, wechat.Encrypted{Data: "…", IV: phoneIV}, "encoding"},
		"no key":                 {"", phoneBox, "key"},
		"key of 24 bytes":        {blocks(24), phoneBox, "key"},
		"key not base64":         {"AAECAwQFBgcICQoLDA0OD-==", phoneBox, "key"},
		"4 KB of nothing":        {sessionKey, wechat.Encrypted{Data: blocks(4096), IV: phoneIV}, "padding"},
		"another key":            {demoKey, phoneBox, "padding"},
		"another iv":             {sessionKey, wechat.Encrypted{Data: phoneData, IV: demoIV}, "json"},
		"bad padding, good JSON": {sessionKey, sealBlocks(t, phonePlain+strings.Repeat(" ", 32-len(phonePlain)%16)), "padding"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			phone, err := wechat.DecryptPhone(c.key, c.box, appID, phoneTime)
			requireRefused(t, err, c.reason)
			require.Zero(t, phone)
			profile, err := wechat.DecryptProfile(c.key, c.box, appID, phoneTime)
			requireRefused(t, err, c.reason)
			require.Zero(t, profile)
		})
	}
}

const mark = `"watermark":{"timestamp":1700000000,"appid":"wxf00d00000000f00d"}`

func TestDecryptPhoneRefusesIncompleteOrOddObjects(t *testing.T) {
	t.Parallel()
	const (
		number  = `"phoneNumber":"13800138000",`
		pure    = `"purePhoneNumber":"13800138000",`
		country = `"countryCode":"86",`
	)
	cases := map[string]struct {
		plain  string
		reason string // empty: accepted
	}{
		"complete":                  {`{` + number + pure + country + mark + `}`, ""},
		"unknown field":             {`{"new":[1,{"a":null}],` + number + pure + country + mark + `}`, ""},
		"country code as a number":  {`{` + number + pure + `"countryCode":86,` + mark + `}`, ""},
		"foreign":                   {`{"phoneNumber":"85291234567","purePhoneNumber":"91234567","countryCode":"852",` + mark + `}`, ""},
		"foreign with plus":         {`{"phoneNumber":"+852 9123-4567","purePhoneNumber":"91234567","countryCode":"852",` + mark + `}`, ""},
		"inconsistent":              {`{"phoneNumber":"13900139000",` + pure + country + mark + `}`, "fields"},
		"inconsistent country":      {`{"phoneNumber":"8613800138000",` + pure + `"countryCode":"1",` + mark + `}`, "fields"},
		"empty phone":               {`{"phoneNumber":"","purePhoneNumber":"","countryCode":"86",` + mark + `}`, "fields"},
		"no number":                 {`{` + pure + country + mark + `}`, "fields"},
		"no pure number":            {`{` + number + country + mark + `}`, "fields"},
		"no country code":           {`{` + number + pure + mark + `}`, "fields"},
		"country code with plus":    {`{` + number + pure + `"countryCode":"+86",` + mark + `}`, "fields"},
		"number is a number":        {`{"phoneNumber":13800138000,` + pure + country + mark + `}`, "fields"},
		"name in capitals":          {`{"PHONENUMBER":"13800138000",` + pure + country + mark + `}`, "fields"},
		"full-width digits":         {`{"phoneNumber":"１３８００１３８０００","purePhoneNumber":"１３８００１３８０００",` + country + mark + `}`, "fields"},
		"user info":                 {`{"openId":"oX","nickName":"Band","avatarUrl":"",` + mark + `}`, "fields"},
		"steps":                     {`{"stepInfoList":[],` + mark + `}`, "fields"},
		"group":                     {`{"openGId":"x",` + mark + `}`, "fields"},
		"number twice":              {`{` + number + `"phoneNumber":"13800138000",` + pure + country + mark + `}`, "json"},
		"number twice, escaped":     {`{` + number + `"phone\u004eumber":"13800138000",` + pure + country + mark + `}`, "json"},
		"watermark twice":           {`{` + number + pure + country + mark + `,` + mark + `}`, "json"},
		"appid twice":               {`{` + number + pure + country + `"watermark":{"timestamp":1700000000,"appid":"a","appid":"wxf00d00000000f00d"}}`, "json"},
		"bad utf-8":                 {"{\"x\":\"\xff\"," + number + pure + country + mark + `}`, "json"},
		"trailing data":             {`{` + number + pure + country + mark + `}{}`, "json"},
		"trailing NUL":              {`{` + number + pure + country + mark + "}\x00", "json"},
		"array":                     {`[{` + number + pure + country + mark + `}]`, "json"},
		"comment":                   {`{/**/` + number + pure + country + mark + `}`, "json"},
		"nothing":                   {``, "json"},
		"no watermark":              {`{` + number + pure + `"countryCode":"86"}`, "watermark"},
		"watermark is text":         {`{` + number + pure + country + `"watermark":"wxf00d00000000f00d"}`, "watermark"},
		"watermark of another app":  {`{` + number + pure + country + `"watermark":{"timestamp":1700000000,"appid":"wxbeef00000000beef"}}`, "watermark"},
		"watermark in another case": {`{` + number + pure + country + `"Watermark":{"timestamp":1700000000,"appid":"wxf00d00000000f00d"}}`, "watermark"},
		"appid in another case":     {`{` + number + pure + country + `"watermark":{"timestamp":1700000000,"appid":"WXF00D00000000F00D"}}`, "watermark"},
		"no timestamp":              {`{` + number + pure + country + `"watermark":{"appid":"wxf00d00000000f00d"}}`, "watermark"},
		"timestamp is text":         {`{` + number + pure + country + `"watermark":{"timestamp":"1700000000","appid":"wxf00d00000000f00d"}}`, "watermark"},
		"timestamp in milliseconds": {`{` + number + pure + country + `"watermark":{"timestamp":1700000000000,"appid":"wxf00d00000000f00d"}}`, "age"},
		"timestamp at the end":      {`{` + number + pure + country + `"watermark":{"timestamp":9223372036854775807,"appid":"wxf00d00000000f00d"}}`, "age"},
		"timestamp before 1970":     {`{` + number + pure + country + `"watermark":{"timestamp":-1,"appid":"wxf00d00000000f00d"}}`, "watermark"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			phone, err := wechat.DecryptPhone(sessionKey, seal(t, c.plain), appID, phoneTime)
			if c.reason == "" {
				require.NoError(t, err)
				require.NotEmpty(t, phone.PurePhoneNumber)
				return
			}
			requireRefused(t, err, c.reason)
			require.Zero(t, phone)
		})
	}
}

func TestDecryptProfileRefusesIncompleteObjects(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		plain  string
		reason string
	}{
		"complete":           {`{"openId":"oX","nickName":"微信用户","avatarUrl":"",` + mark + `}`, ""},
		"a phone number":     {phonePlain, "fields"},
		"no openId":          {`{"nickName":"Band","avatarUrl":"",` + mark + `}`, "fields"},
		"openid, lower case": {`{"openid":"oX","nickName":"Band","avatarUrl":"",` + mark + `}`, "fields"},
		"no nickName":        {`{"openId":"oX","avatarUrl":"",` + mark + `}`, "fields"},
		"no avatarUrl":       {`{"openId":"oX","nickName":"Band",` + mark + `}`, "fields"},
		"odd unionId":        {`{"openId":"oX","nickName":"Band","avatarUrl":"","unionId":"a b",` + mark + `}`, "fields"},
		"no watermark":       {`{"openId":"oX","nickName":"Band","avatarUrl":""}`, "watermark"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			profile, err := wechat.DecryptProfile(sessionKey, seal(t, c.plain), appID, phoneTime)
			if c.reason == "" {
				require.NoError(t, err)
				require.Equal(t, wechat.Profile{OpenID: "oX", NickName: "微信用户"}, profile)
				return
			}
			requireRefused(t, err, c.reason)
			require.Zero(t, profile)
		})
	}
}

func TestWatermarkAge(t *testing.T) {
	t.Parallel()
	for offset, fresh := range map[time.Duration]bool{
		0: true, 5 * time.Minute: true, 5*time.Minute + time.Second: false, -time.Minute: true, -time.Minute - time.Second: false,
		10 * 365 * 24 * time.Hour: false, -10 * 365 * 24 * time.Hour: false,
	} {
		_, err := wechat.DecryptPhone(sessionKey, phoneBox, appID, phoneTime.Add(offset))
		if fresh {
			require.NoError(t, err)
		} else {
			requireRefused(t, err, "age")
		}
	}
}

// Who knows a plaintext can drop leading blocks and choose an IV, and so set the first block that remains, without the key.
// What comes out below is valid JSON with a genuine, fresh watermark.
func TestCutCiphertextRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		drop  int    // blocks
		first string // what the first remaining block shall become
	}{
		"number but no pure number": {2, `{"phoneNumber":"`},
		"pure number but no number": {0, `{"xhoneNumber":"`},
		"no phone":                  {4, `{"phone":"",    `},
		"nothing but the watermark": {4, `{               `},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Len(t, c.first, aes.BlockSize)
			opened := c.first + phonePlain[(c.drop+1)*aes.BlockSize:]
			require.True(t, json.Valid([]byte(opened)), opened)

			ciphertext, err := base64.StdEncoding.DecodeString(phoneData)
			require.NoError(t, err)
			before, err := base64.StdEncoding.DecodeString(phoneIV)
			require.NoError(t, err)
			if c.drop > 0 {
				before = ciphertext[(c.drop-1)*aes.BlockSize : c.drop*aes.BlockSize]
			}
			iv := make([]byte, aes.BlockSize)
			for i := range iv {
				iv[i] = before[i] ^ phonePlain[c.drop*aes.BlockSize+i] ^ c.first[i]
			}
			cut := wechat.Encrypted{
				Data: base64.StdEncoding.EncodeToString(ciphertext[c.drop*aes.BlockSize:]),
				IV:   base64.StdEncoding.EncodeToString(iv),
			}

			phone, err := wechat.DecryptPhone(sessionKey, cut, appID, phoneTime)
			requireRefused(t, err, "fields") // so padding and JSON were in order
			require.Zero(t, phone)
			profile, err := wechat.DecryptProfile(sessionKey, cut, appID, phoneTime)
			requireRefused(t, err, "fields")
			require.Zero(t, profile)
		})
	}
}

func TestEveryFlippedBitIsRefused(t *testing.T) {
	t.Parallel()
	ciphertext, err := base64.StdEncoding.DecodeString(phoneData)
	require.NoError(t, err)
	for i := range ciphertext {
		for bit := range 8 {
			changed := append([]byte(nil), ciphertext...)
			changed[i] ^= 1 << bit
			_, err := wechat.DecryptPhone(sessionKey, wechat.Encrypted{Data: base64.StdEncoding.EncodeToString(changed), IV: phoneIV}, appID, phoneTime)
			require.ErrorIs(t, err, wechat.ErrDecrypt)
		}
	}
}

func TestDecryptReasonOfOtherErrors(t *testing.T) {
	t.Parallel()
	require.Empty(t, wechat.DecryptReason(nil))
	require.Empty(t, wechat.DecryptReason(wechat.ErrDecrypt))
}

func FuzzDecryptPhone(f *testing.F) {
	f.Add(phoneData, phoneIV)
	f.Add(demoData, demoIV)
	f.Add("", "")
	f.Fuzz(func(t *testing.T, data, iv string) {
		phone, err := wechat.DecryptPhone(sessionKey, wechat.Encrypted{Data: data, IV: iv}, appID, phoneTime)
		if err == nil && (phone.PurePhoneNumber == "" || phone.CountryCode == "" || phone.PhoneNumber == "") {
			t.Fatal("accepted without a number")
		}
		if err != nil && err.Error() != wechat.ErrDecrypt.Error() {
			t.Fatal("failures differ")
		}
	})
}
