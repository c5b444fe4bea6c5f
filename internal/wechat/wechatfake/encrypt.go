package wechatfake

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" //nolint:gosec // WeChat signs client data with SHA-1
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// The kinds of data that a device gets encrypted.
const (
	KindPhone   = "phone"
	KindProfile = "profile"
)

// Encrypted is what a device receives for its server to decrypt.
type Encrypted struct {
	EncryptedData string `json:"encryptedData"`
	IV            string `json:"iv"`
	// RawData and Signature come with a profile only.
	RawData   string `json:"rawData"`
	Signature string `json:"signature"`
}

// Encrypt is what a device would receive from the phone button (KindPhone) or from the old profile call (KindProfile)
// now, under the user's present session key. data lays fields over the plaintext: null drops one, an object merges into
// an object, and no other field follows (a different number wants both phoneNumber and purePhoneNumber). The error says
// what is wrong with an argument.
func (s *Server) Encrypt(appID, user, kind string, data map[string]any) (Encrypted, error) {
	app, err := s.person(appID, user)
	if err != nil {
		return Encrypted{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.visit(app.ID, user)
	var plain, raw object
	switch kind {
	case KindPhone:
		number := phoneNumber{country: "86", pure: s.PhoneNumber(user)}
		plain = s.phoneInfo(number, s.now(), app.ID).override(data)
	case KindProfile:
		plain = s.profile(app, user).override(data)
		// Everybody may see the raw data, so the ids are not in it.
		for _, name := range rawFields() {
			if v := plain.get(name); v != nil {
				raw = raw.set(name, v)
			}
		}
	default:
		return Encrypted{}, fmt.Errorf("kind must be %q or %q", KindPhone, KindProfile)
	}
	return s.seal(plain, raw, s.currentKey(a))
}

func rawFields() []string {
	return []string{"nickName", "gender", "language", "city", "province", "country", "avatarUrl"}
}

// profile is the old user information, complete, as before WeChat made it anonymous.
func (s *Server) profile(app App, user string) object {
	p := object{
		{"openId", openIDOf(app.ID, user)},
		{"nickName", s.Nickname(user)},
		{"gender", 0},
		{"language", "zh_CN"},
		{"city", ""},
		{"province", ""},
		{"country", ""},
		{"avatarUrl", s.AvatarURL(user)},
	}
	if id := unionIDOf(app, user); id != "" {
		p = append(p, field{"unionId", id})
	}
	return append(p, field{"watermark", watermark(s.now(), app.ID)})
}

func (s *Server) seal(plain, raw object, sessionKey string) (Encrypted, error) {
	key, err := base64.StdEncoding.DecodeString(sessionKey)
	if err != nil {
		return Encrypted{}, fmt.Errorf("decode session key: %w", err)
	}
	iv := s.random(aes.BlockSize)
	data, err := encryptCBC(key, iv, plain.json(), aes.BlockSize)
	if err != nil {
		return Encrypted{}, err
	}
	e := Encrypted{
		EncryptedData: base64.StdEncoding.EncodeToString(data),
		IV:            base64.StdEncoding.EncodeToString(iv),
	}
	if raw != nil {
		e.RawData = string(raw.json())
		e.Signature = signRawData(e.RawData, sessionKey)
	}
	return e, nil
}

// signRawData is hex(sha1(rawData ‖ session_key)), the key as text.
func signRawData(rawData, sessionKey string) string {
	sum := sha1.Sum([]byte(rawData + sessionKey)) //nolint:gosec // WeChat's choice
	return hex.EncodeToString(sum[:])
}

// encryptCBC is AES-CBC with PKCS#7 padding to a multiple of the given size: 16 for user data, 32 for message pushes.
func encryptCBC(key, iv, plain []byte, padTo int) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	n := padTo - len(plain)%padTo
	padded := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(n)}, n)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)
	return padded, nil
}
