package account

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"mpauth/internal/fault"
)

// SessionKeyStatus is what WeChat says about the session_key that the server holds.
type SessionKeyStatus string

// The statuses.
const (
	SessionKeyValid   SessionKeyStatus = "VALID"
	SessionKeyExpired SessionKeyStatus = "EXPIRED"
	SessionKeyAbsent  SessionKeyStatus = "ABSENT"
)

// CheckSessionKey asks WeChat whether the session_key that the server holds for the person is still
// the valid one. `wx.checkSession` cannot answer that: it looks at the key of the latest login code,
// which may have been another server's. Faults: RATE_LIMITED, WECHAT_UNAVAILABLE, UNAVAILABLE.
func (s *Service) CheckSessionKey(ctx context.Context, caller Caller) (SessionKeyStatus, error) {
	m, err := s.member(ctx, s.DB.Ent(), caller)
	if err != nil {
		return "", outward(err)
	}
	keys, err := s.SessionKeys.Keys(ctx, m.IdentityID, m.KeyPrint)
	if err != nil {
		return "", outward(err)
	}
	if len(keys) == 0 {
		return SessionKeyAbsent, nil
	}
	valid, err := s.WeChat.CheckSession(ctx, m.App.AppID, m.OpenID, keys[0])
	if err != nil {
		return "", refusal(err, fault.WechatUnavailable)
	}
	if !valid {
		return SessionKeyExpired, nil
	}
	return SessionKeyValid, nil
}

// MarshalGQL writes the status's name.
func (s SessionKeyStatus) MarshalGQL(w io.Writer) { _, _ = io.WriteString(w, strconv.Quote(string(s))) }

// UnmarshalGQL reads a status's name.
func (s *SessionKeyStatus) UnmarshalGQL(v any) error {
	name, _ := v.(string)
	switch SessionKeyStatus(name) {
	case SessionKeyValid, SessionKeyExpired, SessionKeyAbsent:
		*s = SessionKeyStatus(name)
		return nil
	}
	return fmt.Errorf("%q is not a SessionKeyStatus", name)
}
