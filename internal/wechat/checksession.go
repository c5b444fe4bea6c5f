package wechat

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
)

var (
	checkSessionAPI    = api{name: "checksession", path: "/wxa/checksession", needsToken: true, retryBusy: true}
	resetSessionKeyAPI = api{name: "resetusersessionkey", path: "/wxa/resetusersessionkey", needsToken: true, spends: true}
)

// CheckSession asks WeChat whether sessionKey is still the user's current one. Only WeChat knows: wx.checkSession on the phone
// looks at the latest key, which need not be ours. See WeChat's checkSessionKey page.
//
// A dead key is false without an error. Kinds to expect otherwise: KindRateLimited, KindMisconfigured, KindRefused, KindUnavailable.
func (c *Client) CheckSession(ctx context.Context, appID, openID, sessionKey string) (bool, error) {
	app, failure := c.userOf(checkSessionAPI, appID, openID)
	if failure != nil {
		return false, failure
	}
	err := c.run(ctx, request{
		api: checkSessionAPI, app: app, query: signedQuery(openID, sessionKey), meter: openID, openID: openID,
		private: []string{openID, sessionKey, loginSignature(sessionKey)},
		read:    func(object) error { return nil },
	})
	if failure, ok := errors.AsType[*Error](err); ok && failure.Kind == KindSessionKeyDead {
		return false, nil
	}
	return err == nil, err
}

// ResetUserSessionKey makes WeChat replace the user's session key and returns the new one, which lives no longer than the old
// one would have. See WeChat's resetUserSessionKey page.
//
// Kinds to expect: KindSessionKeyDead, KindRateLimited, KindMisconfigured, KindRefused, KindUnavailable. After KindUnavailable the
// old key may be dead.
func (c *Client) ResetUserSessionKey(ctx context.Context, appID, openID, sessionKey string) (string, error) {
	app, failure := c.userOf(resetSessionKeyAPI, appID, openID)
	if failure != nil {
		return "", failure
	}
	newKey := ""
	err := c.run(ctx, request{
		api: resetSessionKeyAPI, app: app, query: signedQuery(openID, sessionKey), meter: openID, openID: openID,
		private: []string{openID, sessionKey, loginSignature(sessionKey)},
		read: func(answer object) error {
			newKey = answer.text("session_key")
			if !isSessionKey(newKey) || answer.text("openid") != openID {
				return errors.New("no usable session_key of this user")
			}
			return nil
		},
	})
	if err != nil {
		return "", err
	}
	return newKey, nil
}

func signedQuery(openID, sessionKey string) url.Values {
	return url.Values{"openid": {openID}, "signature": {loginSignature(sessionKey)}, "sig_method": {"hmac_sha256"}}
}

// loginSignature proves knowledge of a session key: the HMAC of nothing, keyed with the key's text and not with its 16 bytes.
func loginSignature(sessionKey string) string { return signature(sessionKey, "") }

func signature(sessionKey, message string) string {
	mac := hmac.New(sha256.New, []byte(sessionKey))
	mac.Write([]byte(message))
	return hex.EncodeToString(mac.Sum(nil))
}
