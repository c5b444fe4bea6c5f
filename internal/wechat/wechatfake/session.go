package wechatfake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"time"
)

// codeQuota is what users report for jscode2session: about a hundred exchanges a minute and user.
func codeQuota() quota { return quota{perMinute: 100, minuteCode: 45011} }

// code2Session is GET /sns/jscode2session.
func (s *Server) code2Session(c *call) (object, *refusal) {
	if no := s.checkSecret(c, "authorization_code", "js_code"); no != nil {
		return nil, no
	}
	code, ok := s.loginCodes.get(c.field("js_code"))
	switch {
	case !ok || code.appID != c.field("appid") || !s.now().Before(code.expires):
		return nil, refuse(40029)
	case code.used:
		return nil, refuse(40163)
	case slices.Contains(s.settings.BlockedUsers, code.user):
		return nil, refuse(40226)
	}
	if no := s.spend("jscode2session "+openIDOf(code.appID, code.user), codeQuota()); no != nil {
		return nil, no
	}
	code.used = true
	a := s.visit(code.appID, code.user)
	if s.keyIsDue(a) {
		s.replaceKey(a)
	}
	answer := object{{"session_key", a.sessionKey}, {"openid", a.openID}}
	if app, _ := s.appByID(a.appID); app.UnionScope != "" && !slices.Contains(s.settings.UnboundApps, app.ID) {
		answer = append(answer, field{"unionid", unionIDOf(app, a.user)})
	}
	return answer, nil
}

// keyIsDue says whether an exchange gives the user a new session key.
func (s *Server) keyIsDue(a *account) bool {
	return !s.keyLives(a) || s.settings.RotateOnLogin ||
		s.now().Sub(a.keyCreated) >= seconds(s.settings.MinRefreshInterval)
}

func (s *Server) keyLives(a *account) bool { return a.sessionKey != "" && s.now().Before(a.keyExpires) }

// replaceKey gives the user a new session key with a full life; there is only one at a time, so the old one is dead.
func (s *Server) replaceKey(a *account) {
	s.setKey(a, s.now().Add(seconds(s.settings.SessionKeyLifetime)))
}

func (s *Server) setKey(a *account, expires time.Time) {
	a.sessionKey = base64.StdEncoding.EncodeToString(s.random(16))
	a.keyCreated, a.keyExpires = s.now(), expires
	a.keyGeneration++
}

// currentKey is the key that the user's device encrypts with. A device that never logged in here is taken for one that
// did so before the fake was started.
func (s *Server) currentKey(a *account) string {
	if !s.keyLives(a) {
		s.replaceKey(a)
	}
	return a.sessionKey
}

// checkSession is GET /wxa/checksession.
func (s *Server) checkSession(c *call) (object, *refusal) {
	if _, no := s.signedAccount(c, 87009); no != nil {
		return nil, no
	}
	return success(), nil
}

// resetUserSessionKey is GET /wxa/resetusersessionkey. The new key inherits the expiry of the old one.
func (s *Server) resetUserSessionKey(c *call) (object, *refusal) {
	a, no := s.signedAccount(c, 87007)
	if no != nil {
		return nil, no
	}
	s.setKey(a, a.keyExpires)
	return append(success(), field{"openid", a.openID}, field{"session_key", a.sessionKey}), nil
}

// signedAccount finds the user of a call that is signed with the user's session key. deadKey is the errcode for a user
// without a living key.
func (s *Server) signedAccount(c *call, deadKey int) (*account, *refusal) {
	openID, signature := c.field("openid"), c.field("signature")
	if openID == "" || signature == "" {
		return nil, refuse(40097)
	}
	if c.field("sig_method") != "hmac_sha256" {
		return nil, refuse(87008)
	}
	a, known := s.accountOf(c.appID, openID)
	if !known || !s.keyLives(a) {
		return nil, refuse(deadKey)
	}
	// The HMAC key is the text of the session key, not the bytes that it encodes; the message is empty.
	sum := hmac.New(sha256.New, []byte(a.sessionKey)).Sum(nil)
	if !hmac.Equal([]byte(hex.EncodeToString(sum)), []byte(signature)) {
		return nil, refuse(87009)
	}
	return a, nil
}

// SessionKey is the user's present session key in the app, and empty when there is none. It panics when the app does not
// exist.
func (s *Server) SessionKey(appID, user string) string {
	app := s.mustApp(appID)
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.accounts.get(openIDOf(app.ID, user))
	if !ok || !s.keyLives(a) {
		return ""
	}
	return a.sessionKey
}

// RotateKey gives the user a new session key that nobody has exchanged, as a login on another device or WeChat's data
// pre-fetch does: the key that a server holds is dead from now on. It panics when the app does not exist or the user is
// empty.
func (s *Server) RotateKey(appID, user string) {
	must(s.rotateKey(appID, user))
}

func (s *Server) rotateKey(appID, user string) error {
	app, err := s.person(appID, user)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replaceKey(s.visit(app.ID, user))
	return nil
}
