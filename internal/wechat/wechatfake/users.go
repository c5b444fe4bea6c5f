package wechatfake

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// maxNameLength bounds users and appids, which are kept in memory.
const maxNameLength = 256

// account is what WeChat knows about one user of one app.
type account struct {
	appID, user, openID string
	sessionKey          string // base64 of 16 bytes; empty before the first login
	keyCreated          time.Time
	keyExpires          time.Time
	keyGeneration       int       // how many keys there have been
	lastSeen            time.Time // when the user last did something in the app
}

// derive hashes its parts so that no two lists of parts give one digest.
func derive(parts ...string) [sha256.Size]byte {
	h := sha256.New()
	h.Write([]byte("wechatfake/1"))
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(p))))
		h.Write([]byte(p))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// weChatID has the shape of an openid: 28 characters that begin with "o".
func weChatID(parts ...string) string {
	d := derive(parts...)
	return "o" + base64.RawURLEncoding.EncodeToString(d[:])[:27]
}

// OpenID is the user's id in one app. It panics when the app does not exist.
func (s *Server) OpenID(appID, user string) string {
	return openIDOf(s.mustApp(appID).ID, user)
}

func openIDOf(appID, user string) string { return weChatID("openid", appID, user) }

// UnionID is the user's id over all apps with the same UnionScope, and empty for an app without one. It panics when the
// app does not exist.
func (s *Server) UnionID(appID, user string) string {
	return unionIDOf(s.mustApp(appID), user)
}

func unionIDOf(a App, user string) string {
	if a.UnionScope == "" {
		return ""
	}
	return weChatID("unionid", a.UnionScope, user)
}

// mobilePrefixes returns ranges that the Chinese carriers have given to mobile telephones.
func mobilePrefixes() []string {
	return []string{
		"130", "131", "132", "133", "135", "136", "137", "138", "139", "150", "151", "152", "153", "155", "156", "157",
		"158", "159", "180", "181", "182", "183", "185", "186", "187", "188", "189",
	}
}

// PhoneNumber is the Chinese mobile number that the user has bound to WeChat, the same in all apps.
func (s *Server) PhoneNumber(user string) string {
	d := derive("phone", user)
	prefixes := mobilePrefixes()
	return fmt.Sprintf("%s%08d", prefixes[int(d[0])%len(prefixes)], binary.BigEndian.Uint64(d[8:16])%100_000_000)
}

// Nickname is the name that the user goes by in WeChat.
func (s *Server) Nickname(user string) string {
	names := []string{"小鹿", "阿福", "Lily", "山风", "橘子汽水", "Kevin", "南方", "云朵", "老张", "Mia", "晚晚", "青石"}
	d := derive("nickname", user)
	return fmt.Sprintf("%s%02d", names[int(d[0])%len(names)], int(d[1])%100)
}

// AvatarURL is the address of the user's picture. Nothing answers there.
func (s *Server) AvatarURL(user string) string {
	d := derive("avatar", user)
	return "https://thirdwx.qlogo.cn/mmopen/vi_32/" + hex.EncodeToString(d[:16]) + "/132"
}

// person resolves the app and checks the user of a request that steers the fake.
func (s *Server) person(appID, user string) (App, error) {
	if user == "" || len(user) > maxNameLength {
		return App{}, fmt.Errorf("user is required, at most %d bytes", maxNameLength)
	}
	return s.app(appID)
}

// visit notes that the user did something in the app.
func (s *Server) visit(appID, user string) *account {
	openID := openIDOf(appID, user)
	a, ok := s.accounts.get(openID)
	if !ok {
		a = &account{appID: appID, user: user, openID: openID}
	}
	a.lastSeen = s.now()
	s.accounts.put(openID, a)
	return a
}

// accountOf finds a user of the app who has been seen.
func (s *Server) accountOf(appID, openID string) (*account, bool) {
	a, ok := s.accounts.get(openID)
	if !ok || a.appID != appID {
		return nil, false
	}
	return a, true
}

func (s *Server) mustApp(appID string) App {
	a, err := s.app(appID)
	must(err)
	return a
}

// must turns a mistake of a test into a panic, so that the methods a test calls most return one plain value.
func must(err error) {
	if err != nil {
		panic("wechatfake: " + err.Error())
	}
}
