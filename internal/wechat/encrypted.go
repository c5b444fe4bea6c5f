package wechat

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" //nolint:gosec // prescribed by WeChat for rawData; a keyed check, not a digest that has to resist collisions
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"time"
)

// ErrDecrypt is the only error of DecryptPhone and DecryptProfile, whatever the cause: see the package comment for why.
var ErrDecrypt = errors.New("wechat: encrypted data refused")

// Encrypted is user data as the Mini Program received it from WeChat: base64 of AES-128-CBC with PKCS#7 padding, under the
// session key.
type Encrypted struct {
	Data string // encryptedData
	IV   string // iv
}

// Profile is the user info of the old profile API.
type Profile struct {
	// OpenID must be compared with the user at hand by the caller.
	OpenID string
	// NickName is "微信用户" wherever WeChat no longer gives the real one.
	NickName string
	// AvatarURL is a uniform grey picture in that case.
	AvatarURL string
	// UnionID is empty if the app is bound to no Open Platform account.
	UnionID string
}

const (
	maxCiphertext = 4 << 10         // bytes; WeChat's objects have a few hundred
	maxMarkAge    = 5 * time.Minute // as long as WeChat's own codes live
	maxMarkAhead  = time.Minute     // clocks differ
)

// DecryptPhone opens the encryptedData of a phone number button's event. Accepted is only a complete object, marked by WeChat
// for appID within the five minutes before now. Every failure is ErrDecrypt.
func DecryptPhone(sessionKey string, e Encrypted, appID string, now time.Time) (PhoneInfo, error) {
	data, reason := opened(sessionKey, e)
	phone, complete := phoneOf(data)
	if err := accept(reason, complete && phone.consistent(), data, appID, now); err != nil {
		return PhoneInfo{}, err
	}
	return phone, nil
}

// DecryptProfile opens the encryptedData of wx.getUserInfo or wx.getUserProfile, by the rules of DecryptPhone.
func DecryptProfile(sessionKey string, e Encrypted, appID string, now time.Time) (Profile, error) {
	data, reason := opened(sessionKey, e)
	_, named := data["nickName"].(string)
	_, pictured := data["avatarUrl"].(string)
	profile := Profile{
		OpenID: data.text("openId"), NickName: data.text("nickName"), AvatarURL: data.text("avatarUrl"), UnionID: data.text("unionId"),
	}
	complete := named && pictured && isIdentifier(profile.OpenID) && (profile.UnionID == "" || isIdentifier(profile.UnionID))
	if err := accept(reason, complete, data, appID, now); err != nil {
		return Profile{}, err
	}
	return profile, nil
}

// VerifyRawData checks the signature that wx.getUserInfo returns next to rawData: hex of SHA-1 over rawData, byte for byte as
// the client received it, followed by the text of the session key.
func VerifyRawData(rawData, signature, sessionKey string) bool {
	if sessionKey == "" {
		return false
	}
	sum := sha1.Sum([]byte(rawData + sessionKey)) //nolint:gosec // see the import
	return subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(signature)) == 1
}

// refusal is ErrDecrypt together with the cause, which only DecryptReason can see.
type refusal struct{ reason string }

func (*refusal) Error() string    { return ErrDecrypt.Error() }
func (*refusal) GoString() string { return ErrDecrypt.Error() }
func (*refusal) Unwrap() error    { return ErrDecrypt }

const (
	reasonEncoding  = "encoding"  // not base64
	reasonLength    = "length"    // empty, not whole blocks, too long, or an IV that is not 16 bytes
	reasonKey       = "key"       // no session key
	reasonPadding   = "padding"   // most likely the wrong key
	reasonJSON      = "json"      // not strict JSON; the wrong key or the wrong IV
	reasonFields    = "fields"    // another kind of data, or incomplete
	reasonWatermark = "watermark" // of another app
	reasonAge       = "age"       // too old, or from the future
)

// DecryptReason is the cause of an ErrDecrypt as a metric label: encoding, length, key, padding, json, fields, watermark or
// age; "" for any other error. It must not reach whoever sent the data, in no shape.
func DecryptReason(err error) string {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return refused.reason
	}
	return ""
}

// accept makes the decision, after all the work is done, so that how long it takes tells nothing about where it went wrong.
func accept(reason string, complete bool, data object, appID string, now time.Time) error {
	mark, marked := watermarkOf(data)
	ours := marked && subtle.ConstantTimeCompare([]byte(mark.appID), []byte(appID)) == 1
	age := now.Sub(time.Unix(mark.at, 0))
	fresh := marked && age <= maxMarkAge && age >= -maxMarkAhead
	switch {
	case reason != "":
	case !complete:
		reason = reasonFields
	case !ours:
		reason = reasonWatermark
	case !fresh:
		reason = reasonAge
	default:
		return nil
	}
	return &refusal{reason: reason}
}

// decoy costs as much to read as a genuine phone number.
const decoy = `{"phoneNumber":"00000000000","purePhoneNumber":"00000000000","countryCode":"00",` +
	`"watermark":{"timestamp":1000000000,"appid":"wx0000000000000000"}}`

// opened decrypts e and reads the JSON inside. Only lengths, which the sender knows anyway, end it early.
func opened(sessionKey string, e Encrypted) (data object, reason string) {
	if len(e.Data) > base64.StdEncoding.EncodedLen(maxCiphertext) || len(e.IV) > base64.StdEncoding.EncodedLen(keySize) {
		return nil, reasonLength
	}
	key, keyOK := decodeBase64(sessionKey)
	iv, ivOK := decodeBase64(e.IV)
	ciphertext, dataOK := decodeBase64(e.Data)
	switch {
	case !keyOK || len(key) != keySize:
		return nil, reasonKey
	case !ivOK || !dataOK:
		return nil, reasonEncoding
	case len(iv) != keySize || len(ciphertext) == 0 || len(ciphertext)%aes.BlockSize != 0:
		return nil, reasonLength
	}
	plaintext, padded := decryptCBC(key, iv, ciphertext)
	// Badly padded data is read all the same: skipping this would answer the question about the padding by the clock.
	data, err := parseObject(plaintext)
	if err != nil {
		// What is not JSON is found out at its first odd byte; this evens out the time.
		_, _ = parseObject([]byte(decoy))
	}
	switch {
	case !padded:
		return data, reasonPadding
	case err != nil:
		return data, reasonJSON
	}
	return data, ""
}

// decryptCBC decrypts whole blocks and takes the PKCS#7 padding off; with bad padding it returns false and the blocks as they
// are. The caller has checked the lengths.
func decryptCBC(key, iv, ciphertext []byte) ([]byte, bool) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, false
	}
	plaintext := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plaintext, ciphertext)
	length, good := unpad(plaintext)
	return plaintext[:length], good
}

// unpad finds the length without PKCS#7 padding, in a time that depends on nothing but the length of p.
func unpad(p []byte) (length int, ok bool) {
	last := p[len(p)-1]
	good := subtle.ConstantTimeLessOrEq(1, int(last)) & subtle.ConstantTimeLessOrEq(int(last), aes.BlockSize)
	for i := 1; i <= aes.BlockSize; i++ {
		beyond := 1 ^ subtle.ConstantTimeLessOrEq(i, int(last))
		good &= beyond | subtle.ConstantTimeByteEq(p[len(p)-i], last)
	}
	return subtle.ConstantTimeSelect(good, len(p)-int(last), len(p)), good == 1
}
